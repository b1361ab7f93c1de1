package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.GumbelCrossEntropy;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelCrossEntropy.Output;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.kernel.Matrix;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The LoTUS loss: noise, targets, loss and gradient. Every other row forgets. Peers: the published
 * composition, and the same with its noise ready, which is what fusing alone saves.
 */
final class GumbelCrossEntropyBenchmark extends LogitsBenchmark {
  private static final double TAU = 2.05;

  private final GumbelCrossEntropy fused =
      new GumbelCrossEntropy(ForgetTarget.GUMBEL_SOFTMAX, RetainTarget.GUMBEL_HARD);
  private final List<Tensor> students = leaves(logits(1));
  private final List<Tensor> teachers = logits(2);
  private final List<Tensor> gradients = outputs();
  private final List<Matrix> studentMatrices = matrices(students);
  private final List<Matrix> teacherMatrices = matrices(teachers);
  private final List<Output> outputs;
  private final Tensor losses;
  private final Tensor forgetColumn;
  private final BytePointer isForget;

  GumbelCrossEntropyBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 3);
    losses = memory.zeros(ScalarType.Float, rows);
    Tensor flags =
        memory.keep(
            () -> torch.arange(new Scalar(rows)).remainder(new Scalar(2)).to(ScalarType.Byte));
    forgetColumn = memory.keep(() -> flags.view(rows, 1).to(BenchMemory.scalarType(memory.dtype)));
    isForget = BenchMemory.bytes(flags);
    outputs =
        gradients.stream()
            .map(g -> new Output(BenchMemory.floats(losses), memory.matrix(g), 1f / rows, null))
            .toList();
  }

  @Override
  public long bytes() {
    return 3 * matrixBytes() + rows * (Float.BYTES + 1);
  }

  /**
   * Half of the rows forget: a draw and two exponentials a class; half retain: a word and an
   * exponential, since the argmax needs a draw only where a class may still win.
   */
  @Override
  public double floorMicros(Ceilings ceilings) {
    double arithmetic =
        rows
            * cols
            * (0.5 * (ceilings.drawMicros() + 2 * ceilings.exponentialMicros())
                + 0.5 * (ceilings.wordMicros() + ceilings.exponentialMicros()));
    return floor(ceilings, arithmetic);
  }

  @Override
  public void fused(int turn) {
    fused(turn, Noise.of(7, turn));
  }

  private void fused(int turn, Noise noise) {
    fused.run(
        at(studentMatrices, turn),
        at(teacherMatrices, turn),
        isForget,
        TAU,
        noise,
        at(outputs, turn),
        stream);
  }

  @Override
  public List<Peer> peers() {
    return List.of(new Peer("eager", this::eager), new Peer("eager-noise-ready", this::noiseReady));
  }

  private void eager(int turn) {
    try (NativeScope scope = new NativeScope()) {
      Tensor teacher = at(teachers, turn);
      composed(turn, ComposedLoss.noise(teacher), ComposedLoss.noise(teacher));
    }
  }

  /** Any finite numbers do for noise that costs nothing: the last gradient. */
  private void noiseReady(int turn) {
    try (NativeScope scope = new NativeScope()) {
      composed(turn, at(gradients, turn), at(gradients, turn));
    }
  }

  private Tensor composed(int turn, Tensor hardNoise, Tensor softNoise) {
    Tensor student = at(students, turn);
    student.mutable_grad().reset();
    Tensor loss =
        ComposedLoss.loss(student, at(teachers, turn), forgetColumn, TAU, hardNoise, softNoise);
    loss.backward();
    return loss;
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      Tensor noise = ComposedLoss.noise(teachers.get(0));
      Tensor loss = composed(0, noise, noise);
      Tensor ready = noise.to(ScalarType.Float);
      fused(0, new Noise(0, 0, null, memory.matrix(ready, DType.FLOAT32)));
      double tolerance = memory.tolerance();
      return List.of(
          new Agreement(
              "gradient",
              BenchMemory.values(gradients.get(0)),
              BenchMemory.values(students.get(0).grad()),
              tolerance),
          new Agreement(
              "loss", BenchMemory.values(losses.mean()), BenchMemory.values(loss), tolerance));
    }
  }
}
