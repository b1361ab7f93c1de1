package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;

/**
 * Counts this JVM's calls into the native libraries: what crossing the border costs a step is their
 * number times some ten nanoseconds.
 */
public final class JniCalls {
  private JniCalls() {}

  /**
   * Counts from now on, in all threads, for the rest of the process: calls of the native methods of
   * JavaCPP, its presets and this library that have not been called before. So ask before the first
   * work.
   *
   * @return whether this JVM and this build can count
   */
  public static boolean count() {
    return Lotus.lotus_count_jni_calls() == Lotus.LOTUS_OK;
  }

  /** Calls so far; 0 where nobody counts. */
  public static long calls() {
    return Lotus.lotus_jni_calls();
  }
}
