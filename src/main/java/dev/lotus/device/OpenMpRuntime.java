package dev.lotus.device;

import java.net.URL;
import org.bytedeco.javacpp.ClassProperties;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/**
 * The one OpenMP runtime of the process. libtorch brings its own and loads it by its path; a
 * library that needs one asks by name and takes what is there. So libtorch's must come first: after
 * another there would be two, each with threads for all processors.
 */
public final class OpenMpRuntime {
  private static boolean shared;

  private OpenMpRuntime() {}

  /**
   * Loads libtorch's OpenMP runtime, and nothing else of it, before a library that uses OpenMP is
   * loaded. Where there is none, that library finds the system's.
   */
  public static synchronized void share() {
    if (!shared) {
      ClassProperties properties =
          Loader.loadProperties(torch.class, Loader.loadProperties(), true);
      URL[] places = Loader.findLibrary(torch.class, properties, "gomp@.1", false);
      if (places.length > 0) {
        Loader.loadLibrary(torch.class, places, "gomp@.1");
      }
      shared = true;
    }
  }
}
