package dev.lotus.cli;

import dev.lotus.data.AtomicFiles;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.dist.C10dGroup;
import dev.lotus.dist.Place;
import dev.lotus.dist.RankLostException;
import dev.lotus.dist.WorkerGroup;
import dev.lotus.report.Json;
import dev.lotus.unlearn.LibraryVersions;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * The processes that share a command. Rank 0 prints and writes; the others compute, and say on
 * stderr what goes wrong.
 */
final class Ranks {
  private static Place place = Place.ALONE;
  private static WorkerGroup group = WorkerGroup.ALONE;
  private static Consumer<String> notes = line -> {};
  private static boolean parted;

  private Ranks() {}

  /**
   * The command is one that processes share: from now on this process keeps to its place.
   *
   * @throws InputException if the environment does not say which it is
   */
  static void join() {
    place = Place.of(System.getenv());
    Launcher.endWithLauncher();
    if (!first()) {
      AtomicFiles.silence();
      System.setOut(new PrintStream(OutputStream.nullOutputStream()));
    }
  }

  /** Whether this process prints and writes. */
  static boolean first() {
    return place.rank() == 0;
  }

  static boolean alone() {
    return place.alone();
  }

  /** The device's words for this process: the GPU of its number on this host. */
  static String device(String words) {
    boolean choose = !alone() && (words.equals("auto") || words.equals("cuda"));
    return choose && ComputeDevice.parse(words).cuda() ? "cuda:" + place.localRank() : words;
  }

  /** CPU threads: several processes on a host share it, as OMP_NUM_THREADS says. */
  static int threads(int wanted) {
    String share = System.getenv("OMP_NUM_THREADS");
    return wanted == 0 && !alone() && share != null && share.matches("[1-9]\\d{0,3}")
        ? Integer.parseInt(share)
        : wanted;
  }

  /**
   * Meets the others; waits for them.
   *
   * @param note is told at the end what was sent
   */
  static WorkerGroup open(ComputeDevice device, Consumer<String> note) {
    notes = note;
    if (group.alone() && !alone()) {
      group = C10dGroup.open(place, device);
    }
    return group;
  }

  /**
   * All processes must be at the same thing: else they would add up what does not belong together.
   *
   * @param values what decides about the result, by name
   * @throws InputException where this process has others than rank 0, naming them
   */
  static void requireSame(Map<String, String> values) {
    if (alone()) {
      return;
    }
    Map<String, String> all = new TreeMap<>(values);
    all.put("lotus", LibraryVersions.program());
    all.put("numerics", String.valueOf(LibraryVersions.NUMERICS));
    all.put("pytorch", LibraryVersions.all().get("pytorch"));
    String first = group.broadcast(Json.text(new Said(all)), "what the run is");
    Map<String, String> rank0 = Json.parse(first, Said.class, "rank 0").values();
    Set<String> names = new TreeSet<>(all.keySet());
    names.addAll(rank0.keySet());
    List<String> differences = new ArrayList<>();
    for (String name : names) {
      if (!Objects.equals(all.get(name), rank0.get(name))) {
        String here = Objects.toString(all.get(name), "not said");
        differences.add(name + " is " + here + ", there " + rank0.get(name));
      }
    }
    if (!differences.isEmpty()) {
      throw new InputException(
          "rank "
              + place.rank()
              + " was started for another run than rank 0: "
              + String.join("; ", differences)
              + "; give all processes the same command and data");
    }
    // Nobody goes on before all have looked.
    group.meet("what the run is");
  }

  /** For JSON. */
  private record Said(Map<String, String> values) {}

  /** This process ends by an error: the others are told. */
  static void fail(String line) {
    if (!parted) {
      parted = true;
      group.leave(line);
    }
  }

  /**
   * The command is over.
   *
   * @param status its exit status
   * @return the same, or that of a process lost at the end
   */
  static int part(int status) {
    if (!parted) {
      try {
        group.close();
        if (!group.alone()) {
          notes.accept(
              String.format(
                  Locale.ROOT,
                  "%d processes, each of which sent %.1f MB",
                  group.size(),
                  group.bytesSent() / 1e6));
        }
      } catch (RankLostException e) {
        System.err.println("lotus: " + TorchRuntime.firstLine(e));
        parted = true;
        group.leave(TorchRuntime.firstLine(e));
        return Main.INTERNAL;
      } finally {
        if (!parted) {
          group = WorkerGroup.ALONE;
        }
      }
    }
    return status;
  }

  /**
   * Ends the process; one that others were lost to does not wait for threads in its collectives.
   */
  static void exit(int status) {
    if (parted && !group.alone()) {
      System.out.flush();
      AtomicFiles.deleteUnfinished();
      Runtime.getRuntime().halt(status);
    }
    System.exit(status);
  }

  /**
   * For what one process does alone.
   *
   * @throws InputException where there are several
   */
  static void requireAlone(String what) {
    if (!alone()) {
      throw new InputException(
          what + " takes one process; this is one of " + place.size() + " (WORLD_SIZE)");
    }
  }
}
