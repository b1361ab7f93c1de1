package dev.lotus.device;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.cuda.CUDAAllocator;
import org.bytedeco.pytorch.cuda.DeviceStats;
import org.bytedeco.pytorch.global.torch_cuda;

/** Memory that tensors can have on a device, and what work there takes of it. */
public final class DeviceMemory {
  private static final Path SYSTEM = Path.of("/proc/meminfo");
  private static final Path GROUPS = Path.of("/sys/fs/cgroup");
  private static final Path LIMITS = Path.of("/proc/self/limits");
  private static final String ADDRESS_SPACE = "Max address space";
  private static final Path OWN_GROUPS = Path.of("/proc/self/cgroup");

  /** A group's limit, what it holds, and the files that lie in its folder beside them. */
  private record Accounts(String limit, String used, String reclaimable) {}

  private static final Accounts SECOND_VERSION =
      new Accounts("memory.max", "memory.current", "inactive_file");
  private static final Accounts FIRST_VERSION =
      new Accounts("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");

  private DeviceMemory() {}

  /**
   * Bytes that can be had now without anybody else giving some up. Of a CPU: the system's, swap
   * included, within the limits of this process (ulimit -v) and of its control group (a
   * container's); of a GPU: the free ones and those that libtorch's allocator keeps for later.
   *
   * @return {@link Long#MAX_VALUE} where the system does not say
   */
  public static long availableBytes(ComputeDevice device) {
    if (device.cuda()) {
      try (PointerScope scope = new PointerScope()) {
        DeviceStats stats = allocator().getDeviceStats((byte) device.index());
        long kept = stats.reserved_bytes().current() - stats.allocated_bytes().current();
        return CudaRuntime.freeBytes(device) + kept;
      }
    }
    long available = ProcessMemory.bytes(SYSTEM, "MemAvailable:");
    long system =
        available == 0 ? Long.MAX_VALUE : available + ProcessMemory.bytes(SYSTEM, "SwapFree:");
    return Math.min(system, Math.min(groupBytes(), addressBytes()));
  }

  /**
   * Runs {@code work}.
   *
   * @return the most bytes that it held at once beyond what was held before; -1 where the system
   *     does not say
   */
  public static long peakOf(ComputeDevice device, Runnable work) {
    if (device.cuda()) {
      try (PointerScope scope = new PointerScope()) {
        byte index = (byte) device.index();
        long before = allocator().getDeviceStats(index).allocated_bytes().current();
        allocator().resetPeakStats(index);
        work.run();
        return allocator().getDeviceStats(index).allocated_bytes().peak() - before;
      }
    }
    // What was freed but not given back would hide as much of the work.
    Pointer.trimMemory();
    boolean fresh = ProcessMemory.resetPeak();
    long before = ProcessMemory.residentBytes();
    work.run();
    return fresh && before > 0 ? Math.max(0, ProcessMemory.peakBytes() - before) : -1;
  }

  /** Gives back what libtorch's allocator keeps for later; of a CPU, what the C library does. */
  public static void release(ComputeDevice device) {
    if (device.cuda()) {
      allocator().emptyCache();
    } else {
      Pointer.trimMemory();
    }
  }

  private static CUDAAllocator allocator() {
    return torch_cuda.getAllocator();
  }

  /** Within the limit of this process's address space. */
  private static long addressBytes() {
    try {
      return Files.readAllLines(LIMITS).stream()
          .filter(line -> line.startsWith(ADDRESS_SPACE))
          .map(line -> line.substring(ADDRESS_SPACE.length()).strip().split(" +")[0])
          .filter(limit -> !limit.equals("unlimited"))
          .mapToLong(limit -> Long.parseLong(limit) - ProcessMemory.addressBytes())
          .findFirst()
          .orElse(Long.MAX_VALUE);
    } catch (IOException e) {
      return Long.MAX_VALUE; // no Linux
    }
  }

  /** Within the limits of this process's control group and of those around it. */
  private static long groupBytes() {
    long least = Long.MAX_VALUE;
    try {
      for (String line : Files.readAllLines(OWN_GROUPS)) {
        String[] parts = line.split(":", 3); // number, controllers, path
        if (parts.length == 3 && parts[1].isEmpty()) {
          least = Math.min(least, groupBytes(GROUPS, parts[2], SECOND_VERSION));
        } else if (parts.length == 3 && List.of(parts[1].split(",")).contains("memory")) {
          least = Math.min(least, groupBytes(GROUPS.resolve("memory"), parts[2], FIRST_VERSION));
        }
      }
    } catch (IOException e) {
      return Long.MAX_VALUE; // no Linux
    }
    return least;
  }

  private static long groupBytes(Path root, String path, Accounts accounts) {
    long least = Long.MAX_VALUE;
    Path folder = root.resolve(path.substring(1)).normalize();
    while (folder.startsWith(root)) {
      least = Math.min(least, groupBytes(folder, accounts));
      folder = folder.getParent();
    }
    return least;
  }

  private static long groupBytes(Path folder, Accounts accounts) {
    try {
      String limit = Files.readString(folder.resolve(accounts.limit())).strip();
      if (limit.equals("max")) {
        return Long.MAX_VALUE;
      }
      long used = Long.parseLong(Files.readString(folder.resolve(accounts.used())).strip());
      long cache =
          Files.readAllLines(folder.resolve("memory.stat")).stream()
              .filter(line -> line.startsWith(accounts.reclaimable() + " "))
              .mapToLong(line -> Long.parseLong(line.substring(line.indexOf(' ') + 1)))
              .sum();
      return Math.max(0, Long.parseLong(limit) - used + cache);
    } catch (IOException | NumberFormatException e) {
      return Long.MAX_VALUE; // no such group in sight, as inside of a container
    }
  }
}
