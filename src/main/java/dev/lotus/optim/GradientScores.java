package dev.lotus.optim;

import dev.lotus.kernel.AbsAccumulate;
import dev.lotus.kernel.SquareAccumulate;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Reads gradients instead of following them: each step adds to a score beside each weight, which
 * stays as it is. What SSD and SalUn know of the weights.
 */
public final class GradientScores implements WeightUpdate {
  /** What is added of a gradient. */
  public enum Kind {
    /** Its square: SSD's importances. */
    SQUARE,
    /** Itself; the magnitude of the sum is SalUn's saliency. */
    SUM
  }

  private final Kind kind;
  private final float scale;
  private final List<Tensor> parameters;
  private final List<Tensor> scores;
  private final ParameterTensors list;

  /**
   * @param parameters fp32; their order in memory must not change any more
   * @param scale factor of what is added
   */
  public GradientScores(List<Tensor> parameters, Kind kind, float scale) {
    this.kind = kind;
    this.scale = scale;
    this.parameters = parameters;
    this.scores = ParameterTensors.zeros(parameters, ScalarType.Float);
    this.list = new ParameterTensors(parameters, scores, null, null);
  }

  /** fp32 beside each parameter; they live until this is closed. */
  public List<Tensor> scores() {
    return scores;
  }

  @Override
  public void step() {
    switch (kind) {
      case SQUARE -> SquareAccumulate.run(list.withGradients(), scale, list.stream());
      case SUM -> AbsAccumulate.run(list.withGradients(), scale, true, list.stream());
    }
  }

  @Override
  public void zeroGrad() {
    for (Tensor p : parameters) {
      p.mutable_grad().reset();
    }
  }

  /** Changes nothing: no weight moves. */
  @Override
  public void learningRate(double rate) {}

  @Override
  public void close() {
    list.close();
    ParameterTensors.release(scores);
  }
}
