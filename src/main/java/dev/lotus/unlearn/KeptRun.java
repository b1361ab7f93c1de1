package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.SealedTensors;
import dev.lotus.optim.Resumable;
import dev.lotus.report.Json;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * A checkpoint that was found: what it says of itself, and its tensors.
 *
 * @param kept the file, whose seal was checked
 */
record KeptRun(CheckpointFiles.Found kept) {
  static final String POINT = "point";
  static final String IDENTITY = "identity";
  static final String CIRCUMSTANCES = "circumstances";
  static final String LOSSES = "losses";
  static final String MODEL = "model.";
  static final String OPTIMIZER = "optimizer.";

  Path file() {
    return kept.file();
  }

  RunPoint point() {
    return Json.parse(kept.metadata().get(POINT), RunPoint.class, file().toString());
  }

  /** What moves the last bits of its results. */
  Map<String, String> circumstances() {
    return texts(CIRCUMSTANCES);
  }

  /**
   * @throws UnusableCheckpointException where it is another run's: says what differs
   */
  void requireOf(RunIdentity identity) throws UnusableCheckpointException {
    List<String> differences = identity.differences(texts(IDENTITY));
    if (!differences.isEmpty()) {
      throw new UnusableCheckpointException(
          file()
              + " is of another run: "
              + String.join(", ", differences)
              + "; give the same, or another --out");
    }
  }

  /**
   * Copies its tensors into the run's.
   *
   * @return the losses of the pass under way; none between epochs
   * @throws UnusableCheckpointException naming a tensor that does not fit; nothing is changed then
   */
  float[] restore(Backbone student, Resumable optimizer) throws UnusableCheckpointException {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Map<String, Tensor> tensors = SealedTensors.read(file());
      // All before the first is copied: a run that begins anew has its own weights.
      KeptState.requireFits(file(), tensors, MODEL, student.state());
      student.state().forEach((name, tensor) -> tensor.copy_(tensors.get(MODEL + name)));
      Map<String, Tensor> state = new LinkedHashMap<>();
      tensors.forEach(
          (name, tensor) -> {
            if (name.startsWith(OPTIMIZER)) {
              state.put(name.substring(OPTIMIZER.length()), tensor);
            }
          });
      optimizer.restore(state);
      Tensor losses = tensors.get(LOSSES);
      return losses == null ? new float[0] : Evaluator.hostFloats(losses);
    }
  }

  private Map<String, String> texts(String key) {
    Map<?, ?> map = Json.parse(kept.metadata().get(key), Map.class, file().toString());
    Map<String, String> texts = new LinkedHashMap<>();
    map.forEach((name, value) -> texts.put(String.valueOf(name), String.valueOf(value)));
    return texts;
  }
}
