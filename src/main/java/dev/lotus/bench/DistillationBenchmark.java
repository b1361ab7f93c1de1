package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.Distillation;
import dev.lotus.kernel.Distillation.Output;
import dev.lotus.kernel.Distillation.Reduction;
import dev.lotus.kernel.Distillation.Teachers;
import dev.lotus.kernel.Matrix;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** SCRUB's DistillKL with its gradient; eager as its code has it (scrub_class.py:23-32). */
final class DistillationBenchmark extends LogitsBenchmark {
  private static final double TEMPERATURE = 4;

  /** at::Reduction::Sum. */
  private static final long SUM = 2;

  private final List<Tensor> students = leaves(logits(1));
  private final List<Tensor> teachers = logits(2);
  private final List<Tensor> gradients = outputs();
  private final List<Matrix> studentMatrices = matrices(students);
  private final List<Teachers> teacherMatrices =
      teachers.stream().map(t -> Teachers.one(memory.matrix(t))).toList();
  private final List<Output> outputs;
  private final Tensor losses;
  private final double scale;

  DistillationBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 3);
    losses = memory.zeros(ScalarType.Float, rows);
    scale = Reduction.SCRUB.scale(rows, cols, TEMPERATURE);
    outputs =
        gradients.stream()
            .map(
                g ->
                    new Output(
                        BenchMemory.floats(losses), memory.matrix(g), (float) scale, false, null))
            .toList();
  }

  @Override
  public long bytes() {
    return 3 * matrixBytes() + rows * Float.BYTES;
  }

  @Override
  public void fused(int turn) {
    Distillation.run(
        at(studentMatrices, turn),
        at(teacherMatrices, turn),
        TEMPERATURE,
        null,
        at(outputs, turn),
        stream);
  }

  @Override
  public List<Peer> peers() {
    return List.of(new Peer("eager", turn -> scoped(turn)));
  }

  private void scoped(int turn) {
    try (NativeScope scope = new NativeScope()) {
      eager(turn);
    }
  }

  private Tensor eager(int turn) {
    Tensor student = at(students, turn);
    student.mutable_grad().reset();
    Scalar t = new Scalar(TEMPERATURE);
    Tensor logQ = torch.log_softmax(student.div(t), 1);
    Tensor p = torch.softmax(at(teachers, turn).div(t), 1);
    Tensor loss = torch.kl_div(logQ, p, SUM, false).mul(new Scalar(scale));
    loss.backward();
    return loss;
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      Tensor loss = eager(0);
      fused(0);
      double tolerance = memory.tolerance();
      return List.of(
          new Agreement(
              "gradient",
              BenchMemory.values(gradients.get(0)),
              BenchMemory.values(students.get(0).grad()),
              tolerance),
          new Agreement(
              "loss",
              BenchMemory.values(losses.sum().mul(new Scalar(scale))),
              BenchMemory.values(loss),
              5 * tolerance));
    }
  }
}
