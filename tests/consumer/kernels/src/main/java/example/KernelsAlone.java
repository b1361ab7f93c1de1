package example;

import dev.lotus.kernel.GumbelCrossEntropy;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelCrossEntropy.Output;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.kernel.Matrix;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;

/** The loss of one forget row and one retain row; libtorch must not be there. */
public final class KernelsAlone {
  private KernelsAlone() {}

  public static void main(String[] args) {
    try {
      Class.forName("org.bytedeco.pytorch.Tensor");
      throw new IllegalStateException("libtorch is on the class path of a program without it");
    } catch (ClassNotFoundException expected) {
      // As it should be.
    }
    try (PointerScope memory = new PointerScope()) {
      FloatPointer student = new FloatPointer(2, 0.5f, -1, 0.1f, 0.2f, 3);
      FloatPointer teacher = new FloatPointer(2.5f, 0, -1, 0, 0, 3);
      FloatPointer loss = new FloatPointer(2);
      FloatPointer gradient = new FloatPointer(6);
      new GumbelCrossEntropy(ForgetTarget.GUMBEL_SOFTMAX, RetainTarget.GUMBEL_HARD)
          .run(
              Matrix.of(student, 2, 3),
              Matrix.of(teacher, 2, 3),
              new BytePointer(new byte[] {1, 0}),
              2.0,
              Noise.of(3407, 0),
              new Output(loss, Matrix.of(gradient, 2, 3), 0.5f, null),
              null);
      if (!(loss.get(0) > 0 && loss.get(1) > 0)) {
        throw new IllegalStateException("losses " + loss.get(0) + " and " + loss.get(1));
      }
      System.out.printf("kernels without libtorch: losses %.4f %.4f%n", loss.get(0), loss.get(1));
    }
  }
}
