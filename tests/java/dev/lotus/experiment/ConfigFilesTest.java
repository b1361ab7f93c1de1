package dev.lotus.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.Normalization;
import dev.lotus.device.LeakCheck;
import dev.lotus.experiment.ExperimentSpec.DataSpec;
import dev.lotus.experiment.ExperimentSpec.MethodSpec;
import dev.lotus.experiment.ExperimentSpec.ModelSpec;
import dev.lotus.experiment.ExperimentSpec.Training;
import dev.lotus.report.RunRecord;
import dev.lotus.track.TrackingSettings;
import dev.lotus.unlearn.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every file of config/ is read and takes one step: an original, a gold model and the methods, one
 * batch each, on generated images of the data set's size and classes. For time, networks are
 * narrowed to a sixteenth of their width (their depth stays), and of a method's equal steps in
 * several files, on the same network at the same size, one is taken. Of the transformers' files one
 * is taken at 224 pixels, the others at 64. Pretrained weights are drawn.
 */
@ExtendWith(LeakCheck.class)
class ConfigFilesTest {
  private static final Path CONFIG = Path.of(System.getProperty("lotus.basedir", "."), "config");

  /** Two images of each of two classes; half of them are forgotten where the file says less. */
  private static final int TRAIN = 4;

  private static final int HELD_OUT = 4;

  private static Engine engine;

  @BeforeAll
  static void load() {
    engine = SmallEngine.open();
  }

  private static List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(CONFIG)) {
      return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
    }
  }

  @Test
  void thePapersExperimentsAreThere() throws IOException {
    Set<String> names = new HashSet<>();
    for (Path file : files()) {
      ExperimentSpec spec = ExperimentFile.read(file);
      assertThat(file).hasFileName(spec.name() + ".yaml");
      assertThat(spec.seeds().training()).containsExactly(3407L, 13L, 12L);
      names.add(spec.name());
    }
    for (String data : List.of("cifar10", "cifar100", "tiny-imagenet", "mufac")) {
      assertThat(names).contains(data + "-resnet18", data + "-vit");
    }
    assertThat(names)
        .contains(
            "cifar10-resnet18-half",
            "cifar100-resnet18-half",
            "cifar10-vit-half",
            "cifar100-vit-half",
            "imagenet-vit",
            "cifar10-resnet18-class",
            "cifar100-resnet18-class",
            "tiny-imagenet-resnet18-class",
            "cifar10-resnet18-ablations",
            "cifar10-small",
            "demo");
  }

  /** The published settings, by architecture and data set; small files have their own. */
  @Test
  void theSettingsAreThePublishedOnes() throws IOException {
    for (Path file : files()) {
      ExperimentSpec spec = ExperimentFile.read(file);
      if (Set.of("demo", "cifar10-small").contains(spec.name())) {
        continue;
      }
      boolean vit = spec.name().contains("vit");
      boolean imagenet = spec.name().equals("imagenet-vit");
      String data = spec.data().get(0).dataset();
      assertThat(spec.models().get(0).train())
          .as(spec.name())
          .isEqualTo(
              imagenet
                  ? null
                  : vit
                      ? new Training(30, 64, 1e-4, 5e-4, "constant", true)
                      : new Training(150, 512, 0.1, 5e-4, "warmup", true));
      for (MethodSpec m : spec.methods()) {
        String as = spec.name() + ", " + m.name();
        boolean unsir = m.method().equals("unsir");
        int batch = imagenet ? (unsir ? 64 : 256) : vit ? (unsir ? 16 : 32) : 128;
        if (unsir && spec.name().equals("mufac-resnet18")) {
          batch = 64;
        }
        assertThat(m.epochs()).as(as).isEqualTo(vit ? 3 : 10);
        assertThat(m.batch()).as(as).isEqualTo(batch);
        boolean lotus = m.method().contains("lotus");
        assertThat(m.lr()).as(as).isEqualTo(lotus ? (Double) (vit ? 1e-6 : 1e-4) : null);
        assertThat(m.weightDecay())
            .as(as)
            .isEqualTo(
                m.method().equals("scrub")
                    ? (Double) (data.equals("cifar100") ? 5e-4 : 0.1)
                    : null);
        assertThat(m.beta()).as(as).isEqualTo(m.method().equals("neggrad+") ? 0.9999 : 0.95);
        if (lotus && !spec.name().endsWith("ablations")) {
          boolean whole = spec.name().endsWith("class");
          double alpha = whole ? 32 : data.equals("cifar10") && !vit ? 8 : 2;
          assertThat(m.alpha()).as(as).isEqualTo(alpha);
        }
      }
    }
  }

  @Test
  void everyFileTakesAStep(@TempDir Path temp) throws IOException {
    Set<String> taken = new HashSet<>();
    for (Path file : files()) {
      step(ExperimentFile.read(file), temp.resolve(file.getFileName()), taken);
    }
  }

  private static void step(ExperimentSpec spec, Path folder, Set<String> taken) {
    ExperimentSpec small = small(spec, taken);
    Plan plan = Plan.of(small, new Generated(), engine);
    assertThat(plan.cells()).hasSize(spec.data().size());
    try (ItemStore store = ItemStore.open(folder)) {
      for (Plan.Cell cell : plan.cells()) {
        cell.data().split().write(store.splitFile(cell.splitSha256()));
        try (ItemTracking untold = new ItemTracking(TrackingSettings.NONE, folder, line -> {});
            CellWork work = new CellWork(cell, store, untold, line -> {})) {
          List<WorkItem> made = new ArrayList<>(List.of(cell.original()));
          work.train(cell.original());
          String network = cell.arch() + " at " + cell.arch().imageSize();
          if (cell.gold() != null && taken.add("gold with " + network)) {
            work.train(cell.gold());
            made.add(cell.gold());
          }
          for (Plan.Unlearning run : cell.runs()) {
            String what = run.method().method() + run.method().unseen();
            if (taken.add(what + " with " + network)) {
              work.unlearn(run);
              made.add(run.item());
            }
          }
          if (made.contains(cell.gold()) && taken.add("scores of " + cell.model().architecture())) {
            work.score(made.get(made.size() - 1));
          }
          for (WorkItem item : made) {
            RunRecord record = store.folder(item).readRun();
            assertThat(record.model().get("classes")).isEqualTo(cell.data().dataset().classes());
            assertThat(store.folder(item).model()).isNotEmptyFile();
          }
        }
      }
    }
  }

  /** One epoch, one batch, one seed, narrow. */
  private static ExperimentSpec small(ExperimentSpec spec, Set<String> taken) {
    boolean large =
        spec.models().get(0).architecture().startsWith("vit") && !taken.add("224 pixels");
    List<ModelSpec> models = new ArrayList<>();
    for (ModelSpec model : spec.models()) {
      Training train = model.train();
      models.add(
          new ModelSpec(
              model.name(),
              model.architecture(),
              Math.min(model.width(), 0.0625),
              null,
              model.normalize(),
              train == null
                  ? null
                  : new Training(
                      1,
                      TRAIN,
                      train.lr(),
                      train.weightDecay(),
                      train.schedule(),
                      train.augment())));
    }
    List<MethodSpec> methods = new ArrayList<>();
    for (MethodSpec m : spec.methods()) {
      methods.add(
          new MethodSpec(
              m.name(),
              m.method(),
              1,
              TRAIN,
              m.lr(),
              m.weightDecay(),
              m.augment(),
              m.retainFraction(),
              m.alpha(),
              m.tau(),
              m.accuracyRounding(),
              m.forgetTarget(),
              m.retainTarget(),
              m.beta(),
              m.upstreamQuirks(),
              m.unseen()));
    }
    return new ExperimentSpec(
        spec.name(),
        spec.title(),
        new ExperimentSpec.Seeds(spec.seeds().training().subList(0, 1), List.of(), null),
        spec.data().stream().map(data -> enough(data, large ? 64 : data.imageSize())).toList(),
        models,
        methods,
        spec.audit(),
        spec.tracking());
  }

  /** A fraction of two images must be one at least. */
  private static DataSpec enough(DataSpec data, int imageSize) {
    ExperimentSpec.Forget forget = data.forget();
    return new DataSpec(
        data.name(),
        data.dataset(),
        data.place(),
        imageSize,
        data.perClass(),
        data.heldOut(),
        data.skipBadImages(),
        forget.fraction() == null ? forget : new ExperimentSpec.Forget(0.5, null, null, null));
  }

  /** Data sets of the real ones' shape, with a few images of two classes. */
  static class Generated extends Inputs {
    Generated() {
      super(null, false, line -> {});
    }

    @Override
    Dataset open(DataSpec spec, String unseen) {
      assertThat(Datasets.names()).contains(spec.dataset());
      int side = spec.imageSize() != 0 ? spec.imageSize() : side(spec.dataset());
      int classes = classes(spec.dataset());
      int forgotten = 0;
      List<String> names =
          new ArrayList<>(IntStream.range(0, classes).mapToObj(k -> "class " + k).toList());
      String label = spec.forget().classLabel();
      if (label != null) {
        forgotten = label.matches("\\d+") ? Integer.parseInt(label) : 1;
        names.set(forgotten, label);
      }
      int[] labels = {forgotten, (forgotten + 1) % classes};
      return new Dataset(
          spec.dataset(),
          new NoiseImages(side, TRAIN, labels, 1),
          new NoiseImages(side, unseen == null ? HELD_OUT : 2 * HELD_OUT, labels, 2),
          names,
          "0".repeat(64),
          Normalization.uniform(3, 0.5f, 0.25f),
          unseen == null ? Dataset.HALVED : HELD_OUT,
          spec.dataset().equals("mufac")
              ? new Dataset.PublishedForget(0, 2)
              : new Dataset.PublishedForget(0.5, 0));
    }

    private static int side(String dataset) {
      return switch (dataset) {
        case "tiny-imagenet" -> 64;
        case "mufac" -> 128;
        case "imagenet" -> 224;
        default -> 32;
      };
    }

    private static int classes(String dataset) {
      return switch (dataset) {
        case "cifar100" -> 100;
        case "tiny-imagenet" -> 200;
        case "mufac" -> 8;
        case "imagenet" -> 1000;
        default -> 10;
      };
    }
  }
}
