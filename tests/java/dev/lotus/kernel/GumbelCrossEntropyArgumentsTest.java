package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelCrossEntropy.Output;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;

/**
 * What the contract of {@link GumbelCrossEntropy} refuses, an operand at a time, and what it
 * allows.
 */
class GumbelCrossEntropyArgumentsTest {
  @Test
  void emptyBatchesAreAllowedAndNothingIsWritten() {
    try (PointerScope scope = new PointerScope()) {
      FloatPointer none = new FloatPointer(1).put(7);
      Matrix m = Matrix.of(none, 0, 10);
      new GumbelCrossEntropy(ForgetTarget.SOFTMAX, RetainTarget.ARGMAX)
          .run(m, m, new BytePointer(1), 1, Noise.of(0, 0), new Output(none, null, 1f, null), null);
      assertThat(none.get()).isEqualTo(7);
    }
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      GumbelCrossEntropy op =
          new GumbelCrossEntropy(ForgetTarget.GUMBEL_SOFTMAX, RetainTarget.GUMBEL_HARD);
      Matrix m = Matrix.of(new FloatPointer(12), 3, 4);
      Matrix narrow = Matrix.of(new FloatPointer(9), 3, 3);
      Matrix half = Matrix.ofBfloat16(new org.bytedeco.javacpp.ShortPointer(12), 3, 4, 4);
      BytePointer flags = new BytePointer(3);
      FloatPointer loss = new FloatPointer(3);
      Output out = new Output(loss, m, 1f, null);
      Noise noise = Noise.of(0, 0);
      refused(() -> op.run(m, narrow, flags, 1, noise, out, null), "teacher is FLOAT32[3, 3]");
      refused(() -> op.run(m, half, flags, 1, noise, out, null), "teacher is BFLOAT16");
      refused(() -> op.run(m, m, null, 1, noise, out, null), "is_forget is null");
      refused(() -> op.run(m, m, new BytePointer(2), 1, noise, out, null), "is_forget holds 2");
      for (double tau : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY, 1e-60}) {
        refused(() -> op.run(m, m, flags, tau, noise, out, null), "tau is " + tau);
      }
      refused(() -> op.run(m, m, flags, 1, new Noise(0, 0, null, narrow), out, null), "noise is");
      refused(
          () ->
              op.run(
                  m,
                  m,
                  flags,
                  1,
                  new Noise(0, 0, new org.bytedeco.javacpp.LongPointer(1), null),
                  out,
                  null),
          "samples holds 1");
      refused(
          () -> op.run(m, m, flags, 1, noise, new Output(loss, narrow, 1f, null), null),
          "gradient is");
      refused(
          () -> op.run(m, m, flags, 1, noise, new Output(new FloatPointer(1), m, 1f, null), null),
          "loss holds 1");
      refused(
          () -> op.run(m, m, flags, 1, noise, new Output(null, null, 1f, null), null),
          "nothing to compute");
      refused(
          () -> Matrix.of(new FloatPointer(11), 3, 4), "needs 12 elements; the memory holds 11");
      refused(() -> Matrix.of(new FloatPointer(12), 3, 4, 3), "stride >= cols");
    }
  }

  private static void refused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String text) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }
}
