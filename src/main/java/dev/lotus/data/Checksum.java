package dev.lotus.data;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of everything added, in order. */
final class Checksum {
  private final MessageDigest digest;

  Checksum() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  Checksum add(byte[] bytes) {
    digest.update(bytes);
    return this;
  }

  /** Lower-case hex; ends the sum. */
  String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }
}
