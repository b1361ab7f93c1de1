package dev.lotus.unlearn;

import dev.lotus.kernel.CrossEntropy;
import dev.lotus.kernel.Distillation;
import dev.lotus.kernel.Distillation.Reduction;
import dev.lotus.kernel.Distillation.Teachers;
import dev.lotus.metric.GoldenFile;
import dev.lotus.metric.GoldenFile.Array;
import java.util.Arrays;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Golden family f, the baselines' losses and gradients: Bad Teacher, SCRUB, cross entropy. */
final class GoldenLosses {
  /** Of SCRUB's DistillKL, as published. */
  private static final double SCRUB_TEMPERATURE = 4;

  private GoldenLosses() {}

  /** UnlearnerLoss: forget rows (label 1) follow the bad teacher, the others the full one. */
  static void badTeacher(GoldenCheck check, GoldenFile file) {
    Batch batch = new Batch(check, file.array("output"));
    int[] labels = file.array("labels").ints();
    byte[] useOther = new byte[batch.rows];
    for (int b = 0; b < batch.rows; b++) {
      useOther[b] = (byte) labels[b];
    }
    Tensor flags = Evaluator.on(check.device(), torch.tensor(useOther));
    Teachers teachers =
        new Teachers(
            TensorMatrix.of(batch.like(file.array("full_teacher_logits")), check.device()),
            TensorMatrix.of(batch.like(file.array("bad_teacher_logits")), check.device()),
            TensorMatrix.bytes(flags));
    double loss = batch.distil(teachers, 1, Reduction.BAD_TEACHER, null, false);
    batch.compare("", loss, file.array("loss_f64"), file.array("grad_f64"));
  }

  /** The mean over the batch; its reference is fp32. */
  static void crossEntropy(GoldenCheck check, GoldenFile file) {
    Batch batch = new Batch(check, file.array("logits"));
    double loss = batch.crossEntropy(file.array("labels"));
    batch.compare("", loss, file.array("loss"), file.array("grad"));
  }

  /** DistillKL alone; with cross entropy, for retain rows; climbed, for forget rows. */
  static void scrub(GoldenCheck check, GoldenFile file) {
    Batch batch = new Batch(check, file.array("student"));
    Teachers teacher =
        Teachers.one(TensorMatrix.of(batch.like(file.array("teacher")), check.device()));
    double kl = batch.distil(teacher, SCRUB_TEMPERATURE, Reduction.SCRUB, null, false);
    batch.compare("kl_", kl, file.array("kl_f64"), file.array("kl_grad_f64"));

    double retain =
        batch.crossEntropy(file.array("labels"))
            + batch.distil(teacher, SCRUB_TEMPERATURE, Reduction.SCRUB, null, true);
    batch.compare("retain_", retain, file.array("retain_loss_f64"), file.array("retain_grad_f64"));

    Tensor climb = Evaluator.on(check.device(), torch.ones(batch.rows).neg());
    double forget =
        -batch.distil(
            teacher, SCRUB_TEMPERATURE, Reduction.SCRUB, TensorMatrix.floats(climb, 0), false);
    batch.compare("forget_", forget, file.array("forget_loss_f64"), file.array("forget_grad_f64"));
  }

  /** The student's logits of one file and the gradient that the operations write. */
  private static final class Batch {
    private final GoldenCheck check;
    private final int rows;
    private final int cols;
    private final Tensor logits;
    private final Tensor losses;
    private final Tensor gradient;

    Batch(GoldenCheck check, Array logits) {
      this.check = check;
      this.rows = logits.shape()[0];
      this.cols = logits.shape()[1];
      this.logits = like(logits);
      this.losses = Evaluator.on(check.device(), torch.zeros(rows));
      this.gradient = torch.empty_like(this.logits);
    }

    Tensor like(Array matrix) {
      return check.matrix(matrix.floats(), rows, cols);
    }

    /** The reduced loss. */
    double distil(
        Teachers teachers,
        double temperature,
        Reduction reduction,
        FloatPointer rowWeight,
        boolean accumulate) {
      double scale = reduction.scale(rows, cols, temperature);
      Distillation.run(
          TensorMatrix.of(logits, check.device()),
          teachers,
          temperature,
          rowWeight,
          new Distillation.Output(
              TensorMatrix.floats(losses, 0),
              TensorMatrix.of(gradient, check.device()),
              (float) scale,
              accumulate,
              null),
          TensorMatrix.stream(check.device()));
      return scale * sumOfLosses();
    }

    /** The mean loss. */
    double crossEntropy(Array labels) {
      Tensor longs =
          Evaluator.on(
              check.device(), torch.tensor(Arrays.stream(labels.ints()).asLongStream().toArray()));
      CrossEntropy.run(
          TensorMatrix.of(logits, check.device()),
          TensorMatrix.longs(longs, 0),
          CrossEntropy.Options.PLAIN,
          new CrossEntropy.Output(
              null,
              TensorMatrix.floats(losses, 0),
              TensorMatrix.of(gradient, check.device()),
              1f / rows,
              null),
          TensorMatrix.stream(check.device()));
      return sumOfLosses() / rows;
    }

    private double sumOfLosses() {
      double sum = 0;
      for (float row : Evaluator.hostFloats(losses)) {
        sum += row;
      }
      return sum;
    }

    void compare(String prefix, double loss, Array lossReference, Array gradientReference) {
      check.expectClose(prefix + "loss", loss, lossReference.scalar());
      float[] actual = Evaluator.hostFloats(gradient);
      double[] reference = gradientReference.data();
      for (int i = 0; i < reference.length; i++) {
        check.expectClose(prefix + "grad[" + i + "]", actual[i], reference[i]);
      }
    }
  }
}
