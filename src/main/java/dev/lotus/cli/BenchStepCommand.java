package dev.lotus.cli;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbones;
import dev.lotus.bench.StepBench;
import dev.lotus.bench.StepRecord;
import dev.lotus.data.Normalization;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.kernel.JniCalls;
import dev.lotus.unlearn.Engine;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lotus bench step}. */
@Command(
    name = "step",
    mixinStandardHelpOptions = true,
    description =
        "Time a LoTUS step of the engine beside the published step composed of eager libtorch operations, in turn.")
final class BenchStepCommand implements Callable<Integer> {
  private static final int RESNET_BATCH = 128;
  private static final int TRANSFORMER_BATCH = 8;
  private static final int RESNET_SIZE = 32;
  private static final int TRANSFORMER_SIZE = 224;

  @Mixin ComputeOptions compute;
  @Mixin BenchRecords output;

  @Option(
      names = "--model",
      paramLabel = "M,...",
      split = ",",
      defaultValue = "resnet18,vit_b_16",
      description = "Architectures (default: ${DEFAULT-VALUE}).")
  List<String> models = new ArrayList<>();

  @Option(
      names = "--teacher",
      paramLabel = "T,...",
      split = ",",
      defaultValue = "cached,run",
      description =
          "cached = its logits are kept; run = images are augmented, so it sees each batch (default: ${DEFAULT-VALUE}).")
  List<String> teachers = new ArrayList<>();

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Images a step (default: 128; 8 for transformers).")
  Integer batch;

  @Option(
      names = "--image-size",
      paramLabel = "N",
      description = "Height and width (default: 32; 224 for transformers).")
  Integer imageSize;

  @Option(
      names = "--classes",
      paramLabel = "N",
      defaultValue = "10",
      description = "Columns of the logits (default: ${DEFAULT-VALUE}).")
  int classes;

  @Option(
      names = "--width",
      paramLabel = "W",
      defaultValue = "1",
      description = "Factor on the channels of every layer (default: ${DEFAULT-VALUE}).")
  double width;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "10",
      description = "Steps of each side that count (default: ${DEFAULT-VALUE}).")
  int steps;

  @Override
  public Integer call() {
    List<Boolean> runs = teachers.stream().map(BenchStepCommand::teacherRuns).toList();
    if (steps < 1 || steps > 10_000) {
      throw new InputException("--steps " + steps + ": give 1 to 10000");
    }
    if (batch != null && (batch < 1 || batch > 65_536)) {
      throw new InputException("--batch " + batch + ": give 1 to 65536");
    }
    List<Arch> archs = models.stream().map(this::arch).toList();
    boolean countsJni = JniCalls.count(); // before the first work
    Engine engine = compute.engine(Normalization.uniform(3, 0.5f, 0.25f));
    StepBench bench = new StepBench(engine.device(), countsJni);
    List<StepRecord> records = new ArrayList<>();
    System.out.printf("%s, %d threads%n", engine.device().describe(), TorchRuntime.threads());
    System.out.println(StepRecord.head());
    for (Arch arch : archs) {
      int images = batch != null ? batch : arch.isTransformer() ? TRANSFORMER_BATCH : RESNET_BATCH;
      for (boolean teacherRuns : runs) {
        compute.progress().note(arch.name() + ": " + steps + " steps of each side");
        records.add(
            bench.run(new StepBench.Case(arch, images, engine.precision(), teacherRuns, steps)));
        System.out.println(records.get(records.size() - 1).line());
      }
    }
    output.write(records);
    return Main.DONE;
  }

  private Arch arch(String name) {
    if (!Backbones.names().contains(name)) {
      throw new InputException(
          "--model " + name + ": there are " + String.join(", ", Backbones.names()));
    }
    boolean transformer = name.startsWith("vit_");
    int size = imageSize != null ? imageSize : transformer ? TRANSFORMER_SIZE : RESNET_SIZE;
    return new Arch(name, classes, 3, width, size);
  }

  private static boolean teacherRuns(String word) {
    return switch (word) {
      case "run" -> true;
      case "cached" -> false;
      default -> throw new InputException("--teacher " + word + ": give cached or run");
    };
  }
}
