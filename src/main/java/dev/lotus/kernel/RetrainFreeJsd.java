package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * RF-JSD, the retrain-free divergence of LoTUS (Spartalis et al., CVPR 2025, section 4; upstream
 * {@code helpers/eval.py}, {@code log_js_proxy}), from two sets of class sums as {@link ClassMeans}
 * makes them: the unlearned model's on the forget set, the original's on the test half.
 *
 * <pre>
 *   P_k, Q_k = sums[k] / counts[k], for the K' classes k that both sides count
 *   out[0]   = 1/K' sum_k JSD(P_k, Q_k), rows normalised, 0 to log 2
 *   out[1]   = 1/K' sum_kc M log(M / sqrt(P Q)) of the two [K', C] matrices clamped to [1e-8, 1], each over
 *              its WHOLE sum (the published form)
 *   out[2]   = K'
 *   subsetOut[r] = out[0] over a random subset of ceil(C / 2) columns, renormalised
 * </pre>
 *
 * <p>Subset r holds the columns with the smallest {@link Philox} words of (seed, step 0, {@link
 * Philox#SUBSETS}, sample r), the lower column first among equals: the same subsets for every model
 * with C outputs, on every backend. A class without mass on a subset counts 0 where both sides lack
 * it, log 2 where one does. Everything is fp64 and added in one order; equal sides give exactly 0.
 * Without a common class, or with sums that are negative or not finite, values are NaN.
 */
public final class RetrainFreeJsd {
  private static final String SYMBOL = "lotus_rf_jsd";

  private RetrainFreeJsd() {}

  /**
   * One side.
   *
   * @param sums [K, C] fp64, rows one after the other
   * @param counts [K]; a class with 0 is absent, and its row is not read
   */
  public record Side(DoublePointer sums, LongPointer counts) {}

  /** Elements of the workspace for K classes. */
  public static long workspaceSize(long classes) {
    return 4 * classes + 2;
  }

  /**
   * Runs the operation.
   *
   * @param p the unlearned model's side
   * @param q the original model's side
   * @param classes K, at least 1
   * @param cols C, at least 1
   * @param subsets at least 0
   * @param seed of the subsets
   * @param out [3]
   * @param subsetOut [subsets], or null without subsets
   * @param workspace {@link #workspaceSize} elements
   * @param device {@link Matrix#CPU} or a CUDA device index; all memory lives there
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if a size is out of range or memory is missing or too small
   * @throws KernelException if the device fails
   */
  public static void run(
      Side p,
      Side q,
      long classes,
      long cols,
      int subsets,
      long seed,
      DoublePointer out,
      DoublePointer subsetOut,
      DoublePointer workspace,
      int device,
      Pointer stream) {
    Kernels.given("p", p);
    Kernels.given("q", q);
    if (classes < 1 || cols < 1 || subsets < 0) {
      throw new IllegalArgumentException(
          "rf_jsd needs classes >= 1, cols >= 1 and subsets >= 0; these are "
              + classes
              + ", "
              + cols
              + " and "
              + subsets);
    }
    Kernels.require("p_sums", p.sums(), classes * cols);
    Kernels.require("p_counts", p.counts(), classes);
    Kernels.require("q_sums", q.sums(), classes * cols);
    Kernels.require("q_counts", q.counts(), classes);
    Kernels.require("out", out, 3);
    if (subsets > 0) {
      Kernels.require("subset_out", subsetOut, subsets);
    }
    Kernels.require("workspace", workspace, workspaceSize(classes));
    Kernels.log(SYMBOL);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_rf_jsd(
            p.sums(),
            cols,
            p.counts(),
            q.sums(),
            cols,
            q.counts(),
            classes,
            cols,
            subsets,
            seed,
            out,
            subsetOut,
            workspace,
            device,
            stream));
  }
}
