package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.RetrainFreeJsd;
import dev.lotus.kernel.RetrainFreeJsd.Side;
import java.util.List;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * RF-JSD of K x C class sums in both forms, with its interval from 200 subsets of the columns;
 * eager takes the subsets one after the other, in fp64 as well.
 */
final class RetrainFreeJsdBenchmark implements KernelBenchmark {
  private static final int SUBSETS = 200;

  /** libtorch's code for AVX-512 is up to 3e-9 off here, where its code for AVX2 is within 1e-9. */
  private static final double EXACT = 1e-8;

  private static final double SMALLEST = 1e-8;

  private final BenchMemory memory;
  private final long classes;
  private final long cols;
  private final Tensor p;
  private final Tensor q;
  private final Tensor out;
  private final Tensor subsets;
  private final Side pSide;
  private final Side qSide;
  private final DoublePointer workspace;

  RetrainFreeJsdBenchmark(BenchShape shape, BenchMemory memory) {
    this.memory = memory;
    classes = shape.rows();
    cols = shape.cols();
    p = sums();
    q = sums();
    Tensor counts = memory.keep(() -> torch.ones(classes).mul(new Scalar(8.0)).to(ScalarType.Long));
    pSide = new Side(BenchMemory.doubles(p), BenchMemory.longs(counts));
    qSide = new Side(BenchMemory.doubles(q), BenchMemory.longs(counts));
    out = memory.zeros(ScalarType.Double, 3);
    subsets = memory.zeros(ScalarType.Double, SUBSETS);
    workspace =
        BenchMemory.doubles(memory.zeros(ScalarType.Double, RetrainFreeJsd.workspaceSize(classes)));
  }

  /** Eight softmaxes a class. */
  private Tensor sums() {
    return memory.keep(
        () ->
            torch
                .softmax(torch.randn(classes, cols), 1)
                .to(ScalarType.Double)
                .mul(new Scalar(8.0)));
  }

  @Override
  public long bytes() {
    return 2 * classes * (cols + 1) * Double.BYTES + SUBSETS * Double.BYTES;
  }

  @Override
  public void fused(int turn) {
    RetrainFreeJsd.run(
        pSide,
        qSide,
        classes,
        cols,
        SUBSETS,
        turn,
        BenchMemory.doubles(out),
        BenchMemory.doubles(subsets),
        workspace,
        memory.device.nativeIndex(),
        memory.stream());
  }

  @Override
  public List<Peer> peers() {
    return List.of(
        new Peer(
            "eager",
            turn -> {
              try (NativeScope scope = new NativeScope()) {
                eager();
              }
            }));
  }

  /** Textbook, upstream's form, the subsets' values. */
  private Tensor[] eager() {
    Tensor a = normalised(p);
    Tensor b = normalised(q);
    Tensor spread = torch.zeros(SUBSETS).to(a.device(), ScalarType.Double);
    long half = (cols + 1) / 2;
    for (int r = 0; r < SUBSETS; r++) {
      try (NativeScope scope = new NativeScope()) {
        Tensor some = torch.randperm(cols).narrow(0, 0, half).to(a.device(), ScalarType.Long);
        Tensor value =
            textbook(normalised(a.index_select(1, some)), normalised(b.index_select(1, some)));
        spread.select(0, r).copy_(value);
      }
    }
    return new Tensor[] {textbook(a, b), upstream(a, b), spread};
  }

  private static Tensor normalised(Tensor rows) {
    return rows.div(sum(rows));
  }

  private static Tensor sum(Tensor rows) {
    return rows.sum(new long[] {1}, true, new ScalarTypeOptional());
  }

  private static Tensor textbook(Tensor a, Tensor b) {
    Tensor logM = a.add(b).mul(new Scalar(0.5)).log();
    Tensor terms = a.mul(a.log().sub(logM)).add(b.mul(b.log().sub(logM)));
    return terms.sum(1).mean().mul(new Scalar(0.5));
  }

  /** JSDiv of the published code: each matrix over its whole sum, sum m log(m / sqrt(p q)) / K. */
  private Tensor upstream(Tensor a, Tensor b) {
    Tensor x = a.clamp_min(new Scalar(SMALLEST));
    Tensor y = b.clamp_min(new Scalar(SMALLEST));
    x = x.div(x.sum());
    y = y.div(y.sum());
    Tensor m = x.add(y).mul(new Scalar(0.5));
    Tensor terms = m.mul(m.log().sub(x.mul(y).sqrt().log()));
    return terms.sum().div(new Scalar((double) classes));
  }

  /** The subsets are drawn by other generators: their means are compared. */
  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      fused(0);
      Tensor[] expected = eager();
      double[] values = BenchMemory.values(out);
      return List.of(
          new Agreement("rf_jsd", new double[] {values[0]}, BenchMemory.values(expected[0]), EXACT),
          new Agreement(
              "upstream", new double[] {values[1]}, BenchMemory.values(expected[1]), EXACT),
          new Agreement(
              "mean of the subsets",
              BenchMemory.values(subsets.mean()),
              BenchMemory.values(expected[2].mean()),
              0.05));
    }
  }

  @Override
  public void close() {
    memory.close();
  }
}
