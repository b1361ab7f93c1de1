package dev.lotus.fuzz;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A parser of somebody else's bytes.
 *
 * @param seeds sound inputs, from which others are made
 */
public record FuzzTarget(List<byte[]> seeds, Parser parser) {
  /** Reads bytes that may be anything; refuses them by an InputException only. */
  public interface Parser {
    void parse(byte[] bytes) throws IOException;
  }

  /** The same of a file. */
  public interface FileParser {
    void parse(Path file) throws IOException;
  }

  public static FuzzTarget of(Parser parser, byte[]... seeds) {
    return new FuzzTarget(List.of(seeds), parser);
  }

  /**
   * @param file takes each input
   */
  public static FuzzTarget file(Path file, FileParser parser, byte[]... seeds) {
    return of(
        bytes -> {
          Files.write(file, bytes);
          parser.parse(file);
        },
        seeds);
  }

  public static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** A file of tests/golden. */
  public static byte[] golden(String name) throws IOException {
    return Files.readAllBytes(
        Path.of(System.getProperty("lotus.basedir", "."), "tests", "golden").resolve(name));
  }
}
