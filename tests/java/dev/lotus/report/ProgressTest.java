package dev.lotus.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final AtomicLong nanos = new AtomicLong();

  private Progress progress(Progress.Mode mode) {
    return Progress.of(mode, new PrintStream(bytes, true, StandardCharsets.UTF_8), nanos::get);
  }

  private String printed() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** 100 steps over 20 seconds: one line at the start, one each 5 seconds, one at the end. */
  @Test
  void plainLinesAreFew() {
    try (Progress.Task task = progress(Progress.Mode.LINES).start("train", 50_000, "images")) {
      for (int i = 1; i <= 100; i++) {
        nanos.addAndGet(200_000_000L);
        task.detail("epoch " + (1 + i / 50));
        task.step(500);
      }
    }
    assertThat(printed().lines())
        .containsExactly(
            "train: 50,000 images",
            "train: 12,500 of 50,000 images (25%), 2500 a second, 15.0 s left, epoch 1",
            "train: 25,000 of 50,000 images (50%), 2500 a second, 10.0 s left, epoch 2",
            "train: 37,500 of 50,000 images (75%), 2500 a second, 5.00 s left, epoch 2",
            "train: 50,000 of 50,000 images (100%), 2500 a second, epoch 3",
            "train: 50,000 images in 20.0 s, epoch 3");
  }

  @Test
  void unknownTotalHasNoPercentage() {
    try (Progress.Task task = progress(Progress.Mode.LINES).start("read", 0, "files")) {
      nanos.addAndGet(6_000_000_000L);
      task.step(3);
    }
    assertThat(printed().lines())
        .containsExactly("read", "read: 3 files, 0.50 a second", "read: 3 files in 6.00 s");
  }

  @Test
  void quietPrintsNothing() {
    Progress quiet = progress(Progress.Mode.QUIET);
    quiet.note("hello");
    try (Progress.Task task = quiet.start("x", 10, "y")) {
      nanos.addAndGet(60_000_000_000L);
      task.detail("z");
      task.step(10);
    }
    assertThat(printed()).isEmpty();
  }

  @Test
  void barShowsTheTaskAndEndsItsLine() {
    try (Progress.Task task = progress(Progress.Mode.BAR).start("train", 10, "images")) {
      task.detail("epoch 1");
      task.step(10);
    }
    assertThat(printed())
        .contains("train")
        .contains("100%")
        .contains("10/10 images")
        .endsWith("\n");
  }
}
