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
  private static final String POINT = "point";
  private static final String IDENTITY = "identity";
  private static final String CIRCUMSTANCES = "circumstances";
  private static final String LOSSES = "losses";
  private static final String MODEL = "model.";
  private static final String OPTIMIZER = "optimizer.";

  Path file() {
    return kept.file();
  }

  RunPoint point() {
    return Json.parse(kept.metadata().get(POINT), RunPoint.class, file().toString());
  }

  /** All that decides about its result. */
  Map<String, String> identity() {
    return texts(IDENTITY);
  }

  /** What moves the last bits of its results. */
  Map<String, String> circumstances() {
    return texts(CIRCUMSTANCES);
  }

  /**
   * @throws UnusableCheckpointException where it is another run's: says what differs
   */
  void requireOf(RunIdentity identity) throws UnusableCheckpointException {
    List<String> differences = identity.differences(identity());
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

  /**
   * Writes one.
   *
   * @param losses_N of the images of the pass under way; null between epochs
   */
  static void write(
      CheckpointFiles files,
      Backbone student,
      Resumable optimizer,
      Tensor losses_N,
      RunPoint point,
      RunIdentity identity,
      Map<String, String> circumstances) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    student.state().forEach((name, tensor) -> tensors.put(MODEL + name, tensor));
    optimizer.state().forEach((name, tensor) -> tensors.put(OPTIMIZER + name, tensor));
    if (losses_N != null) {
      tensors.put(LOSSES, losses_N);
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(POINT, Json.text(point));
    metadata.put(IDENTITY, Json.text(identity.values()));
    metadata.put(CIRCUMSTANCES, Json.text(circumstances));
    files.write(tensors, metadata);
  }

  private Map<String, String> texts(String key) {
    Map<?, ?> map = Json.parse(kept.metadata().get(key), Map.class, file().toString());
    Map<String, String> texts = new LinkedHashMap<>();
    map.forEach((name, value) -> texts.put(String.valueOf(name), String.valueOf(value)));
    return texts;
  }
}
