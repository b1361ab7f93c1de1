package dev.lotus.cli;

import dev.lotus.data.Catalog;
import dev.lotus.data.Dataset;
import dev.lotus.data.DatasetSummary;
import dev.lotus.data.Download;
import dev.lotus.data.ImageSet;
import dev.lotus.device.InputException;
import dev.lotus.report.Json;
import dev.lotus.report.Progress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lotus data}: which data sets there are, whether one is whole, and where to get it. */
@Command(
    name = "data",
    mixinStandardHelpOptions = true,
    description = "List the data sets, verify a folder, or download one.",
    synopsisSubcommandLabel = "(list | verify | download)",
    subcommands = {
      DataCommand.ListCommand.class,
      DataCommand.VerifyDataCommand.class,
      DataCommand.DownloadCommand.class
    })
final class DataCommand implements Callable<Integer> {
  @Override
  public Integer call() {
    throw new InputException("lotus data: name list, verify or download");
  }

  private static Catalog entry(String name) {
    return Catalog.all().stream()
        .filter(e -> e.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    "there is no data set '"
                        + name
                        + "'; known are "
                        + String.join(", ", Catalog.all().stream().map(Catalog::name).toList())));
  }

  /** {@code lotus data list}. */
  @Command(
      name = "list",
      mixinStandardHelpOptions = true,
      description = "The data sets known by name, and where they come from.")
  static final class ListCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Print JSON, and only that, on stdout.")
    boolean json;

    @Option(names = "--debug", description = "Print the stack of an error.")
    boolean debug;

    @Override
    public Integer call() {
      List<Map<String, Object>> all = new ArrayList<>();
      for (Catalog set : Catalog.all()) {
        long bytes = set.files().stream().mapToLong(Catalog.File::bytes).sum();
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("name", set.name());
        entry.put("images", set.images());
        entry.put("download_bytes", bytes);
        entry.put("source", set.source());
        all.add(entry);
        if (!json) {
          String size = bytes == 0 ? "-" : bytes / 1_000_000 + " MB";
          System.out.printf("%-14s %-42s %-8s %s%n", set.name(), set.images(), size, set.source());
        }
      }
      if (json) {
        System.out.println(Json.text(Map.of("datasets", all)));
      }
      return Main.DONE;
    }
  }

  /** {@code lotus data verify}: reads and decodes everything. */
  @Command(
      name = "verify",
      mixinStandardHelpOptions = true,
      description =
          "Read a data set whole, decode every image, and print counts and channel statistics.")
  static final class VerifyDataCommand implements Callable<Integer> {
    private static final String DIFFERS = "NOT as published: ";

    @Mixin DataOptions data;

    @Option(names = "--json", description = "Print JSON, and only that, on stdout.")
    boolean json;

    @Option(names = "--quiet", description = "No progress.")
    boolean quiet;

    @Option(names = "--debug", description = "Print the stack of an error.")
    boolean debug;

    @Override
    public Integer call() {
      Progress progress = Progress.standard(quiet || json);
      Dataset set = data.read(progress::note);
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("dataset", set.name());
      result.put("classes", set.classes());
      result.put("sha256", set.sha256());
      String published = publishedFiles();
      result.put("published_files", published);
      result.put("train", part(progress, set, set.train(), "train"));
      if (set.heldOut().size() > 0) {
        result.put("held_out", part(progress, set, set.heldOut(), "held-out"));
      }
      if (json) {
        System.out.println(Json.text(result));
      } else {
        System.out.printf("data set   %s, %d classes%n", set.name(), set.classes());
        System.out.printf("sha256     %s%n", set.sha256());
        System.out.printf("published  %s%n", result.get("published_files"));
      }
      return published.startsWith(DIFFERS) ? Main.FAILED : Main.DONE;
    }

    /** Whether the given place is, or holds, the very files that are published. */
    private String publishedFiles() {
      List<String> differing = new ArrayList<>();
      int same = 0;
      for (Catalog.File file : entry(data.dataset).files()) {
        Path path = Files.isDirectory(data.data) ? data.data.resolve(file.name()) : data.data;
        if (Files.isRegularFile(path) && path.endsWith(file.name())) {
          try {
            Download.verify(path, file);
            same++;
          } catch (InputException e) {
            differing.add(e.getMessage());
          }
        }
      }
      if (!differing.isEmpty()) {
        return DIFFERS + String.join("; ", differing);
      }
      return same == 0
          ? "no file here that the publisher gives a checksum for"
          : same + " files have the published size and checksum";
    }

    private Map<String, Object> part(Progress progress, Dataset set, ImageSet images, String name) {
      DatasetSummary summary;
      try (Progress.Task task = progress.start("reading " + name, images.size(), "images")) {
        summary =
            DatasetSummary.of(
                images,
                set.classes(),
                () -> {
                  synchronized (task) {
                    task.step(1);
                  }
                });
      }
      int[] counts = summary.classCounts();
      int least = Arrays.stream(counts).min().orElse(0);
      int most = Arrays.stream(counts).max().orElse(0);
      if (!json) {
        System.out.printf(
            Locale.ROOT,
            "%-10s %d images of %dx%dx%d, %d to %d a class; channel means %s, std %s%n",
            name,
            summary.images(),
            images.channels(),
            images.height(),
            images.width(),
            least,
            most,
            numbers(summary.means()),
            numbers(summary.stds()));
      }
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("images", summary.images());
      entry.put("shape", List.of(images.channels(), images.height(), images.width()));
      entry.put("class_counts", Arrays.stream(counts).boxed().toList());
      entry.put("means", Arrays.stream(summary.means()).boxed().toList());
      entry.put("stds", Arrays.stream(summary.stds()).boxed().toList());
      return entry;
    }

    private static String numbers(double[] values) {
      StringBuilder text = new StringBuilder();
      for (double value : values) {
        text.append(text.length() == 0 ? "" : " ");
        text.append(String.format(Locale.ROOT, "%.4f", value));
      }
      return text.toString();
    }
  }

  /** {@code lotus data download}. */
  @Command(
      name = "download",
      mixinStandardHelpOptions = true,
      description =
          "Fetch a data set from its official address; what was begun goes on where it was.")
  static final class DownloadCommand implements Callable<Integer> {
    private static final int PAUSE_MS = 1000;

    @Parameters(paramLabel = "D", description = "The data set's name.")
    String name;

    @Option(
        names = "--out",
        paramLabel = "DIR",
        description = "Where the files go (default: data/NAME).")
    Path out;

    @Option(names = "--quiet", description = "No progress.")
    boolean quiet;

    @Option(names = "--debug", description = "Print the stack of an error.")
    boolean debug;

    @Override
    public Integer call() {
      Catalog set = entry(name);
      if (set.files().isEmpty()) {
        throw new InputException(name + " cannot be downloaded: " + set.source());
      }
      Path folder = out != null ? out : Path.of("data", name);
      Progress progress = Progress.standard(quiet);
      for (Catalog.File file : set.files()) {
        try (Progress.Task task = progress.start(file.name(), file.bytes(), "bytes")) {
          long[] shown = {0};
          Download download =
              new Download(
                  PAUSE_MS,
                  (done, total) -> {
                    task.step(Math.max(0, done - shown[0]));
                    shown[0] = Math.max(shown[0], done);
                  });
          System.out.println(download.fetch(file, folder));
        }
      }
      return Main.DONE;
    }
  }
}
