package dev.lotus.device;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory of this process, native memory included, as Linux accounts for it. */
public final class ProcessMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");
  private static final String RESET_PEAK = "5";
  private static final int KIBI = 1024;

  private ProcessMemory() {}

  /** Most bytes that were resident so far; 0 where the system does not say. */
  public static long peakBytes() {
    return entry("VmHWM:");
  }

  /** Bytes that are resident; 0 where the system does not say. */
  public static long residentBytes() {
    return entry("VmRSS:");
  }

  /** Bytes of the address space that are taken; 0 where the system does not say. */
  static long addressBytes() {
    return entry("VmSize:");
  }

  /**
   * Begins a new peak at what is resident now.
   *
   * @return whether the system could
   */
  public static boolean resetPeak() {
    try {
      Files.writeString(CLEAR, RESET_PEAK);
      return true;
    } catch (IOException e) {
      return false; // no Linux, or not allowed
    }
  }

  private static long entry(String key) {
    return bytes(STATUS, key);
  }

  /** An entry of one of the system's tables, in bytes; 0 where there is none. */
  static long bytes(Path table, String key) {
    try {
      return Files.readAllLines(table).stream()
          .filter(line -> line.startsWith(key))
          .map(line -> line.substring(key.length()).replace("kB", "").strip())
          .mapToLong(kibibytes -> Long.parseLong(kibibytes) * KIBI)
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      return 0; // no Linux
    }
  }
}
