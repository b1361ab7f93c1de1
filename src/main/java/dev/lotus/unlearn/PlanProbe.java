package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Tensor;

/**
 * Listens to a short run and keeps, for its preparation and each of its epochs, what grows with the
 * sets (batches, at the time that they take once warm) apart from what does not.
 */
final class PlanProbe implements Engine.Listener {
  /** Preparation, or an epoch. */
  private static final class Part {
    private double growingSeconds;
    private double fixedSeconds;
    private long trained;
    private long evaluated;
    private double flops;
  }

  /** A forward pass and, twice as much, the backward pass that follows it. */
  private static final int WITH_GRADIENTS = 3;

  /**
   * Batches of a phase whose time says nothing of those to come: memory is allocated, kernels are
   * chosen, a graph is recorded.
   */
  private final int warmUp;

  private final List<Part> parts = new ArrayList<>(List.of(new Part()));
  private long mark = System.nanoTime();
  private boolean training;
  private int batches;
  private long images;
  private double warmSeconds;
  private long warmImages;
  private double coldSeconds;
  private long coldImages;

  PlanProbe(int warmUp) {
    this.warmUp = warmUp;
  }

  @Override
  public void forward(Backbone model, Tensor images_BCHW) {
    int passes = GradMode.is_enabled() ? WITH_GRADIENTS : 1;
    part().flops +=
        passes * images_BCHW.size(0) * model.flops(images_BCHW.size(2), images_BCHW.size(3));
  }

  private double lap() {
    long now = System.nanoTime();
    double seconds = (now - mark) / 1e9;
    mark = now;
    return seconds;
  }

  private Part part() {
    return parts.get(parts.size() - 1);
  }

  @Override
  public void begin(String what, long ofImages) {
    part().fixedSeconds += lap();
    training = what.startsWith("epoch");
    if (training && parts.size() == 1) {
      parts.add(new Part());
    }
    batches = 0;
    images = 0;
    warmSeconds = 0;
    warmImages = 0;
    coldSeconds = 0;
    coldImages = 0;
  }

  @Override
  public void advance(long moreImages) {
    double seconds = lap();
    images += moreImages;
    if (batches++ < warmUp) {
      coldSeconds += seconds;
      coldImages += moreImages;
    } else {
      warmSeconds += seconds;
      warmImages += moreImages;
    }
  }

  @Override
  public void end() {
    // What the device still had to do when the last call returned.
    double waited = lap();
    Part part = part();
    if (warmImages == 0) {
      part.growingSeconds += coldSeconds + waited;
    } else {
      double each = (warmSeconds + waited) / warmImages;
      part.growingSeconds += each * images;
      // A graph is recorded anew in each pass.
      part.fixedSeconds += Math.max(0, coldSeconds - each * coldImages);
    }
    if (training) {
      part.trained += images;
    } else {
      part.evaluated += images;
    }
  }

  /** An epoch ended; the next one's evaluation belongs to the next. */
  void epochOver() {
    part().fixedSeconds += lap();
    parts.add(new Part());
  }

  /** The run ended. */
  void over() {
    part().fixedSeconds += lap();
  }

  /** Epochs that took steps. */
  int epochs() {
    return (int) parts.stream().filter(part -> part.trained > 0).count();
  }

  /** Of a run over sets that are {@code scale} times as large. */
  double seconds(int runEpochs, double scale) {
    return total(runEpochs, part -> part.growingSeconds * scale + part.fixedSeconds);
  }

  double flops(int runEpochs) {
    return total(runEpochs, part -> part.flops);
  }

  double trainingImages(int runEpochs) {
    return total(runEpochs, part -> part.trained);
  }

  double evaluatedImages(int runEpochs) {
    return total(runEpochs, part -> part.evaluated);
  }

  /** Preparation, the first epoch, and the others, each like the last one that was seen. */
  private double total(int runEpochs, ToDoubleFunction<Part> of) {
    double sum = of.applyAsDouble(parts.get(0));
    int seen = epochs();
    for (int epoch = 1; epoch <= runEpochs && seen > 0; epoch++) {
      sum += of.applyAsDouble(parts.get(Math.min(epoch, seen)));
    }
    return sum;
  }
}
