package dev.lotus.unlearn;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.device.ComputeDevice;
import java.util.LinkedHashMap;
import java.util.List;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Tensor;

/** A backbone that counts its arithmetic and that of its copies. */
final class CountingBackbone implements Backbone {
  /** A forward pass and, twice as much, the backward pass that follows it. */
  private static final int WITH_GRADIENTS = 3;

  /** Operations so far. */
  static final class Count {
    double flops;
  }

  private final Backbone counted;
  private final Count count;
  private final boolean owned;

  /**
   * @param counted stays the caller's; only copies are closed with their wrapper
   */
  CountingBackbone(Backbone counted, Count count) {
    this(counted, count, false);
  }

  private CountingBackbone(Backbone counted, Count count, boolean owned) {
    this.counted = counted;
    this.count = count;
    this.owned = owned;
  }

  @Override
  public Tensor forward(Tensor images_BCHW) {
    int passes = GradMode.is_enabled() ? WITH_GRADIENTS : 1;
    count.flops += passes * images_BCHW.size(0) * flops(images_BCHW.size(2), images_BCHW.size(3));
    return counted.forward(images_BCHW);
  }

  @Override
  public Backbone copy() {
    return new CountingBackbone(counted.copy(), count, true);
  }

  @Override
  public void close() {
    if (owned) {
      counted.close();
    }
  }

  @Override
  public Arch arch() {
    return counted.arch();
  }

  @Override
  public double flops(long height, long width) {
    return counted.flops(height, width);
  }

  @Override
  public void train(boolean on) {
    counted.train(on);
  }

  @Override
  public void frozen(boolean on) {
    counted.frozen(on);
  }

  @Override
  public List<Tensor> parameters() {
    return counted.parameters();
  }

  @Override
  public LinkedHashMap<String, Tensor> state() {
    return counted.state();
  }

  @Override
  public void to(ComputeDevice device) {
    counted.to(device);
  }

  @Override
  public void channelsLast(boolean on) {
    counted.channelsLast(on);
  }

  @Override
  public void initialise(long seed) {
    counted.initialise(seed);
  }
}
