package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.GumbelNoise;
import dev.lotus.kernel.Matrix;
import dev.lotus.kernel.Philox;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Ready-made noise; eager as PyTorch's gumbel_softmax draws it. The generators differ. */
final class GumbelNoiseBenchmark extends LogitsBenchmark {
  private static final int DRAWS = 4096;

  private final List<Tensor> outputs = outputs();
  private final List<Matrix> matrices = matrices(outputs);

  GumbelNoiseBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 1);
  }

  @Override
  public long bytes() {
    return matrixBytes();
  }

  @Override
  public double floorMicros(Ceilings ceilings) {
    return floor(ceilings, rows * cols * ceilings.drawMicros());
  }

  @Override
  public void fused(int turn) {
    GumbelNoise.run(7, turn, Philox.FORGET_TARGET, null, at(matrices, turn), stream);
  }

  @Override
  public List<Peer> peers() {
    return List.of(
        new Peer(
            "eager",
            turn -> {
              try (NativeScope scope = new NativeScope()) {
                ComposedLoss.noise(at(outputs, turn));
              }
            }));
  }

  /** Mean and mean square of many draws: no two generators agree in more. */
  @Override
  public List<Agreement> agreements() {
    double[] fused = new double[2];
    double[] expected = new double[2];
    int turns = (int) Math.max(1, DRAWS * 16 / (rows * cols));
    for (int turn = 0; turn < turns; turn++) {
      fused(turn);
      add(BenchMemory.values(at(outputs, turn)), fused);
      try (NativeScope scope = new NativeScope()) {
        add(BenchMemory.values(ComposedLoss.noise(at(outputs, turn))), expected);
      }
    }
    return List.of(new Agreement("moments", fused, expected, 0.05));
  }

  private static void add(double[] values, double[] moments) {
    for (double value : values) {
      moments[0] += value;
      moments[1] += value * value;
    }
  }
}
