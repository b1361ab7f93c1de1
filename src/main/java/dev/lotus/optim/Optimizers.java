package dev.lotus.optim;

import dev.lotus.device.InputException;
import dev.lotus.device.NativeScope;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamW;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/**
 * The optimizers of the published runs, libtorch's own: what {@link FusedUpdate} is measured by.
 */
public final class Optimizers {
  private Optimizers() {}

  /**
   * AdamW (Loshchilov and Hutter 2019) with betas 0.9, 0.999 and epsilon 1e-8.
   *
   * @param learningRate at least 0
   * @param weightDecay at least 0; each step takes learningRate * weightDecay of each weight away
   * @throws InputException if a value is negative or not finite
   */
  public static WeightUpdate adamW(
      List<Tensor> parameters, double learningRate, double weightDecay) {
    requireNotNegative("learning rate", learningRate);
    requireNotNegative("weight decay", weightDecay);
    try (PointerScope scope = new PointerScope()) {
      AdamWOptions options = new AdamWOptions(learningRate);
      options.weight_decay().put(weightDecay);
      return new LibtorchUpdate(new AdamW(vector(parameters), options));
    }
  }

  /**
   * Stochastic gradient descent with heavy-ball momentum, not Nesterov's, without dampening.
   *
   * @param learningRate at least 0
   * @param momentum at least 0, below 1
   * @param weightDecay at least 0; added to the gradient as weightDecay * weight
   * @throws InputException if a value is out of its range
   */
  public static WeightUpdate sgd(
      List<Tensor> parameters, double learningRate, double momentum, double weightDecay) {
    requireNotNegative("learning rate", learningRate);
    requireNotNegative("weight decay", weightDecay);
    requireMomentum(momentum);
    try (PointerScope scope = new PointerScope()) {
      SGDOptions options = new SGDOptions(learningRate);
      options.momentum().put(momentum);
      options.weight_decay().put(weightDecay);
      return new LibtorchUpdate(new SGD(vector(parameters), options));
    }
  }

  static void requireMomentum(double momentum) {
    requireNotNegative("momentum", momentum);
    if (momentum >= 1) {
      throw new InputException("momentum = " + momentum + ": give a number from 0 to below 1");
    }
  }

  private static TensorVector vector(List<Tensor> parameters) {
    return new TensorVector(parameters.toArray(new Tensor[0]));
  }

  static void requireNotNegative(String what, double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new InputException(what + " = " + value + ": give a finite number of at least 0");
    }
  }

  private static final class LibtorchUpdate implements WeightUpdate {
    private final Optimizer optimizer;

    LibtorchUpdate(Optimizer optimizer) {
      this.optimizer = NativeScope.own(optimizer);
    }

    @Override
    public void step() {
      try (PointerScope scope = new PointerScope()) {
        optimizer.step();
      }
    }

    @Override
    public void zeroGrad() {
      optimizer.zero_grad(true);
    }

    @Override
    public void learningRate(double rate) {
      requireNotNegative("learning rate", rate);
      try (PointerScope scope = new PointerScope()) {
        optimizer.param_groups().get(0).options().set_lr(rate);
      }
    }

    @Override
    public void close() {
      NativeScope.release(optimizer);
    }
  }
}
