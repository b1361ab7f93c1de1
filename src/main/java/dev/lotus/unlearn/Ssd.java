package dev.lotus.unlearn;

import dev.lotus.kernel.SsdDampen;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.GradientScores;
import dev.lotus.optim.ParameterTensors;
import dev.lotus.optim.Resumable;
import dev.lotus.optim.WeightUpdate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Selective synaptic dampening (Foster et al., AAAI 2024; upstream {@code ssd_class.py}): weights
 * that matter much more to D_f than to all of D shrink, once; nothing is trained.
 *
 * <pre>
 *   importance over a set = mean over its samples of (d CE / d w)^2, the diagonal of the Fisher information
 *   where forget > 10 all :  w *= min(1, all / forget)
 * </pre>
 *
 * <p>The student is in evaluation mode. The paper takes the expectation over samples, so a step is
 * one sample; it costs a pass with batches of one over D_f and over D. Quirks: {@link
 * UpstreamQuirk#SSD_BATCH_GRADIENT} (the square of each batch's mean gradient, mean over batches)
 * and {@link UpstreamQuirk#SSD_EVERY_EPOCH}; without the latter the run takes one epoch.
 */
final class Ssd implements UnlearnMethod {
  /** Selection, dampening, exponent and bound, as published. */
  private static final SsdDampen.Settings SETTINGS = new SsdDampen.Settings(10, 1, 1, 1);

  private EpochOrder forget;
  private EpochOrder all;
  private Scoring scoring;

  /** The scores that the steps of a pass add to. */
  private static final class Scoring implements WeightUpdate, Resumable {
    private static final String OF_FORGET = "importance_to_forget";
    private static final String OF_ALL = "importance_to_all";

    private final List<Tensor> parameters;
    private final int forgetSteps;
    private final int allSteps;
    private GradientScores ofForget;
    private GradientScores ofAll;
    private GradientScores current;

    /** The importances are means over that many steps. */
    Scoring(List<Tensor> parameters, int forgetSteps, int allSteps) {
      this.parameters = parameters;
      this.forgetSteps = forgetSteps;
      this.allSteps = allSteps;
    }

    /** Begins both sums anew. */
    void begin() {
      close();
      ofForget = new GradientScores(parameters, GradientScores.Kind.SQUARE, 1f / forgetSteps);
      ofAll = new GradientScores(parameters, GradientScores.Kind.SQUARE, 1f / allSteps);
    }

    void dampen() {
      try (ParameterTensors weights =
          new ParameterTensors(parameters, ofAll.scores(), ofForget.scores(), null)) {
        SsdDampen.run(weights.all(), SETTINGS, null, weights.stream());
      }
    }

    @Override
    public void step() {
      current.step();
    }

    @Override
    public void zeroGrad() {
      ofAll.zeroGrad();
    }

    @Override
    public Map<String, Tensor> state() {
      Map<String, Tensor> state = new LinkedHashMap<>();
      if (ofForget != null) {
        ParameterTensors.put(state, OF_FORGET, ofForget.scores());
        ParameterTensors.put(state, OF_ALL, ofAll.scores());
      }
      return state;
    }

    @Override
    public void restore(Map<String, Tensor> state) {
      if (!state.isEmpty()) {
        begin();
        ParameterTensors.take(state, OF_FORGET, ofForget.scores());
        ParameterTensors.take(state, OF_ALL, ofAll.scores());
      }
    }

    /** Changes nothing: no step is taken along a gradient. */
    @Override
    public void learningRate(double rate) {}

    @Override
    public void close() {
      if (ofForget != null) {
        ofForget.close();
        ofAll.close();
        ofForget = null;
      }
    }
  }

  @Override
  public WeightUpdate optimizer(Task task) {
    int batch = batch(task.config());
    int forgotten = task.data().split().forget().length;
    int kept = task.data().split().retain().length;
    scoring =
        new Scoring(
            task.student().parameters(), steps(forgotten, batch), steps(forgotten + kept, batch));
    return scoring;
  }

  @Override
  public boolean takesAnyOptimizer() {
    return false;
  }

  @Override
  public int batch(UnlearnConfig config) {
    return config.quirks().contains(UpstreamQuirk.SSD_BATCH_GRADIENT) ? config.batch() : 1;
  }

  @Override
  public void prepare(Task task) {
    int[] retain = task.data().split().retain();
    forget = EpochOrder.of(task.data().split().forget());
    all = EpochOrder.of(forget.indices(), retain);
  }

  @Override
  public int epochs(UnlearnConfig config) {
    return config.quirks().contains(UpstreamQuirk.SSD_EVERY_EPOCH) ? config.epochs() : 1;
  }

  @Override
  public Begin begin(Task task, int epoch) {
    scoring.begin();
    return Begin.GO;
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    return List.of(
        pass("importance to forget", forget, scoring.ofForget, task),
        pass("importance to all", all, scoring.ofAll, task));
  }

  private Pass pass(String phase, EpochOrder order, GradientScores scores, Task task) {
    CrossEntropyStep gradient = task.crossEntropy();
    return Pass.of(
            phase,
            order,
            (batch, step, losses_B) -> {
              scoring.current = scores;
              gradient.backward(batch, step, losses_B);
            })
        .inOrder()
        .evaluating();
  }

  private static int steps(int samples, int batch) {
    return (samples + batch - 1) / batch;
  }

  @Override
  public void end(Task task) {
    scoring.dampen();
  }
}
