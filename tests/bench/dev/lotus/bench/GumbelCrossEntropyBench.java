package dev.lotus.bench;

import dev.lotus.kernel.GumbelCrossEntropy;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelCrossEntropy.Output;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.kernel.Kernels;
import dev.lotus.kernel.Matrix;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The fused loss beside the same loss composed of eager libtorch operations: forward, noise and
 * gradient of the student's logits, fp32, equal threads. Half of the rows forget.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 1, time = 2)
@Measurement(iterations = 3, time = 4)
@Fork(
    value = 1,
    jvmArgsAppend = {"-Dorg.bytedeco.javacpp.maxPhysicalBytes=0", "-Xmx2g"})
public class GumbelCrossEntropyBench {
  static final double TAU = 2.05;

  /** Rows x classes. */
  @Param({"128x10", "256x1000", "4096x1000", "1024x21841"})
  public String shape;

  @Param({"2"})
  public int threads;

  private PointerScope scope;
  int rows;
  int cols;
  Tensor student;
  Tensor teacher;
  Tensor forgetColumn;
  Tensor gradient;
  private BytePointer isForget;
  private Matrix studentMatrix;
  private Matrix teacherMatrix;
  private Output output;
  private final GumbelCrossEntropy fused =
      new GumbelCrossEntropy(ForgetTarget.GUMBEL_SOFTMAX, RetainTarget.GUMBEL_HARD);
  private int step;

  @Setup(Level.Trial)
  public void setUp() {
    torch.set_num_threads(threads);
    Kernels.setNumThreads(threads);
    torch.manual_seed(1);
    String[] sides = shape.split("x");
    rows = Integer.parseInt(sides[0]);
    cols = Integer.parseInt(sides[1]);
    scope = new PointerScope();
    student = torch.randn(rows, cols).set_requires_grad(true);
    teacher = torch.randn(rows, cols).mul(new org.bytedeco.pytorch.Scalar(2.0));
    byte[] flags = new byte[rows];
    float[] column = new float[rows];
    for (int b = 0; b < rows; b++) {
      flags[b] = (byte) (b % 2);
      column[b] = b % 2;
    }
    isForget = new BytePointer(flags);
    forgetColumn = torch.tensor(column).view(rows, 1);
    gradient = torch.zeros(rows, cols);
    studentMatrix = Matrix.of(new FloatPointer(student.data_ptr()), rows, cols);
    teacherMatrix = Matrix.of(new FloatPointer(teacher.data_ptr()), rows, cols);
    output =
        new Output(
            new FloatPointer(rows),
            Matrix.of(new FloatPointer(gradient.data_ptr()), rows, cols),
            1f / rows,
            null);
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    scope.close();
  }

  @Benchmark
  public void fused() {
    fused.run(studentMatrix, teacherMatrix, isForget, TAU, Noise.of(7, step++), output, null);
  }

  @Benchmark
  public void eager() {
    try (PointerScope step = new PointerScope()) {
      student.mutable_grad().reset();
      ComposedLoss.step(student, teacher, forgetColumn, TAU);
    }
  }

  /** The eager form without drawing noise: what fusing alone saves. */
  @Benchmark
  public void eagerNoiseReady() {
    try (PointerScope step = new PointerScope()) {
      student.mutable_grad().reset();
      ComposedLoss.loss(student, teacher, forgetColumn, TAU, gradient, gradient).backward();
    }
  }

  /** Fused and composed gradients on the same noise; a test holds them together. */
  float[][] agree() {
    try (PointerScope step = new PointerScope()) {
      Tensor noise = ComposedLoss.noise(teacher);
      ComposedLoss.loss(student, teacher, forgetColumn, TAU, noise, noise).backward();
      fused.run(
          studentMatrix,
          teacherMatrix,
          isForget,
          TAU,
          new Noise(0, 0, null, Matrix.of(new FloatPointer(noise.data_ptr()), rows, cols)),
          output,
          null);
      float[] expected = new float[rows * cols];
      float[] actual = new float[rows * cols];
      new FloatPointer(student.grad().data_ptr()).get(expected);
      new FloatPointer(gradient.data_ptr()).get(actual);
      return new float[][] {actual, expected};
    }
  }
}
