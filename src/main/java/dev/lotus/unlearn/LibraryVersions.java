package dev.lotus.unlearn;

import java.util.LinkedHashMap;
import java.util.Map;

/** What runs: this program, Java and the libraries. No native library is loaded to find out. */
public final class LibraryVersions {
  /** Of this program's arithmetic: raised with a change that moves the last bits of results. */
  public static final int NUMERICS = 3;

  private LibraryVersions() {}

  /** The version in the jar's manifest. */
  public static String program() {
    String version = LibraryVersions.class.getPackage().getImplementationVersion();
    return version != null ? version : "development";
  }

  /** For run.json and the page. */
  public static Map<String, String> all() {
    Map<String, String> versions = new LinkedHashMap<>();
    versions.put("lotus", program());
    versions.put("java", System.getProperty("java.runtime.version"));
    versions.put("javacpp", jarVersion(org.bytedeco.javacpp.Loader.class));
    versions.put("pytorch", jarVersion(org.bytedeco.pytorch.presets.torch.class));
    return versions;
  }

  private static String jarVersion(Class<?> inJar) {
    String version = inJar.getPackage().getImplementationVersion();
    return version != null ? version : "unknown";
  }
}
