package dev.lotus.experiment;

import dev.lotus.data.AtomicFiles;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.dist.WorkerGroup;
import dev.lotus.report.ExperimentPage;
import dev.lotus.report.ExperimentResults;
import dev.lotus.report.ExperimentTables;
import dev.lotus.report.Json;
import dev.lotus.track.TrackingSettings;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.LibraryVersions;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Works through an experiment's plan: what is finished stays, the rest is made in its order, a
 * model that fails is recorded and the others go on. The results are then read from the folders
 * alone, so that an interrupted experiment ends in the same ones.
 */
public final class ExperimentRun {
  private static final String MARKER = "experiment.json";

  /**
   * @param out folder of results.json, results.csv, tables.md, tables.tex and report.html
   * @param store folder of the models; null = {@code store} in {@code out}
   * @param data folder of relative paths in the file, or null
   * @param resume go on in an {@code out} that holds results
   * @param untrusted refuse TorchScript programs among the weights that the file names
   */
  public record Places(Path out, Path store, Path data, boolean resume, boolean untrusted) {
    Path itemStore() {
      return store == null ? out.resolve("store") : store;
    }
  }

  private final Plan plan;
  private final ItemStore store;
  private final ItemTracking tracking;
  private final Consumer<String> note;
  private final Steps steps;

  private ExperimentRun(Plan plan, ItemStore store, ItemTracking tracking, Consumer<String> note) {
    this.plan = plan;
    this.store = store;
    this.tracking = tracking;
    this.note = note;
    this.steps = new Steps(plan, store, tracking, note);
  }

  /**
   * @throws InputException where {@code out} holds results and is not to be gone on with
   */
  public static void requireFree(ExperimentSpec spec, Places places) {
    Path marker = places.out().resolve(MARKER);
    if (!Files.exists(marker)) {
      return;
    }
    Map<?, ?> held = Json.read(marker, Map.class);
    String elsewhere =
        "another --out, with --store " + places.itemStore() + " to use its models again";
    if (!places.resume()) {
      throw new InputException(
          places.out()
              + " holds the experiment "
              + held.get("name")
              + ": give --resume to go on there (finished models are kept), or "
              + elsewhere);
    }
    boolean sameName = spec.name().equals(held.get("name"));
    if (!sameName || !WorkItem.hash(spec).equals(held.get("sha256"))) {
      throw new InputException(
          places.out()
              + " holds "
              + (sameName
                  ? "the experiment " + spec.name() + " with other settings than the file has now"
                  : "another experiment, " + held.get("name") + ", not " + spec.name())
              + ": --resume goes on with the same file only; give "
              + elsewhere);
    }
  }

  /**
   * Says what this experiment is, once; one that goes on where threads, libtorch or this program's
   * arithmetic are others is told what that means.
   */
  private static void mark(
      ExperimentSpec spec, Places places, Engine engine, Consumer<String> note) {
    String threads = String.valueOf(TorchRuntime.threads());
    String pytorch = LibraryVersions.all().get("pytorch");
    String numerics = String.valueOf(LibraryVersions.NUMERICS);
    Path file = places.out().resolve(MARKER);
    if (!Files.exists(file)) {
      Map<String, Object> marker = new LinkedHashMap<>();
      marker.put("schema", ExperimentResults.SCHEMA);
      marker.put("name", spec.name());
      marker.put("sha256", WorkItem.hash(spec));
      marker.put("device", engine.device().cuda() ? "cuda" : "cpu");
      marker.put("threads", threads);
      marker.put("pytorch", pytorch);
      marker.put("numerics", numerics);
      AtomicFiles.write(file, Json.bytes(marker));
      return;
    }
    Map<?, ?> held = Json.read(file, Map.class);
    if (!engine.device().cuda()) {
      compare(held, "threads", threads, note);
    }
    compare(held, "pytorch", pytorch, note);
    compare(held, "numerics", numerics, note);
  }

  private static void compare(Map<?, ?> held, String what, String now, Consumer<String> note) {
    Object before = held.get(what);
    if (before != null && !before.equals(now)) {
      note.accept(
          "note: begun with "
              + what
              + " "
              + before
              + ", now "
              + now
              + ": the results will not be the same bytes as those of an undisturbed run");
    }
  }

  /**
   * Runs what is not finished, writes the results, and returns them.
   *
   * @param engine its normalisation is replaced by each model's own
   * @param note takes lines of progress
   * @throws InputException before any work, where an input is missing or unfit
   */
  public static ExperimentResults run(
      ExperimentSpec spec, Places places, Engine engine, Consumer<String> note) {
    return run(spec, places, new Inputs(places.data(), places.untrusted(), note), engine, note);
  }

  static ExperimentResults run(
      ExperimentSpec spec, Places places, Inputs inputs, Engine engine, Consumer<String> note) {
    if (engine.group().rank() == 0) {
      // The others looked before the first wrote.
      requireFree(spec, places);
    }
    Plan plan = Plan.of(spec, inputs, engine);
    requireSame(plan, engine.group());
    try (ItemStore store = ItemStore.open(places.itemStore());
        ItemTracking tracking =
            new ItemTracking(
                AtomicFiles.silent() ? TrackingSettings.NONE : spec.tracking(),
                places.out().resolve("tensorboard"),
                note)) {
      mark(spec, places, engine, note);
      ExperimentRun run = new ExperimentRun(plan, store, tracking, note);
      run.work();
      ExperimentResults results = Results.collect(plan, store, run.steps.failures(), engine);
      write(results, places.out());
      return results;
    }
  }

  private static void requireSame(Plan plan, WorkerGroup group) {
    if (!group.alone()) {
      List<String> items = new ArrayList<>();
      for (Plan.Cell cell : plan.cells()) {
        items.add(cell.original().sha256());
        cell.runs().forEach(run -> items.add(run.item().sha256()));
      }
      String own = WorkItem.hash(Map.of("spec", WorkItem.hash(plan.spec()), "items", items));
      if (!own.equals(group.broadcast(own, "the plan"))) {
        throw new InputException(
            "rank "
                + group.rank()
                + " has another plan than rank 0: give all processes the same file, --data and"
                + " options");
      }
      group.meet("the plan");
    }
  }

  private static void write(ExperimentResults results, Path out) {
    ExperimentTables tables = new ExperimentTables(results);
    write(out.resolve("results.csv"), tables.csv());
    write(out.resolve("tables.md"), tables.markdown());
    write(out.resolve("tables.tex"), tables.latex());
    write(out.resolve("report.html"), ExperimentPage.render(results));
    AtomicFiles.write(out.resolve("results.json"), Json.bytes(results));
  }

  private static void write(Path file, String text) {
    AtomicFiles.write(file, text.getBytes(StandardCharsets.UTF_8));
  }

  private void work() {
    for (Plan.Cell cell : plan.cells()) {
      Path splitFile = store.splitFile(cell.splitSha256());
      if (!Files.exists(splitFile)) {
        cell.data().split().write(splitFile);
      }
      boolean original;
      try (CellWork work = new CellWork(cell, store, tracking, note)) {
        original = cell(cell, work);
      }
      if (original && cell.audit() != null) {
        new AuditRun(cell, store, steps, note).run();
      }
    }
  }

  /** Returns whether there is an original. */
  private boolean cell(Plan.Cell cell, CellWork work) {
    String reason = steps.make(cell, cell.original(), () -> work.train(cell.original()));
    steps.record(cell, "Original", null, cell.original(), reason);
    if (reason != null) {
      skip(cell, "it needs the original, which failed");
      return false;
    }
    // Without the gold model the methods still run; what compares with it is null.
    if (cell.gold() != null) {
      reason = steps.make(cell, cell.gold(), () -> work.train(cell.gold()));
      steps.record(cell, "Gold", null, cell.gold(), reason);
    }
    score(cell, work, "Original", null, cell.original());
    if (store.hasGold(cell)) {
      score(cell, work, "Gold", null, cell.gold());
    } else if (cell.gold() != null) {
      steps.skip(Task.SCORE, cell.gold(), cell);
    }
    for (Plan.Unlearning run : cell.runs()) {
      String name = run.method().name();
      long seed = run.config().seed();
      reason = steps.make(cell, run.item(), () -> work.unlearn(run));
      steps.record(cell, name, seed, run.item(), reason);
      if (reason == null) {
        score(cell, work, name, seed, run.item());
      } else {
        steps.skip(Task.SCORE, run.item(), cell);
      }
    }
    return true;
  }

  private void skip(Plan.Cell cell, String reason) {
    steps.skip(Task.SCORE, cell.original(), cell);
    if (cell.gold() != null) {
      steps.skip(Task.MAKE, cell.gold(), cell);
      steps.skip(Task.SCORE, cell.gold(), cell);
    }
    for (Plan.Unlearning run : cell.runs()) {
      steps.skip(Task.MAKE, run.item(), cell);
      steps.skip(Task.SCORE, run.item(), cell);
      steps.record(cell, run.method().name(), run.config().seed(), run.item(), reason);
    }
    if (cell.audit() != null) {
      AuditRun.skip(cell, steps);
    }
  }

  private void score(Plan.Cell cell, CellWork work, String row, Long seed, WorkItem item) {
    String sha256 = WorkClock.scoreSha256(cell, item, store.hasGold(cell));
    if (store.scored(store.scores(item, cell.splitSha256()), sha256)) {
      steps.skip(Task.SCORE, item, cell);
    } else {
      String reason = steps.step(Task.SCORE, cell, item, () -> work.score(item));
      steps.record(cell, row, seed, item, reason);
    }
  }
}
