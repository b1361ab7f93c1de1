package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of everything added, in order. */
public final class Checksum {
  private final MessageDigest digest;

  Checksum() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /**
   * Of one file's content, in lower-case hex.
   *
   * @throws InputException if the file cannot be read
   */
  public static String ofFile(Path file) {
    Checksum sum = new Checksum();
    byte[] chunk = new byte[1 << 20];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
        sum.digest.update(chunk, 0, read);
      }
      return sum.hex();
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  /** Of some bytes, in lower-case hex. */
  public static String ofBytes(byte[] bytes) {
    return new Checksum().add(bytes).hex();
  }

  Checksum add(byte[] bytes) {
    digest.update(bytes);
    return this;
  }

  /** Lower-case hex; ends the sum. */
  String hex() {
    return HexFormat.of().formatHex(bytes());
  }

  /** The 32 bytes of the sum; ends it. */
  byte[] bytes() {
    return digest.digest();
  }
}
