package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.ShortPointer;
import org.junit.jupiter.api.Test;

class MatrixTest {
  private static void refused(String text, Runnable make) {
    assertThatIllegalArgumentException().isThrownBy(make::run).withMessageContaining(text);
  }

  @Test
  void memoryThatKnowsItsSizeMustHoldTheMatrix() {
    try (PointerScope scope = new PointerScope()) {
      refused(
          "needs 100000 elements; the memory holds 3",
          () -> new Matrix(new FloatPointer(3), 100, 1000, 1000, DType.FLOAT32, Matrix.CPU));
      // Counted in bytes, whatever the pointer's own type: 5 shorts hold two floats.
      refused(
          "the memory holds 2",
          () -> new Matrix(new ShortPointer(5), 1, 3, 3, DType.FLOAT32, Matrix.CPU));
      new Matrix(new ShortPointer(6), 1, 3, 3, DType.FLOAT32, Matrix.CPU);
      refused("beyond 2^63 bytes", () -> Matrix.of(new FloatPointer(3), 3, 1, Long.MAX_VALUE));
    }
  }

  /** Native code would count the position of an untyped pointer in bytes. */
  @Test
  void memoryMustStartAtItsFirstElement() {
    try (PointerScope scope = new PointerScope()) {
      FloatPointer memory = new FloatPointer(8);
      refused("at position 4; pass", () -> Matrix.of(memory.position(4), 1, 4));
      Matrix.of(memory.position(0).getPointer(4), 1, 4);
    }
  }

  @Test
  void sizesAreChecked() {
    try (PointerScope scope = new PointerScope()) {
      refused("rows -1", () -> Matrix.of(new FloatPointer(4), -1, 4));
      refused("cols 0", () -> Matrix.of(new FloatPointer(4), 1, 0));
      refused("stride 3", () -> Matrix.of(new FloatPointer(4), 1, 4, 3));
      refused("has no memory", () -> Matrix.of(null, 1, 4));
    }
  }
}
