package dev.lotus.unlearn;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.NativeScope;
import java.util.LinkedHashMap;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/**
 * One convolution with BatchNorm and a linear layer on 3x32x32 images: what the methods' tests
 * train in milliseconds. Its name is that of a network that can be drawn, for those who draw one.
 */
final class TinyNet implements Backbone {
  static final Arch ARCH = new Arch("resnet20", 10, 3, 0.25, 32);
  private static final int FILTERS = 8;
  private static final int FEATURES = FILTERS * 8 * 8;

  private final Tensor filters = owned(true, FILTERS, 3, 4, 4);
  private final Tensor scale = owned(true, FILTERS);
  private final Tensor shift = owned(true, FILTERS);
  private final Tensor mean = owned(false, FILTERS);
  private final Tensor variance = owned(false, FILTERS);
  private final Tensor weight = owned(true, 10, FEATURES);
  private final Tensor bias = owned(true, 10);
  private boolean training = true;
  private boolean channelsLast;

  private static Tensor owned(boolean trainable, long... shape) {
    try (PointerScope scope = new PointerScope()) {
      Tensor tensor = NativeScope.own(torch.zeros(shape));
      tensor.set_requires_grad(trainable);
      return tensor;
    }
  }

  @Override
  public Arch arch() {
    return ARCH;
  }

  @Override
  public Tensor forward(Tensor images) {
    try (NativeScope scope = new NativeScope()) {
      Tensor x = channelsLast ? images.contiguous(MemoryFormat.ChannelsLast) : images;
      long[] stride = {4, 4};
      long[] none = {0, 0};
      long[] one = {1, 1};
      x = torch.conv2d(x, filters, new TensorOptional(), stride, none, one, 1);
      x =
          torch.batch_norm(
              x,
              new TensorOptional(scale),
              new TensorOptional(shift),
              new TensorOptional(mean),
              new TensorOptional(variance),
              training,
              0.1,
              1e-5,
              true);
      x = torch.relu(x).contiguous().view(images.size(0), FEATURES);
      return scope.keep(torch.linear(x, weight, new TensorOptional(bias)));
    }
  }

  /** Products of the convolution and of the linear layer. */
  @Override
  public double flops(long height, long width) {
    return 2.0 * (filters.numel() * 8 * 8 + weight.numel());
  }

  @Override
  public void train(boolean on) {
    training = on;
  }

  @Override
  public List<Tensor> parameters() {
    return List.of(filters, scale, shift, weight, bias);
  }

  @Override
  public LinkedHashMap<String, Tensor> state() {
    LinkedHashMap<String, Tensor> state = new LinkedHashMap<>();
    state.put("filters", filters);
    state.put("scale", scale);
    state.put("shift", shift);
    state.put("mean", mean);
    state.put("variance", variance);
    state.put("weight", weight);
    state.put("bias", bias);
    return state;
  }

  @Override
  public Backbone copy() {
    TinyNet copy = new TinyNet();
    copy.channelsLast(channelsLast);
    copy.train(training);
    try (NoGradGuard noGrad = new NoGradGuard()) {
      state().forEach((name, tensor) -> copy.state().get(name).copy_(tensor));
    }
    return copy;
  }

  @Override
  public void to(ComputeDevice device) {}

  @Override
  public void channelsLast(boolean on) {
    channelsLast = on;
    try (PointerScope scope = new PointerScope()) {
      MemoryFormat format = on ? MemoryFormat.ChannelsLast : MemoryFormat.Contiguous;
      filters.set_data(filters.data().contiguous(format));
    }
  }

  @Override
  public void initialise(long seed) {
    boolean before = channelsLast;
    // In the usual memory order, for the same weights whatever the order.
    channelsLast(false);
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      GeneratorOptional generator = new GeneratorOptional(torch.make_generator_cpu(seed));
      filters.uniform_(-0.2, 0.2, generator);
      weight.uniform_(-0.05, 0.05, generator);
      bias.zero_();
      scale.fill_(new Scalar(1.0));
      shift.zero_();
      mean.zero_();
      variance.fill_(new Scalar(1.0));
    }
    channelsLast(before);
  }

  @Override
  public void close() {
    state().values().forEach(NativeScope::release);
  }
}
