package dev.lotus.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.IVersionProvider;

/** What runs: this program, Java and the libraries. No native library is loaded to find out. */
final class Versions implements IVersionProvider {
  @Override
  public String[] getVersion() {
    return new String[] {"lotus " + program()};
  }

  /** The version in the jar's manifest. */
  static String program() {
    String version = Main.class.getPackage().getImplementationVersion();
    return version != null ? version : "development";
  }

  /** For run.json and the page. */
  static Map<String, String> all() {
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
