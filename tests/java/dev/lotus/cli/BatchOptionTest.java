package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.Precision;
import dev.lotus.device.TorchRuntime;
import dev.lotus.unlearn.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a batch that memory has no room for. */
@ExtendWith(LeakCheck.class)
class BatchOptionTest {
  @TempDir Path temp;

  private static List<String> train(Path out, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of("train", "--dataset", "synthetic", "--epochs", "1", "--threads", "1"));
    args.addAll(List.of("--out", out.toString()));
    args.addAll(List.of(more));
    return args;
  }

  /** 2,000 images of 64 x 64 take 12 GB in a step; the process may have 8, Java's heap included. */
  @Test
  void isRefusedBeforeTheSystemKills() throws IOException, InterruptedException {
    Path log = temp.resolve("log");
    List<String> args =
        train(temp.resolve("run"), "--model", "resnet18", "--width", "0.5", "--batch", "2000");
    args.addAll(List.of("--image-size", "64", "--quiet"));
    Process process =
        OwnJvm.start(
            log,
            args,
            "bash",
            "-c",
            "ulimit -v 8000000; JAVA_TOOL_OPTIONS=-Xmx512m exec \"$@\"",
            "bash");
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(Files.readString(log))
        .matches(
            "(?s).*lotus: --batch 2000: a step would take about \\d+\\.\\d GB, \\d\\.\\d GB are free; --batch \\d+ has room\n");
    assertThat(process.exitValue()).isEqualTo(2);
    assertThat(temp.resolve("run")).doesNotExist();
  }

  @Test
  void autoIsFoundAndKept() {
    Path run = temp.resolve("run");
    String[] small = {"--model", "resnet20", "--width", "0.25", "--per-class", "20"};
    List<String> args = train(run, small);
    args.addAll(List.of("--batch", "auto"));
    assertThat(CommandRun.done(args.toArray(String[]::new)).err())
        .containsPattern("batch: 128 \\(auto: a step takes about .*, .* are free\\)");
    assertThat(run.resolve("run.json")).content().contains("\"batch\" : \"128\"");
    // Of a finished run too.
    Path other = temp.resolve("other");
    List<String> begun = train(other, small);
    begun.addAll(List.of("--batch", "32"));
    CommandRun.done(begun.toArray(String[]::new));
    List<String> again = train(other, small);
    again.addAll(List.of("--batch", "auto", "--resume"));
    assertThat(CommandRun.of(again.toArray(String[]::new)).err()).contains("the run is finished");
  }

  /** The allocator's own words, for 4 PiB. */
  @Test
  void whatRunsOutNonethelessNamesTheBatchThatFits() {
    TorchRuntime.loadOnce();
    Dataset data = Datasets.open("synthetic", null, 0);
    ImageSet images = data.train();
    Engine engine =
        Engine.open(ComputeDevice.CPU, Precision.FP32, data.normalization(), Engine.Listener.NONE);
    BatchOption option = new BatchOption();
    option.words = "128";
    try (Backbone model = Backbones.create(new Arch("resnet20", 10, 3, 0.25, 32))) {
      model.initialise(1);
      option.choose(engine, model, images, null);
      RuntimeException error;
      try (PointerScope scope = new PointerScope()) {
        error = catchThrowableOfType(RuntimeException.class, () -> torch.empty(1L << 50));
      }
      assertThat(option.explained(error, engine, model, images))
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith("out of memory with --batch 128: ")
          .hasMessageContaining("4503599627370496 bytes")
          .hasMessageEndingWith("; --batch 64 has room");
      RuntimeException other = new IllegalStateException("another");
      assertThat(option.explained(other, engine, model, images)).isSameAs(other);
    }
  }
}
