package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Knowledge distillation (Hinton et al., 2015): the KL divergence of tempered softmaxes and its
 * gradient, each row from the teacher it chooses.
 *
 * <pre>
 *   p = softmax(teacher_b / T),   q = softmax(student_b / T)
 *   loss_b     = KL_b = sum_c p_c log(p_c / q_c)
 *   gradient_b = gradientScale rowWeight_b (q - p) / T                  of gradientScale rowWeight_b KL_b
 * </pre>
 *
 * <p>The methods that distil differ in how they reduce the rows, which is a {@link Reduction}, and
 * in which teacher a row follows: SCRUB (Kurmanji et al., NeurIPS 2023; upstream {@code
 * scrub_class.py:23-32}) has one and climbs on the forget rows (row weight -1); Bad Teacher
 * (Chundawat et al., AAAI 2023; upstream {@code bad_teaching_class.py:80-92}) shows forget rows an
 * untrained network.
 *
 * <p>The divergence is 0 or more, and it is exact where student and teacher nearly agree: it is
 * summed as p (d - 1 + e^-d), d = log(p / q), of which no term is negative. A teacher's class at
 * -inf has p = 0 and adds nothing; a class that the student alone has at -inf costs an infinite
 * loss. The loss is written without the row's weight. A row with NaN or +inf, or all at -inf, in
 * the student or in the teacher it follows gets NaN loss and gradient, is counted in {@code
 * nonfiniteRows} and touches no other row.
 */
public final class Distillation {
  private static final String SYMBOL = "lotus_distillation";

  /**
   * How the published losses reduce [B, C] terms p log(p / q) to one number: a factor of the sum.
   */
  public enum Reduction {
    /** T^2 / B: SCRUB's DistillKL. T^2 keeps the gradient's size whatever the temperature. */
    SCRUB {
      @Override
      public double scale(long rows, long cols, double temperature) {
        return temperature * temperature / rows;
      }
    },
    /** 1 / (B C): Bad Teacher, whose PyTorch {@code kl_div} has reduction 'mean'. */
    BAD_TEACHER {
      @Override
      public double scale(long rows, long cols, double temperature) {
        return 1.0 / ((double) rows * cols);
      }
    },
    /** 1 / B: the mean of the rows' divergences, PyTorch's 'batchmean'. */
    BATCH_MEAN {
      @Override
      public double scale(long rows, long cols, double temperature) {
        return 1.0 / rows;
      }
    };

    /** The factor for a batch of B rows and C classes: the gradient's scale, and the loss's. */
    public abstract double scale(long rows, long cols, double temperature);
  }

  /**
   * Whom the rows follow.
   *
   * @param teacher [B, C] logits
   * @param other [B, C] logits of a second teacher, or null
   * @param useOther [B] bytes, not 0 = the row follows {@code other}; null with it
   */
  public record Teachers(Matrix teacher, Matrix other, BytePointer useOther) {
    public static Teachers one(Matrix teacher) {
      return new Teachers(teacher, null, null);
    }
  }

  /**
   * What to write; loss and gradient are not both null.
   *
   * @param loss [B] fp32
   * @param gradient [B, C] in the student's type; may be the student itself (in place; not with
   *     {@code accumulate}), else overlaps no input
   * @param gradientScale factor of the gradient, such as {@link Reduction#scale}
   * @param accumulate adds to what the gradient holds instead of replacing it
   * @param nonfiniteRows one counter, added to; or null
   */
  public record Output(
      FloatPointer loss,
      Matrix gradient,
      float gradientScale,
      boolean accumulate,
      LongPointer nonfiniteRows) {}

  private Distillation() {}

  /**
   * Runs the operation.
   *
   * @param student [B, C] logits
   * @param teachers logits of the student's shape, type and device
   * @param temperature T, positive and finite
   * @param rowWeight [B] factor of each row's gradient; null = 1. -1 climbs
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if shapes, types, devices or values do not fit; nothing is
   *     written
   * @throws KernelException if the device fails
   */
  public static void run(
      Matrix student,
      Teachers teachers,
      double temperature,
      FloatPointer rowWeight,
      Output out,
      Pointer stream) {
    Kernels.given("student", student);
    Kernels.given("teachers", teachers);
    Kernels.given("out", out);
    Kernels.requireLike("teacher", teachers.teacher(), "student", student, student.dtype());
    Matrix other = teachers.other();
    if ((other == null) != (teachers.useOther() == null)) {
      throw new IllegalArgumentException(
          "other_teacher and use_other come together; "
              + (other == null ? "other_teacher" : "use_other")
              + " is null");
    }
    if (other != null) {
      Kernels.requireLike("other_teacher", other, "student", student, student.dtype());
      Kernels.require("use_other", teachers.useOther(), student.rows());
    }
    float t = Kernels.requirePositive("temperature", temperature);
    Kernels.requireRoom("row_weight", rowWeight, student.rows());
    Matrix gradient = out.gradient();
    if (out.loss() == null && gradient == null) {
      throw new IllegalArgumentException("loss and gradient are both null: nothing to compute");
    }
    if (gradient != null) {
      Kernels.requireLike("gradient", gradient, "student", student, student.dtype());
      if (out.accumulate() && student.data() != null && student.data().equals(gradient.data())) {
        throw new IllegalArgumentException(
            "accumulate is set, but gradient is in place of student");
      }
    }
    Kernels.requireRoom(student.rows(), out.loss(), out.nonfiniteRows());
    Kernels.log(SYMBOL, student, teachers.teacher(), other, gradient);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_distillation(
            student.data(),
            student.stride(),
            teachers.teacher().data(),
            teachers.teacher().stride(),
            other == null ? null : other.data(),
            other == null ? 0 : other.stride(),
            teachers.useOther(),
            rowWeight,
            student.rows(),
            student.cols(),
            student.dtype().code(),
            t,
            out.loss(),
            gradient == null ? null : gradient.data(),
            gradient == null ? 0 : gradient.stride(),
            out.gradientScale(),
            out.accumulate() ? 1 : 0,
            out.nonfiniteRows(),
            student.device(),
            stream));
  }
}
