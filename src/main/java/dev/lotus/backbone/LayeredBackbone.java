package dev.lotus.backbone;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.NativeScope;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What the backbones made of {@link Layers} share: state, mode, device, and checks around a pass.
 */
abstract class LayeredBackbone implements Backbone {
  private final Arch arch;
  private StateBuilder.State state;
  private ComputeDevice device = ComputeDevice.CPU;
  private boolean training = true;
  private boolean frozen;

  LayeredBackbone(Arch arch) {
    this.arch = arch;
  }

  /** Takes over the tensors; the last thing a constructor does. */
  final void own(StateBuilder builder) {
    state = builder.build();
  }

  /** images_BCHW to logits_BC; garbage goes to the open scope. */
  abstract Tensor layers(Tensor x, Layers.Mode mode);

  /**
   * Refuses images of a size that the network cannot take.
   *
   * @param images_BCHW of the right rank and channels
   * @throws InputException saying what fits
   */
  abstract void requireSize(Tensor images_BCHW, boolean training);

  /** Sets every parameter and statistic as published; runs on the CPU without gradients. */
  abstract void draw(GeneratorOptional generator);

  @Override
  public final Arch arch() {
    return arch;
  }

  @Override
  public final Tensor forward(Tensor images_BCHW) {
    check(images_BCHW);
    try (NativeScope scope = new NativeScope()) {
      Tensor x =
          state.order().channelsLast()
              ? images_BCHW.contiguous(MemoryFormat.ChannelsLast)
              : images_BCHW;
      boolean sharded = training && state.statistics().active();
      if (sharded) {
        state.statistics().begin(x);
      }
      Tensor logits = layers(x, mode());
      if (training && !sharded) {
        state.countBatch();
      }
      return scope.keep(logits);
    }
  }

  private Layers.Mode mode() {
    if (training) {
      return Layers.Mode.TRAINING;
    }
    return frozen ? Layers.Mode.FROZEN : Layers.Mode.EVALUATION;
  }

  @Override
  public final boolean repeatable() {
    return true;
  }

  @Override
  public final void countBatch() {
    state.countBatch();
  }

  @Override
  public final void frozen(boolean on) {
    frozen = on;
    state.thaw();
  }

  @Override
  public final void shards(int[] rows) {
    state.statistics().rows(state.statistics().any() ? rows : null);
  }

  @Override
  public final boolean hasBatchNorm() {
    return state.statistics().any();
  }

  @Override
  public final List<Tensor> takeStatistics() {
    return state.statistics().take();
  }

  @Override
  public final Tensor noStatistics() {
    return hasBatchNorm() ? state.statistics().none(state.parameters().get(0)) : null;
  }

  @Override
  public final void moveStatistics(Tensor sums, int runs) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      state.normalisations().forEach(layer -> layer.move(sums, runs));
      state.countBatch();
    }
  }

  private void check(Tensor images) {
    if (images.dim() != 4 || images.size(1) != arch.channels()) {
      throw new InputException(
          arch.name()
              + " takes images [B, "
              + arch.channels()
              + ", H, W], and got "
              + Arrays.toString(Checkpoint.shapeOf(images)));
    }
    requireSize(images, training);
  }

  @Override
  public final void train(boolean on) {
    training = on;
  }

  @Override
  public final List<Tensor> parameters() {
    return state.parameters();
  }

  @Override
  public final LinkedHashMap<String, Tensor> state() {
    return new LinkedHashMap<>(state.byName());
  }

  @Override
  public final Backbone copy() {
    LayeredBackbone copy = (LayeredBackbone) Backbones.create(arch);
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      copy.to(device);
      copy.channelsLast(state.order().channelsLast());
      copy.train(training);
      state.byName().forEach((name, tensor) -> copy.state.byName().get(name).copy_(tensor));
      return copy;
    } catch (RuntimeException e) { // a device without room for it
      copy.close();
      throw e;
    }
  }

  @Override
  public final void to(ComputeDevice target) {
    if (target.equals(device)) {
      return;
    }
    for (Tensor tensor : state.byName().values()) {
      if (isCounter(tensor)) {
        continue;
      }
      try (PointerScope scope = new PointerScope()) {
        tensor.set_data(tensor.data().to(target.torch(), tensor.scalar_type()));
      }
    }
    device = target;
    state.thaw();
  }

  @Override
  public final void channelsLast(boolean on) {
    MemoryFormat format = on ? MemoryFormat.ChannelsLast : MemoryFormat.Contiguous;
    for (Tensor tensor : state.parameters()) {
      if (tensor.dim() == 4) {
        try (PointerScope scope = new PointerScope()) {
          tensor.set_data(tensor.data().contiguous(format));
        }
      }
    }
    state.order().channelsLast(on);
    state.thaw();
  }

  @Override
  public final void initialise(long seed) {
    ComputeDevice deviceBefore = device;
    boolean formatBefore = state.order().channelsLast();
    // The CPU's generator in the usual memory order: the same weights on every machine.
    to(ComputeDevice.CPU);
    channelsLast(false);
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Generator generator = torch.make_generator_cpu(seed);
      draw(new GeneratorOptional(generator));
      state.counters().zero_();
    }
    channelsLast(formatBefore);
    to(deviceBefore);
  }

  private static boolean isCounter(Tensor tensor) {
    // The binding makes a new object of the enum at each call: intern() gives the constant.
    return tensor.scalar_type().intern() == ScalarType.Long;
  }

  @Override
  public final void close() {
    state.close();
  }
}
