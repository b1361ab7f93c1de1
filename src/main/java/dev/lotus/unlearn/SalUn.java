package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.kernel.MaskMode;
import dev.lotus.kernel.TopKMask;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.FusedUpdate;
import dev.lotus.optim.GradientScores;
import dev.lotus.optim.LearningRate;
import dev.lotus.optim.ParameterTensors;
import dev.lotus.optim.WeightUpdate;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * SalUn (Fan et al., ICLR 2024; upstream {@code salun_class.py}): another method that only moves
 * the weights most salient for D_f.
 *
 * <pre>
 *   score = | sum over the batches of D_f of d mean CE / d w |, in evaluation mode
 *   mask  = 1 at the largest tenth of all scores, else 0;   w = mask w_method + (1 - mask) w_original
 * </pre>
 *
 * <p>Quirks: {@link UpstreamQuirk#SALUN_WEIGHT_DECAY} (the mask zeroes gradients only), {@link
 * UpstreamQuirk#SALUN_UNMASKED_REPAIR}.
 */
final class SalUn implements UnlearnMethod {
  /** Share of the weights that move, as published. */
  private static final double SHARE = 0.1;

  private final UnlearnMethod inside;
  private FusedUpdate update;
  private List<Tensor> masks;

  /**
   * @param inside decides everything but which weights move; its optimizer is a {@link FusedUpdate}
   */
  SalUn(UnlearnMethod inside) {
    this.inside = inside;
  }

  @Override
  public WeightUpdate optimizer(Task task) {
    update = (FusedUpdate) inside.optimizer(task);
    return update;
  }

  @Override
  public boolean takesAnyOptimizer() {
    return false;
  }

  @Override
  public boolean shares(UnlearnConfig config) {
    return inside.shares(config);
  }

  @Override
  public LearningRate rate(UnlearnConfig config) {
    return inside.rate(config);
  }

  @Override
  public void prepare(Task task) {
    masks = masks(task);
    update.mask(
        masks, task.quirk(UpstreamQuirk.SALUN_WEIGHT_DECAY) ? MaskMode.GRADIENT : MaskMode.UPDATE);
    inside.prepare(task);
  }

  /**
   * A mask beside each of the student's parameters.
   *
   * @return owned by the caller, as {@link ParameterTensors#zeros} has it
   */
  static List<Tensor> masks(Task task) {
    Backbone student = task.student();
    UnlearnConfig config = task.config();
    List<Tensor> masks = ParameterTensors.zeros(student.parameters(), ScalarType.Byte);
    boolean done = false;
    try (GradientScores scores =
            new GradientScores(student.parameters(), GradientScores.Kind.SUM, 1);
        EpochRunner runner =
            new EpochRunner(
                task.engine(),
                student,
                scores,
                task.data().dataset().train(),
                config.augmentation(),
                config.batch());
        ParameterTensors list =
            new ParameterTensors(student.parameters(), scores.scores(), null, masks);
        PointerScope scope = new PointerScope()) {
      Pass pass = Pass.of(EpochOrder.of(task.data().split().forget()), task.crossEntropy());
      runner.run(pass.inOrder().evaluating(), "saliency", 0, config.seed(), 0);
      scores.zeroGrad();
      Tensor workspace =
          Evaluator.on(task.engine().device(), torch.zeros(TopKMask.WORKSPACE).to(ScalarType.Long));
      long most = (long) (SHARE * list.all().elements());
      TopKMask.run(list.all(), most, TensorMatrix.longs(workspace, 0), list.stream());
      done = true;
      return masks;
    } finally {
      if (!done) {
        ParameterTensors.release(masks);
      }
    }
  }

  @Override
  public Begin begin(Task task, int epoch) {
    return inside.begin(task, epoch);
  }

  @Override
  public void resume(Task task, Begin begun) {
    inside.resume(task, begun);
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    return inside.passes(task, epoch).stream()
        .map(
            pass -> {
              boolean free =
                  RandomLabel.REPAIR.equals(pass.phase())
                      && task.quirk(UpstreamQuirk.SALUN_UNMASKED_REPAIR);
              return pass.with(
                  (batch, step, losses_B) -> {
                    update.masked(!free);
                    pass.step().backward(batch, step, losses_B);
                  });
            })
        .toList();
  }

  @Override
  public void end(Task task) {
    inside.end(task);
  }

  @Override
  public void close() {
    inside.close();
    ParameterTensors.release(masks);
  }
}
