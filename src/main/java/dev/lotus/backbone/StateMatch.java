package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** Whether the tensors of a file are those of a backbone, and what differs where they are not. */
final class StateMatch {
  private static final int SHOWN = 4;
  private final List<String> missing = new ArrayList<>();
  private final List<String> unexpected = new ArrayList<>();
  private final List<String> misshapen = new ArrayList<>();
  private final List<String> mistyped = new ArrayList<>();

  private StateMatch() {}

  /**
   * Checks names, shapes and types. A missing {@code num_batches_tracked} is no fault: older files
   * lack it, and nothing that is computed depends on it.
   *
   * @throws InputException that lists what is missing, unexpected, misshapen or of the wrong type:
   *     counts and first names
   */
  static void require(Backbone backbone, Checkpoint.Loaded loaded) {
    StateMatch match = new StateMatch();
    Map<String, Tensor> wanted = backbone.state();
    wanted.forEach((name, tensor) -> match.compare(name, tensor, loaded.tensors().get(name)));
    for (String name : loaded.tensors().keySet()) {
      if (!wanted.containsKey(name)) {
        match.unexpected.add(name);
      }
    }
    String differences = match.text();
    if (!differences.isEmpty()) {
      throw new InputException(
          loaded.source() + ": the weights do not fit " + backbone.arch() + ": " + differences);
    }
  }

  private void compare(String name, Tensor wanted, Tensor found) {
    if (found == null) {
      if (!name.endsWith(".num_batches_tracked")) {
        missing.add(name);
      }
      return;
    }
    long[] wantedShape = Checkpoint.shapeOf(wanted);
    long[] foundShape = Checkpoint.shapeOf(found);
    if (!Arrays.equals(wantedShape, foundShape)) {
      misshapen.add(
          name + " " + Arrays.toString(foundShape) + " for " + Arrays.toString(wantedShape));
    } else if (wanted.is_floating_point() != found.is_floating_point()) {
      mistyped.add(name + " " + found.scalar_type() + " for " + wanted.scalar_type());
    }
  }

  private String text() {
    List<String> parts = new ArrayList<>();
    describe("missing", missing, parts);
    describe("unexpected", unexpected, parts);
    describe("misshapen", misshapen, parts);
    describe("of the wrong type", mistyped, parts);
    return String.join("; ", parts);
  }

  private static void describe(String what, List<String> names, List<String> parts) {
    if (!names.isEmpty()) {
      String first = String.join(", ", names.subList(0, Math.min(SHOWN, names.size())));
      parts.add(names.size() + " " + what + " (" + first + (names.size() > SHOWN ? ", ...)" : ")"));
    }
  }
}
