package dev.lotus.optim;

import dev.lotus.device.DeviceNumbers;
import dev.lotus.device.InputException;
import dev.lotus.kernel.AdamW;
import dev.lotus.kernel.Clipping;
import dev.lotus.kernel.MaskMode;
import dev.lotus.kernel.Sgd;
import dev.lotus.kernel.TensorList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The optimizers of the published runs by one kernel over all parameters; {@link Optimizers} are
 * libtorch's own, which they agree with. A mask can hold weights where they are.
 */
public final class FusedUpdate implements RepeatableUpdate, Resumable {
  /** A step of a rule over the listed parameters. */
  private interface Rule {
    /**
     * @param pace {@link Pace} in memory, or null: what rate and step come to
     */
    void run(
        TensorList tensors, double rate, long step, MaskMode mode, Pointer pace, Pointer stream);
  }

  /** What a rule makes of a learning rate and a step's number. */
  private interface Pace {
    float[] of(double rate, long step);
  }

  private static final String FIRST = "first";
  private static final String SECOND = "second";
  private static final String STEPS = "steps";

  /** Numbers of a pace. */
  private static final int PACE = 3;

  private final List<Tensor> parameters;
  private final Rule rule;
  private final Pace pace;
  private final boolean twoMoments;
  private final double coupledDecay;
  private double rate;
  private long steps;
  private List<Tensor> first;
  private List<Tensor> second;
  private ParameterTensors free;
  private ParameterTensors held;
  private List<Tensor> masks;
  private MaskMode mode = MaskMode.GRADIENT;
  private boolean masked;
  private DeviceNumbers fed;

  private FusedUpdate(
      List<Tensor> parameters,
      double rate,
      boolean twoMoments,
      double coupledDecay,
      Pace pace,
      Rule rule) {
    ParameterTensors.requireDense(parameters);
    this.parameters = parameters;
    this.twoMoments = twoMoments;
    this.coupledDecay = coupledDecay;
    this.pace = pace;
    this.rule = rule;
    learningRate(rate);
  }

  /**
   * AdamW (Loshchilov and Hutter 2019) with betas 0.9, 0.999 and epsilon 1e-8.
   *
   * @param learningRate at least 0
   * @param weightDecay at least 0; each step takes learningRate * weightDecay of each weight away
   * @throws InputException if a value is negative or not finite, or a parameter is not fp32
   */
  public static FusedUpdate adamW(
      List<Tensor> parameters, double learningRate, double weightDecay) {
    Optimizers.requireNotNegative("weight decay", weightDecay);
    return new FusedUpdate(
        parameters,
        learningRate,
        true,
        0,
        (rate, step) -> AdamW.pace(AdamW.Settings.of(rate, weightDecay), step),
        (tensors, rate, step, mode, pace, stream) ->
            AdamW.run(
                tensors,
                AdamW.Settings.of(rate, weightDecay),
                step,
                mode,
                Clipping.NONE,
                pace,
                stream));
  }

  /**
   * Adam (Kingma and Ba 2015), whose weight decay is part of the gradient and so of the moments, as
   * {@code torch.optim.Adam} has it.
   *
   * @param learningRate at least 0
   * @param weightDecay at least 0; added to the gradient as weightDecay * weight
   * @throws InputException if a value is negative or not finite, or a parameter is not fp32
   */
  public static FusedUpdate adam(List<Tensor> parameters, double learningRate, double weightDecay) {
    Optimizers.requireNotNegative("weight decay", weightDecay);
    return new FusedUpdate(
        parameters,
        learningRate,
        true,
        weightDecay,
        (rate, step) -> AdamW.pace(AdamW.Settings.of(rate, 0), step),
        (tensors, rate, step, mode, pace, stream) ->
            AdamW.run(
                tensors, AdamW.Settings.of(rate, 0), step, mode, Clipping.NONE, pace, stream));
  }

  /**
   * Stochastic gradient descent with heavy-ball momentum, not Nesterov's, without dampening.
   *
   * @param learningRate at least 0
   * @param momentum at least 0, below 1
   * @param weightDecay at least 0; added to the gradient as weightDecay * weight
   * @throws InputException if a value is out of its range, or a parameter is not fp32
   */
  public static FusedUpdate sgd(
      List<Tensor> parameters, double learningRate, double momentum, double weightDecay) {
    Optimizers.requireNotNegative("weight decay", weightDecay);
    Optimizers.requireMomentum(momentum);
    return new FusedUpdate(
        parameters,
        learningRate,
        false,
        0,
        (rate, step) -> Sgd.pace(new Sgd.Settings(rate, momentum, weightDecay)),
        (tensors, rate, step, mode, pace, stream) ->
            Sgd.run(
                tensors,
                new Sgd.Settings(rate, momentum, weightDecay),
                mode,
                Clipping.NONE,
                pace,
                stream));
  }

  /**
   * From now on a weight whose mask is 0 is held, in the way of {@code mode}.
   *
   * @param masks bytes, 0 or 1, as {@link ParameterTensors#zeros} lays them out; the caller keeps
   *     them until this is closed
   */
  public void mask(List<Tensor> masks, MaskMode mode) {
    this.masks = masks;
    this.mode = mode;
    masked(true);
  }

  /**
   * Switches the mask off or on again; the moments go on.
   *
   * @throws IllegalStateException if there is none to switch on
   */
  public void masked(boolean on) {
    if (on && masks == null) {
      throw new IllegalStateException("this update has no mask");
    }
    masked = on;
  }

  @Override
  public void step() {
    steps++;
    apply(null);
  }

  @Override
  public void feed() {
    if (fed == null) {
      fed = new DeviceNumbers(ParameterTensors.deviceOf(parameters), PACE);
    }
    steps++;
    float[] numbers = pace.of(rate, steps);
    for (int i = 0; i < PACE; i++) {
      fed.set(i, numbers[i]);
    }
  }

  @Override
  public void repeatable() {
    apply(fed.pointer());
  }

  private void apply(Pointer paceInMemory) {
    prepare();
    if (masked && held == null) {
      held = new ParameterTensors(parameters, first, second, masks);
    }
    if (coupledDecay > 0) {
      addDecay();
    }
    ParameterTensors list = masked ? held : free;
    rule.run(list.withGradients(), rate, steps, mode, paceInMemory, list.stream());
  }

  private void prepare() {
    if (first == null) {
      first = ParameterTensors.zeros(parameters, ScalarType.Float);
      second = twoMoments ? ParameterTensors.zeros(parameters, ScalarType.Float) : null;
      free = new ParameterTensors(parameters, first, second, null);
    }
  }

  /**
   * The moments beside each parameter and the number of steps taken; the masks are the caller's.
   */
  @Override
  public Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    if (first != null) {
      ParameterTensors.put(state, FIRST, first);
      ParameterTensors.put(state, SECOND, second);
      state.put(STEPS, torch.tensor(new long[] {steps}));
    }
    return state;
  }

  @Override
  public void restore(Map<String, Tensor> state) {
    if (!state.isEmpty()) {
      prepare();
      ParameterTensors.take(state, FIRST, first);
      ParameterTensors.take(state, SECOND, second);
      steps = ParameterTensors.require(state, STEPS).item_long();
    }
  }

  private void addDecay() {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Scalar decay = new Scalar(coupledDecay);
      for (Tensor p : parameters) {
        Tensor gradient = p.mutable_grad();
        if (gradient.defined()) {
          gradient.add_(p.detach(), decay);
        }
      }
    }
  }

  @Override
  public void zeroGrad() {
    for (Tensor p : parameters) {
      p.mutable_grad().reset();
    }
  }

  @Override
  public void learningRate(double rate) {
    Optimizers.requireNotNegative("learning rate", rate);
    this.rate = rate;
  }

  @Override
  public void close() {
    for (ParameterTensors list : new ParameterTensors[] {free, held}) {
      if (list != null) {
        list.close();
      }
    }
    ParameterTensors.release(first);
    ParameterTensors.release(second);
    if (fed != null) {
      fed.close();
    }
  }
}
