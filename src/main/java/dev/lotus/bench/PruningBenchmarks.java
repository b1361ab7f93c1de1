package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.SsdDampen;
import dev.lotus.kernel.TopKMask;
import java.util.List;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What chooses weights by their importance: SSD's dampening, SalUn's mask. */
final class PruningBenchmarks {
  private PruningBenchmarks() {}

  static KernelBenchmark dampen(BenchShape shape, BenchMemory memory) {
    return new Dampen(memory);
  }

  static KernelBenchmark topK(BenchShape shape, BenchMemory memory) {
    return new TopK(memory);
  }

  /** Selective synaptic dampening with the published settings; a sixth of the weights is chosen. */
  private static final class Dampen extends WeightsBenchmark {
    private static final double SELECTION = 10;
    private static final double DAMPENING = 1;

    private final SsdDampen.Settings settings =
        new SsdDampen.Settings((float) SELECTION, (float) DAMPENING, 1, 1);
    private final LongPointer dampened;
    private final long chosen;

    Dampen(BenchMemory memory) {
      super(memory, 1e-4, 1e-4, false);
      dampened = BenchMemory.longs(memory.zeros(ScalarType.Long, 1));
      long count = 0;
      try (NativeScope scope = new NativeScope()) {
        for (Parameter parameter : peer) {
          count += (long) BenchMemory.values(chosen(parameter).sum())[0];
        }
      }
      chosen = count;
    }

    private static Tensor chosen(Parameter parameter) {
      return parameter.second.gt(parameter.first.mul(new Scalar(SELECTION)));
    }

    /** Both importances are read; of the weights, those that are dampened. */
    @Override
    public long bytes() {
      return (elements + chosen) * 2 * Float.BYTES;
    }

    @Override
    public void fused(int turn) {
      SsdDampen.run(tensors, settings, dampened, memory.stream());
    }

    @Override
    void eager() {
      Scalar one = new Scalar(1.0);
      for (Parameter parameter : peer) {
        Tensor factor =
            parameter
                .first
                .mul(new Scalar(DAMPENING))
                .div(parameter.second)
                .pow(one)
                .clamp_max(one);
        parameter.weight.mul_(torch.where(chosen(parameter), factor, one));
      }
    }

    @Override
    public List<Agreement> agreements() {
      fused(0);
      try (NativeScope scope = new NativeScope()) {
        eager();
      }
      return List.of(
          new Agreement("weights", all(fused, p -> p.weight), all(peer, p -> p.weight), 2e-6));
    }
  }

  /** The mask of the larger half of the scores, over all tensors; eager: concatenate and topk. */
  private static final class TopK extends WeightsBenchmark {
    private final long k;
    private final LongPointer workspace;

    TopK(BenchMemory memory) {
      super(memory, 1, 0, true);
      k = elements / 2;
      workspace = BenchMemory.longs(memory.zeros(ScalarType.Long, TopKMask.WORKSPACE));
    }

    /** Scores are read, a byte of mask written. */
    @Override
    public long bytes() {
      return elements * (Float.BYTES + 1);
    }

    @Override
    public void fused(int turn) {
      TopKMask.run(tensors, k, workspace, memory.stream());
    }

    @Override
    void eager() {
      Tensor[] scores = peer.stream().map(p -> p.first.abs()).toArray(Tensor[]::new);
      Tensor all = torch.cat(new TensorVector(scores));
      Tensor indices = torch.topk(all, k, 0, true, false).get1();
      Tensor mask = torch.zeros_like(all).to(ScalarType.Byte);
      mask.index_fill_(0, indices, new Scalar(1.0));
      long at = 0;
      for (Parameter parameter : peer) {
        long count = parameter.mask.size(0);
        parameter.mask.copy_(mask.narrow(0, at, count));
        at += count;
      }
    }

    /** Among equal scores the choice is free: the number chosen and their sum are compared. */
    @Override
    public List<Agreement> agreements() {
      fused(0);
      try (NativeScope scope = new NativeScope()) {
        eager();
      }
      return List.of(
          new Agreement("number chosen", chosen(fused)[0], chosen(peer)[0], 0),
          new Agreement("their sum", chosen(fused)[1], chosen(peer)[1], 1e-12));
    }

    private static double[][] chosen(List<Parameter> parameters) {
      double[] mask = all(parameters, p -> p.mask);
      double[] scores = all(parameters, p -> p.first);
      double[][] numberAndSum = {{0}, {0}};
      for (int i = 0; i < mask.length; i++) {
        numberAndSum[0][0] += mask[i];
        numberAndSum[1][0] += mask[i] * Math.abs(scores[i]);
      }
      return numberAndSum;
    }
  }
}
