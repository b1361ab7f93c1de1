package dev.lotus.unlearn;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.kernel.ClassMeans;
import dev.lotus.kernel.EvaluateLogits;
import dev.lotus.kernel.EvaluateLogits.ClassSums;
import dev.lotus.kernel.GumbelCrossEntropy;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelCrossEntropy.Output;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.kernel.JsDivergence;
import dev.lotus.kernel.JsDivergence.Form;
import dev.lotus.kernel.JsDivergence.Input;
import dev.lotus.kernel.RetrainFreeJsd;
import dev.lotus.metric.GoldenFile;
import dev.lotus.metric.GoldenFile.Array;
import dev.lotus.metric.Mia;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Golden files of the published code against this engine: what {@code lotus verify} runs. The
 * family is the first letter of the file's name: a the loss, b the divergence, c RF-JSD, d MIA, e
 * the temperature schedule, f the baselines, of which the name says which.
 *
 * <p>References are the {@code *_f64} arrays, |x - ref| &lt;= 1e-6 + 1e-5 |ref|; integers and MIA
 * fractions exact; tau 1e-12 relative; coefficients 1e-4 relative against {@code exact_C1}.
 */
public final class GoldenCheck {
  /** Plain Java: its files need no device. */
  private static final String SCHEDULE = "e";

  /** What to do with files whose names match. */
  private record Kind(String names, BiConsumer<GoldenCheck, GoldenFile> check) {
    boolean has(String fileName) {
      return fileName.matches(names);
    }
  }

  private static final List<Kind> KINDS =
      List.of(
          new Kind("a.*", GoldenCheck::loss),
          new Kind("b.*", GoldenCheck::divergence),
          new Kind("c.*", GoldenCheck::rfJsd),
          new Kind("d.*", GoldenCheck::mia),
          new Kind(SCHEDULE + ".*", GoldenCheck::schedule),
          new Kind("f_badt_.*", GoldenLosses::badTeacher),
          new Kind("f_ce_.*", GoldenLosses::crossEntropy),
          new Kind("f_scrub_.*", GoldenLosses::scrub),
          new Kind(
              "f_salun_mask(_planted)?|f_ssd_importance|f_ssd_modify|f_unsir", GoldenWeights::run));

  private final ComputeDevice device;
  private long compared;
  private double maxError;
  private String failure = "";

  /**
   * @param maxError largest |x - ref| over the file's values
   * @param failure the first value out of tolerance, or ""
   */
  public record Outcome(double maxError, String failure) {
    public boolean passed() {
      return failure.isEmpty();
    }
  }

  private GoldenCheck(ComputeDevice device) {
    this.device = device;
  }

  /** Whether files of that name, without {@code .json}, can be checked. */
  public static boolean knows(String fileName) {
    return KINDS.stream().anyMatch(kind -> kind.has(fileName));
  }

  /** Whether such files are checked on every device, or once in plain Java. */
  public static boolean onDevices(String fileName) {
    return !fileName.startsWith(SCHEDULE);
  }

  /**
   * Checks one file of a kind that is {@link #knows known}.
   *
   * @throws dev.lotus.device.InputException if the file lacks an array of its kind
   */
  public static Outcome run(GoldenFile file, ComputeDevice device) {
    GoldenCheck check = new GoldenCheck(device);
    try (PointerScope scope = new PointerScope()) {
      KINDS.stream()
          .filter(kind -> kind.has(file.name()))
          .findFirst()
          .orElseThrow(() -> new IllegalArgumentException("no check for " + file.name()))
          .check()
          .accept(check, file);
    }
    if (check.compared == 0) {
      throw new InputException("golden file " + file.name() + " holds nothing to compare");
    }
    return new Outcome(check.maxError, check.failure);
  }

  ComputeDevice device() {
    return device;
  }

  void expect(String what, double actual, double reference, double allowed) {
    compared++;
    double error = Math.abs(actual - reference);
    if (!(error <= maxError)) {
      maxError = error;
    }
    if (!(error <= allowed) && failure.isEmpty()) {
      failure = what + " is " + actual + ", the reference " + reference;
    }
  }

  void expectClose(String what, double actual, double reference) {
    expect(what, actual, reference, 1e-6 + 1e-5 * Math.abs(reference));
  }

  // ---- a: gumbel_cross_entropy with the published code's own noise ----

  private void loss(GoldenFile file) {
    Array student = file.array("logits_student");
    int rows = student.shape()[0];
    int cols = student.shape()[1];
    int[] flags = file.array("flags").ints();
    float[] hard = file.array("gumbel_hard").floats();
    float[] noise = file.array("gumbel_soft").floats();
    byte[] isForget = new byte[rows];
    for (int b = 0; b < rows; b++) {
      isForget[b] = (byte) flags[b];
      if (flags[b] == 0) {
        System.arraycopy(hard, b * cols, noise, b * cols, cols);
      }
    }
    Tensor s = matrix(student.floats(), rows, cols);
    Tensor t = matrix(file.array("logits_teacher").floats(), rows, cols);
    Tensor g = matrix(noise, rows, cols);
    Tensor flagBytes = Evaluator.on(device, torch.tensor(isForget));
    for (JsonNode tau : file.meta().path("taus")) {
      for (boolean gumbel : new boolean[] {true, false}) {
        String prefix = (gumbel ? "gumbel" : "softmax") + "_tau" + tau.path("name").asText();
        GumbelCrossEntropy op =
            gumbel
                ? new GumbelCrossEntropy(ForgetTarget.GUMBEL_SOFTMAX, RetainTarget.GUMBEL_HARD)
                : new GumbelCrossEntropy(ForgetTarget.SOFTMAX, RetainTarget.ARGMAX);
        Tensor losses = Evaluator.on(device, torch.zeros(rows));
        Tensor gradient = torch.empty_like(s);
        op.run(
            TensorMatrix.of(s, device),
            TensorMatrix.of(t, device),
            TensorMatrix.bytes(flagBytes),
            tau.path("tau").asDouble(),
            new Noise(0, 0, null, TensorMatrix.of(g, device)),
            new Output(
                TensorMatrix.floats(losses, 0), TensorMatrix.of(gradient, device), 1f / rows, null),
            TensorMatrix.stream(device));
        double mean = 0;
        for (float row : Evaluator.hostFloats(losses)) {
          mean += (double) row / rows;
        }
        expectClose(prefix + "_loss", mean, file.array(prefix + "_loss_f64").scalar());
        float[] actual = Evaluator.hostFloats(gradient);
        double[] reference = file.array(prefix + "_grad_f64").data();
        for (int i = 0; i < reference.length; i++) {
          expectClose(prefix + "_grad[" + i + "]", actual[i], reference[i]);
        }
      }
    }
  }

  // ---- b: js_divergence ----

  private void divergence(GoldenFile file) {
    for (String name : file.arrays().keySet()) {
      if (!name.endsWith("__p")) {
        continue;
      }
      String prefix = name.substring(0, name.length() - 1);
      Array p = file.array(prefix + "p");
      Array q = file.array(prefix + "q");
      int rows = p.shape()[0];
      int cols = p.shape()[1];
      Tensor pm = matrix(p.floats(), rows, cols);
      Tensor qm = matrix(q.floats(), rows, cols);
      expectClose(
          prefix + "official",
          total(pm, qm, Form.UPSTREAM),
          file.array(prefix + "official_f64").scalar());
      expectClose(
          prefix + "textbook",
          total(pm, qm, Form.TEXTBOOK),
          file.array(prefix + "textbook_rowmean_f64").scalar());
    }
  }

  private double total(Tensor p, Tensor q, Form form) {
    Tensor out = Evaluator.on(device, torch.zeros(4 * p.size(0) + 4).to(ScalarType.Double));
    DoublePointer rows = new DoublePointer(out.data_ptr());
    JsDivergence.run(
        TensorMatrix.of(p, device),
        TensorMatrix.of(q, device),
        Input.PROBABILITIES,
        form,
        rows,
        rows.getPointer(p.size(0)),
        rows.getPointer(p.size(0) + 1),
        null,
        TensorMatrix.stream(device));
    return Evaluator.hostDoubles(out)[(int) p.size(0)];
  }

  // ---- c: class means by class_means, RF-JSD from them ----

  private void rfJsd(GoldenFile file) {
    Means forget = means(file, "forget");
    Means test = means(file, "test");
    int classes = forget.classes();
    Tensor out =
        Evaluator.on(
            device, torch.zeros(3 + RetrainFreeJsd.workspaceSize(classes)).to(ScalarType.Double));
    DoublePointer values = new DoublePointer(out.data_ptr());
    RetrainFreeJsd.run(
        forget.side(),
        test.side(),
        classes,
        classes,
        0,
        0,
        values,
        null,
        values.getPointer(3),
        device.nativeIndex(),
        TensorMatrix.stream(device));
    double[] actual = Evaluator.hostDoubles(out);
    expect("classes used", (long) actual[2], file.array("classes_used").data().length, 0);
    expectClose("rf_jsd_upstream", actual[1], file.array("rfjsd_closed_f64").scalar());
    expectClose("rf_jsd", actual[0], file.array("textbook_rowmean_f64").scalar());
  }

  private record Means(Tensor sums, Tensor counts, int classes) {
    RetrainFreeJsd.Side side() {
      return new RetrainFreeJsd.Side(
          new DoublePointer(sums.data_ptr()), TensorMatrix.longs(counts, 0));
    }
  }

  private Means means(GoldenFile file, String set) {
    Array logits = file.array(set + "_logits");
    int rows = logits.shape()[0];
    int cols = logits.shape()[1];
    Tensor sums = Evaluator.on(device, torch.zeros((long) cols, cols).to(ScalarType.Double));
    Tensor counts = Evaluator.on(device, torch.zeros(cols).to(ScalarType.Long));
    long[] labelled = Arrays.stream(file.array(set + "_labels").ints()).asLongStream().toArray();
    Tensor labels = Evaluator.on(device, torch.tensor(labelled));
    ClassMeans.run(
        TensorMatrix.of(matrix(logits.floats(), rows, cols), device),
        TensorMatrix.longs(labels, 0),
        new ClassSums(
            new DoublePointer(sums.data_ptr()), TensorMatrix.longs(counts, 0), null, cols),
        null,
        TensorMatrix.stream(device));
    return new Means(sums, counts, cols);
  }

  // ---- d: entropies by evaluate_logits, MIA from them ----

  private void mia(GoldenFile file) {
    Mia.Result actual =
        Mia.fit(
            entropies(file, "retain"),
            entropies(file, "test"),
            entropies(file, "val"),
            entropies(file, "forget"));
    double coefficient = file.array("exact_C1_coef").scalar();
    double intercept = file.array("exact_C1_intercept").scalar();
    expect("coefficient", actual.coefficient(), coefficient, 1e-4 * Math.abs(coefficient));
    expect("intercept", actual.intercept(), intercept, 1e-4 * Math.abs(intercept));
    expect("fraction", actual.score(), file.array("exact_C1_fraction").scalar(), 0);
  }

  private float[] entropies(GoldenFile file, String set) {
    Array logits = file.array(set + "_logits");
    int rows = logits.shape()[0];
    Tensor entropies = Evaluator.on(device, torch.zeros(rows));
    Tensor labels = Evaluator.on(device, torch.tensor(new long[rows]));
    EvaluateLogits.run(
        TensorMatrix.of(matrix(logits.floats(), rows, logits.shape()[1]), device),
        TensorMatrix.longs(labels, 0),
        new EvaluateLogits.Output(null, null, TensorMatrix.floats(entropies, 0), null, null),
        TensorMatrix.stream(device));
    return Evaluator.hostFloats(entropies);
  }

  // ---- e: temperature, rounding, stop rule ----

  private void schedule(GoldenFile file) {
    Temperature published = new Temperature(2, 2);
    double[] grid = file.array("grid").data();
    double[][] stops = file.array("stop_rule_rows_accf_cols_accu").rows();
    for (int alpha : new int[] {2, 8}) {
      double[][] tau = file.array("tau_alpha" + alpha).rows();
      for (int f = 0; f < grid.length; f++) {
        for (int u = 0; u < grid.length; u++) {
          String where = "(" + grid[f] + ", " + grid[u] + ")";
          expect(
              "tau" + where,
              new Temperature(alpha).tau(grid[f], grid[u]),
              tau[f][u],
              1e-12 * tau[f][u]);
          expect("stop" + where, published.stops(grid[f], grid[u]) ? 1 : 0, stops[f][u], 0);
        }
      }
    }
    double[] correct = file.array("acc_correct").data();
    double[] total = file.array("acc_total").data();
    double[] rounded = file.array("acc_rounded").data();
    for (int i = 0; i < rounded.length; i++) {
      expect(
          "rounding of " + correct[i] + "/" + total[i],
          published.rounded(correct[i] / total[i]),
          rounded[i],
          0);
    }
  }

  // ---- memory ----

  Tensor matrix(float[] values, int rows, int cols) {
    return Evaluator.on(device, torch.tensor(values).view(rows, cols));
  }
}
