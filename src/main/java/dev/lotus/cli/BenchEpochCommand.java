package dev.lotus.cli;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbones;
import dev.lotus.bench.EpochBench;
import dev.lotus.bench.EpochBench.Variant;
import dev.lotus.bench.EpochRecord;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;
import dev.lotus.load.Augmentation;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.OptionWords;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lotus bench epoch}. */
@Command(
    name = "epoch",
    mixinStandardHelpOptions = true,
    description =
        "Time a whole LoTUS run with its evaluation beside the published one composed of eager libtorch operations, in turn.")
final class BenchEpochCommand implements Callable<Integer> {
  private static final double LEARNING_RATE = 1e-6;

  /** A drawn model knows nothing: by the schedule it could stop at once. */
  private static final double TAU = 2;

  @Mixin ComputeOptions compute;
  @Mixin BenchRecords output;

  @Option(
      names = "--dataset",
      paramLabel = "D",
      defaultValue = "synthetic",
      description = "A data set (default: ${DEFAULT-VALUE}).")
  String dataset;

  @Option(names = "--data", paramLabel = "DIR", description = "Its folder.")
  Path data;

  @Option(
      names = "--model",
      paramLabel = "M",
      defaultValue = "resnet18",
      description = "Architecture, drawn anew (default: ${DEFAULT-VALUE}).")
  String model;

  @Option(
      names = "--width",
      paramLabel = "W",
      defaultValue = "1",
      description = "Factor on the channels of every layer (default: ${DEFAULT-VALUE}).")
  double width;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      defaultValue = "10",
      description = "Epochs of unlearning (default: ${DEFAULT-VALUE}).")
  int epochs;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "128",
      description = "Images a step (default: ${DEFAULT-VALUE}).")
  int batch;

  @Option(
      names = "--forget-fraction",
      paramLabel = "F",
      defaultValue = "0.1",
      description = "Share of each class to forget (default: ${DEFAULT-VALUE}).")
  double forgetFraction;

  @Option(
      names = "--augment",
      paramLabel = "A",
      defaultValue = "published",
      description =
          "published, as the data set's training runs, or none (default: ${DEFAULT-VALUE}).")
  String augment;

  @Option(
      names = "--variant",
      paramLabel = "V,...",
      split = ",",
      defaultValue = "engine,composed",
      description =
          "engine, composed; one alone for its memory, which is the process's (default: ${DEFAULT-VALUE}).")
  List<String> variants = new ArrayList<>();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "1",
      description = "Runs of each (default: ${DEFAULT-VALUE}).")
  int rounds;

  @Override
  public Integer call() {
    List<Variant> sides =
        variants.stream().map(v -> OptionWords.parse("--variant", v, Variant.values())).toList();
    if (rounds < 1) {
      throw new InputException("--rounds " + rounds + ": give at least 1");
    }
    if (!augment.equals("published") && !augment.equals("none")) {
      throw new InputException("--augment " + augment + ": give published or none");
    }
    Dataset images = Datasets.open(dataset, data, 0);
    Arch arch =
        new Arch(
            model, images.classes(), images.train().channels(), width, images.train().height());
    Backbones.create(arch).close();
    UnlearnSettings settings =
        new UnlearnSettings()
            .method("lotus")
            .epochs(epochs)
            .batch(batch)
            .learningRate(LEARNING_RATE)
            .fixedTau(TAU);
    if (augment.equals("none")) {
      settings.augmentation(Augmentation.NONE);
    }
    UnlearnConfig config = settings.build(images, arch);
    UnlearnData sets =
        new UnlearnData(images, Split.random(images, forgetFraction, false, config.seed()));
    Engine engine = compute.engine(images.normalization());
    EpochBench bench = new EpochBench(engine, sets, config, arch);
    List<EpochRecord> records = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      for (Variant variant : sides) {
        records.add(bench.run(variant));
        System.out.println(records.get(records.size() - 1).line());
      }
    }
    if (sides.size() == Variant.values().length) {
      System.out.printf(
          Locale.ROOT,
          "composed takes %.2f times as long%n",
          seconds(records, "composed") / seconds(records, "engine"));
    }
    output.write(records);
    return Main.DONE;
  }

  private static double seconds(List<EpochRecord> records, String variant) {
    return records.stream()
        .filter(record -> record.variant().equals(variant))
        .mapToDouble(EpochRecord::allSeconds)
        .sum();
  }
}
