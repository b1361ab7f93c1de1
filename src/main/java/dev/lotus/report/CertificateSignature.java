package dev.lotus.report;

import dev.lotus.data.AtomicFiles;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;

/**
 * Ed25519 (RFC 8032) over a file's bytes, 64 bytes in base64. Keys are PEM files as {@code openssl
 * genpkey -algorithm ed25519} and {@code openssl pkey -pubout} write them.
 */
public final class CertificateSignature {
  private static final String ALGORITHM = "Ed25519";

  private CertificateSignature() {}

  /**
   * Signs a file's content.
   *
   * @param content the bytes to sign
   * @param key PEM, PKCS#8, not encrypted
   * @param signature takes base64 and a newline
   * @throws InputException if the key is none of Ed25519, or a file cannot be read or written
   */
  public static void sign(byte[] content, Path key, Path signature) {
    try {
      PrivateKey secret =
          KeyFactory.getInstance(ALGORITHM)
              .generatePrivate(new PKCS8EncodedKeySpec(pem(key, "PRIVATE KEY")));
      Signature signer = Signature.getInstance(ALGORITHM);
      signer.initSign(secret);
      signer.update(content);
      String text = Base64.getEncoder().encodeToString(signer.sign()) + "\n";
      AtomicFiles.write(signature, text.getBytes(StandardCharsets.US_ASCII));
    } catch (GeneralSecurityException e) {
      throw new InputException(key + ": no Ed25519 private key (" + e.getMessage() + ")", e);
    }
  }

  /**
   * Whether the signature is this content's by that key.
   *
   * @param content the bytes that were signed
   * @param key PEM, X.509 SubjectPublicKeyInfo
   * @throws InputException if the key is none of Ed25519, or a file cannot be read
   */
  public static boolean verify(byte[] content, Path key, Path signature) {
    PublicKey open;
    try {
      open =
          KeyFactory.getInstance(ALGORITHM)
              .generatePublic(new X509EncodedKeySpec(pem(key, "PUBLIC KEY")));
    } catch (GeneralSecurityException e) {
      throw new InputException(key + ": no Ed25519 public key (" + e.getMessage() + ")", e);
    }
    try {
      Signature verifier = Signature.getInstance(ALGORITHM);
      verifier.initVerify(open);
      verifier.update(content);
      return verifier.verify(
          Base64.getDecoder()
              .decode(new String(bytes(signature), StandardCharsets.US_ASCII).strip()));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      // No 64 bytes in base64: whatever it is, it is not the signature.
      return false;
    }
  }

  private static byte[] pem(Path file, String kind) {
    String text = new String(bytes(file), StandardCharsets.US_ASCII);
    String begin = "-----BEGIN " + kind + "-----";
    String end = "-----END " + kind + "-----";
    int from = text.indexOf(begin);
    int to = text.indexOf(end);
    // The two may share their dashes.
    if (from < 0 || to < from + begin.length()) {
      throw new InputException(
          file + ": no PEM file with " + begin + "; openssl genpkey -algorithm ed25519 makes one");
    }
    try {
      return Base64.getMimeDecoder().decode(text.substring(from + begin.length(), to));
    } catch (IllegalArgumentException e) {
      throw new InputException(file + ": its base64 is broken (" + e.getMessage() + ")", e);
    }
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }
}
