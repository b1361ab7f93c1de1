package dev.lotus.cli;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.CudaLibraries;
import dev.lotus.device.TorchRuntime;
import dev.lotus.kernel.Kernels;
import dev.lotus.report.Json;
import dev.lotus.unlearn.LibraryVersions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code lotus info}: what this machine and this build offer, and why something is missing. */
@Command(
    name = "info",
    mixinStandardHelpOptions = true,
    description = "Show devices, libraries and kernels available here, and why others are not.")
final class InfoCommand implements Callable<Integer> {
  @Option(names = "--json", description = "Print JSON, and only that, on stdout.")
  boolean json;

  @Option(names = "--debug", description = "Print the stack of an error.")
  boolean debug;

  @Override
  public Integer call() {
    TorchRuntime.load(0);
    ComputeDevice automatic = ComputeDevice.parse("auto");
    List<String> devices = new ArrayList<>(List.of(ComputeDevice.CPU.describe()));
    if (automatic.cuda()) {
      devices.add(automatic.describe());
    }
    Map<String, Object> backends = new LinkedHashMap<>();
    backends.put("cpu", backend("", "instruction set " + Kernels.cpuLevel()));
    backends.put("cuda", backend(Kernels.unavailableReason(0), ""));
    backends.put("libtorch-cuda", backend(automatic.cuda() ? "" : ComputeDevice.reason(), ""));
    Map<String, String> libraries = new LinkedHashMap<>(LibraryVersions.all());
    libraries.remove("lotus");
    libraries.remove("java");
    libraries.put("liblotus", Kernels.version());
    libraries.put("cudart", CudaLibraries.cudart());
    libraries.put("cudnn", CudaLibraries.cudnn());
    libraries.put("openmp_threads", String.valueOf(torch.get_num_threads()));
    Map<String, Object> info = new LinkedHashMap<>();
    info.put("version", LibraryVersions.program());
    info.put("java", System.getProperty("java.runtime.version"));
    info.put("devices", devices);
    info.put("backends", backends);
    info.put("libraries", libraries);
    if (json) {
      System.out.println(Json.text(info));
    } else {
      print(info);
    }
    return Main.DONE;
  }

  private static Map<String, Object> backend(String unavailable, String note) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("available", unavailable.isEmpty());
    entry.put("reason", unavailable.isEmpty() ? note : unavailable);
    return entry;
  }

  private static void print(Map<String, Object> info) {
    System.out.printf("lotus %s, Java %s%n", info.get("version"), info.get("java"));
    for (Object device : (List<?>) info.get("devices")) {
      System.out.println("device    " + device);
    }
    ((Map<?, ?>) info.get("backends"))
        .forEach(
            (name, value) -> {
              Map<?, ?> entry = (Map<?, ?>) value;
              System.out.printf(
                  "kernels   %-14s %s%s%n",
                  name,
                  Boolean.TRUE.equals(entry.get("available")) ? "yes" : "no",
                  entry.get("reason").toString().isEmpty() ? "" : ": " + entry.get("reason"));
            });
    ((Map<?, ?>) info.get("libraries"))
        .forEach((name, version) -> System.out.printf("library   %-14s %s%n", name, version));
  }
}
