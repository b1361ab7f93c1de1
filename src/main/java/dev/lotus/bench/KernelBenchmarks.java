package dev.lotus.bench;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.kernel.DType;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Every operation that can be measured, in the order of {@code lotus.h}. */
public final class KernelBenchmarks {
  /** Makes a benchmark; whoever calls it closes what comes. */
  @FunctionalInterface
  interface Factory {
    KernelBenchmark open(BenchShape shape, BenchMemory memory);
  }

  /**
   * @param op as in {@code lotus.h}, without the prefix
   * @param shapes what is measured by default; only shapes of their kind fit
   * @param types what the operation takes
   */
  public record Definition(String op, List<BenchShape> shapes, List<DType> types, Factory factory) {
    /** Whether it can be run on that shape. */
    public boolean fits(BenchShape shape) {
      return shape.kind() == shapes.get(0).kind();
    }

    /** Inputs of its own, on that device, until closed. */
    public KernelBenchmark open(BenchShape shape, DType dtype, ComputeDevice device) {
      BenchMemory memory = new BenchMemory(dtype, device);
      try {
        return factory.open(shape, memory);
      } catch (RuntimeException | Error e) {
        memory.close();
        throw e;
      }
    }
  }

  private static final List<BenchShape> LOGITS =
      shapes("128x10", "256x1000", "4096x1000", "1024x21841");
  private static final List<BenchShape> WEIGHTS = shapes("resnet18");
  private static final List<DType> ONLY_FP32 = List.of(DType.FLOAT32);
  private static final List<DType> ALL_TYPES = List.of(DType.values());

  private static final Map<String, Definition> ALL = new LinkedHashMap<>();

  static {
    add("philox", LOGITS, ONLY_FP32, PhiloxBenchmark::new);
    add("gumbel_noise", LOGITS, ALL_TYPES, GumbelNoiseBenchmark::new);
    add("gumbel_softmax", LOGITS, ALL_TYPES, GumbelSoftmaxBenchmark::new);
    add("gumbel_cross_entropy", LOGITS, ALL_TYPES, GumbelCrossEntropyBenchmark::new);
    add("distillation", LOGITS, ALL_TYPES, DistillationBenchmark::new);
    add("cross_entropy", LOGITS, ALL_TYPES, CrossEntropyBenchmark::new);
    add("evaluate_logits", LOGITS, ALL_TYPES, EvaluateLogitsBenchmark::new);
    add(
        "class_means",
        shapes("128x10", "256x1000", "4096x1000"),
        ALL_TYPES,
        ClassMeansBenchmark::new);
    add("entropy_histogram", LOGITS, ALL_TYPES, EntropyHistogramBenchmark::new);
    add("js_divergence", LOGITS, ALL_TYPES, JsDivergenceBenchmark::new);
    add("rf_jsd", shapes("10x10", "100x100"), ONLY_FP32, RetrainFreeJsdBenchmark::new);
    add("gradient_norm", WEIGHTS, ALL_TYPES, ImportanceBenchmarks::gradientNorm);
    add("adamw", WEIGHTS, ONLY_FP32, OptimizerBenchmarks::adamW);
    add("sgd", WEIGHTS, ONLY_FP32, OptimizerBenchmarks::sgd);
    add("square_accumulate", WEIGHTS, ALL_TYPES, ImportanceBenchmarks::squareAccumulate);
    add("abs_accumulate", WEIGHTS, ALL_TYPES, ImportanceBenchmarks::absAccumulate);
    add("ssd_dampen", WEIGHTS, ONLY_FP32, PruningBenchmarks::dampen);
    add("top_k_mask", WEIGHTS, ONLY_FP32, PruningBenchmarks::topK);
    add(
        "gather_augment",
        shapes("512x3x32x32", "32x3x256x256"),
        ALL_TYPES,
        GatherAugmentBenchmark::new);
    add("resize", shapes("8x3x375x500"), ONLY_FP32, ResizeBenchmark::new);
  }

  private KernelBenchmarks() {}

  public static List<Definition> all() {
    return List.copyOf(ALL.values());
  }

  /**
   * @throws InputException where there is none of that name
   */
  public static Definition of(String op) {
    Definition definition = ALL.get(op);
    if (definition == null) {
      throw new InputException("--op " + op + ": there are " + String.join(", ", ALL.keySet()));
    }
    return definition;
  }

  private static void add(String op, List<BenchShape> shapes, List<DType> types, Factory factory) {
    ALL.put(op, new Definition(op, shapes, types, factory));
  }

  private static List<BenchShape> shapes(String... texts) {
    return Arrays.stream(texts).map(BenchShape::parse).toList();
  }
}
