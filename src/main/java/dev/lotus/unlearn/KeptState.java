package dev.lotus.unlearn;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Whether the tensors that a checkpoint kept are those of the model that is to take them. */
final class KeptState {
  private KeptState() {}

  /**
   * Compares names and shapes.
   *
   * @param kept the checkpoint's tensors
   * @param prefix of the model's among them
   * @param wanted the model's tensors, without prefix
   * @throws UnusableCheckpointException naming the first tensor that is missing, too much or of
   *     another shape
   */
  static void requireFits(
      Path file, Map<String, Tensor> kept, String prefix, Map<String, Tensor> wanted)
      throws UnusableCheckpointException {
    for (Map.Entry<String, Tensor> entry : wanted.entrySet()) {
      Tensor tensor = kept.get(prefix + entry.getKey());
      if (tensor == null) {
        throw new UnusableCheckpointException(
            file + " is of another run: it has no tensor " + prefix + entry.getKey());
      }
      long[] is = tensor.sizes().vec().get();
      long[] needed = entry.getValue().sizes().vec().get();
      if (!Arrays.equals(is, needed)) {
        throw new UnusableCheckpointException(
            file
                + " is of another run: tensor "
                + prefix
                + entry.getKey()
                + " is "
                + Arrays.toString(is)
                + ", the model's "
                + Arrays.toString(needed));
      }
    }
    for (String name : kept.keySet()) {
      if (name.startsWith(prefix) && !wanted.containsKey(name.substring(prefix.length()))) {
        throw new UnusableCheckpointException(
            file + " is of another run: the model has no tensor " + name);
      }
    }
  }
}
