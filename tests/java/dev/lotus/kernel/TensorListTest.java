package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.device.LeakCheck;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.ShortPointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class TensorListTest {
  private static TensorList.Entry entry(FloatPointer x, Pointer gradient) {
    return new TensorList.Entry(x, gradient, x, x, null, null, 3);
  }

  /** Frameworks may give a parameter new memory for its gradient each step. */
  @Test
  void aGradientCanBeReplaced() {
    try (PointerScope scope = new PointerScope()) {
      FloatPointer sum = new FloatPointer(0f, 0f, 0f);
      try (TensorList list =
          new TensorList(
              List.of(entry(sum, new FloatPointer(1f, 2f, 3f))), DType.FLOAT32, Matrix.CPU)) {
        AbsAccumulate.run(list, 1, true, null);
        list.gradient(0, new FloatPointer(10f, 20f, 30f));
        AbsAccumulate.run(list, 1, true, null);
        assertThat(sum.get(2)).isEqualTo(33f);
        assertThatIllegalArgumentException()
            .isThrownBy(() -> list.gradient(0, new FloatPointer(2)))
            .withMessage("gradient of tensor 0, needs 3 elements; the memory holds 2");
      }
    }
  }

  /** The list outlives the scope in which it was made; its owner closes it. */
  @Test
  void itsOwnerClosesIt() {
    try (PointerScope scope = new PointerScope()) {
      FloatPointer x = new FloatPointer(1f, 1f, 1f);
      TensorList list;
      try (PointerScope inner = new PointerScope()) {
        list = new TensorList(List.of(entry(x, x)), DType.FLOAT32, Matrix.CPU);
      }
      SquareAccumulate.run(list, 1, null);
      assertThat(x.get(0)).isEqualTo(2f);
      list.close();
      list.close();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> SquareAccumulate.run(list, 1, null))
          .withMessage("the list of tensors is closed");
    }
  }

  @Test
  void sizesAreChecked() {
    try (PointerScope scope = new PointerScope()) {
      FloatPointer three = new FloatPointer(3);
      FloatPointer two = new FloatPointer(2);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new TensorList(List.of(entry(two, three)), DType.FLOAT32, Matrix.CPU))
          .withMessage("weight of tensor 0 holds 2 elements; 3 are needed");
      assertThatIllegalArgumentException()
          .isThrownBy(
              () ->
                  new TensorList(
                      List.of(entry(three, three), entry(three, new ShortPointer(2))),
                      DType.BFLOAT16,
                      Matrix.CPU))
          .withMessage("gradient of tensor 1, needs 3 elements; the memory holds 2");
      assertThatIllegalArgumentException()
          .isThrownBy(
              () ->
                  new TensorList(
                      List.of(new TensorList.Entry(null, null, null, null, null, null, -1)),
                      DType.FLOAT32,
                      Matrix.CPU))
          .withMessage("the count of tensor 0 is -1; it must be 0 or more");
    }
  }
}
