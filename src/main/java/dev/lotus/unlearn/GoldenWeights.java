package dev.lotus.unlearn;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.kernel.AbsAccumulate;
import dev.lotus.kernel.AdamW;
import dev.lotus.kernel.Clipping;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.MaskMode;
import dev.lotus.kernel.SquareAccumulate;
import dev.lotus.kernel.SsdDampen;
import dev.lotus.kernel.TensorList;
import dev.lotus.kernel.TopKMask;
import dev.lotus.metric.GoldenFile;
import dev.lotus.metric.GoldenFile.Array;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Golden files of the methods that work on the weights: SalUn's masks, SSD's importances and
 * dampening, UNSIR's noise. libtorch runs the published cases' small networks and their backward
 * pass; what the methods do with the gradients is this engine's.
 */
final class GoldenWeights {
  /** Rows a batch of the published cases. */
  private static final int BATCH = 4;

  private final GoldenFile file;
  private final ComputeDevice device;
  private final GoldenCheck check;
  private final Pointer stream;

  private GoldenWeights(GoldenCheck check, GoldenFile file) {
    this.file = file;
    this.check = check;
    this.device = check.device();
    this.stream = TensorMatrix.stream(device);
  }

  /**
   * Checks one file; the caller's scope owns what is made.
   *
   * @throws IllegalArgumentException if the file is none of these
   */
  static void run(GoldenCheck check, GoldenFile file) {
    GoldenWeights golden = new GoldenWeights(check, file);
    switch (file.name()) {
      case "f_salun_mask" -> golden.saliencyMask();
      case "f_salun_mask_planted" -> golden.plantedMask();
      case "f_ssd_importance" -> golden.importances();
      case "f_ssd_modify" -> golden.dampening();
      case "f_unsir" -> golden.noiseStep();
      default -> throw new IllegalArgumentException("no check of weights for " + file.name());
    }
  }

  // ---- SalUn: |sum over batches of the gradient of -loss|, the largest k of all parameters ----

  private void saliencyMask() {
    List<String> names = names("param.");
    List<Tensor> scores = new ArrayList<>();
    List<TensorList.Entry> entries = new ArrayList<>();
    List<Tensor> masks = new ArrayList<>();
    List<Tensor> parameters = parameters(names);
    for (Tensor parameter : parameters) {
      Tensor score = torch.zeros_like(parameter);
      Tensor mask = torch.zeros_like(parameter).to(ScalarType.Byte);
      scores.add(score);
      masks.add(mask);
      entries.add(scored(score, mask));
    }
    try (TensorList list = new TensorList(entries, DType.FLOAT32, device.nativeIndex())) {
      forEachBatch(parameters, list, -1, () -> AbsAccumulate.run(list, 1, true, stream));
      selectTop(list, file.meta().path("threshold_index").asLong());
    }
    for (int i = 0; i < names.size(); i++) {
      expectAll("abs_grad_sum." + names.get(i), Evaluator.hostFloats(scores.get(i).abs()));
      expectMask("mask." + names.get(i), masks.get(i));
    }
  }

  private void plantedMask() {
    List<String> names = names("grad.");
    List<TensorList.Entry> entries = new ArrayList<>();
    List<Tensor> masks = new ArrayList<>();
    for (String name : names) {
      Tensor score = tensor("grad." + name);
      Tensor mask = torch.zeros_like(score).to(ScalarType.Byte);
      masks.add(mask);
      entries.add(scored(score, mask));
    }
    try (TensorList list = new TensorList(entries, DType.FLOAT32, device.nativeIndex())) {
      selectTop(list, file.meta().path("threshold_index").asLong());
    }
    for (int i = 0; i < names.size(); i++) {
      expectMask("mask." + names.get(i), masks.get(i));
    }
  }

  private void selectTop(TensorList list, long k) {
    Tensor workspace = Evaluator.on(device, torch.zeros(TopKMask.WORKSPACE).to(ScalarType.Long));
    TopKMask.run(list, k, TensorMatrix.longs(workspace, 0), stream);
  }

  // ---- SSD ----

  private void importances() {
    List<String> names = names("param.");
    List<Tensor> importances = new ArrayList<>();
    List<TensorList.Entry> entries = new ArrayList<>();
    List<Tensor> parameters = parameters(names);
    for (Tensor parameter : parameters) {
      Tensor importance = torch.zeros_like(parameter);
      importances.add(importance);
      entries.add(scored(importance, null));
    }
    int batches = (file.array("x").shape()[0] + BATCH - 1) / BATCH;
    try (TensorList list = new TensorList(entries, DType.FLOAT32, device.nativeIndex())) {
      forEachBatch(parameters, list, 1, () -> SquareAccumulate.run(list, 1f / batches, stream));
    }
    for (int i = 0; i < names.size(); i++) {
      expectAll("importance." + names.get(i), Evaluator.hostFloats(importances.get(i)));
    }
  }

  private void dampening() {
    List<String> names = names("before.");
    List<Tensor> weights = new ArrayList<>();
    List<TensorList.Entry> entries = new ArrayList<>();
    for (String name : names) {
      Tensor weight = tensor("before." + name);
      Tensor retain = tensor("orig_imp." + name);
      Tensor forget = tensor("forget_imp." + name);
      weights.add(weight);
      entries.add(
          new TensorList.Entry(
              TensorMatrix.floats(weight, 0),
              null,
              TensorMatrix.floats(retain, 0),
              TensorMatrix.floats(forget, 0),
              null,
              null,
              weight.numel()));
    }
    SsdDampen.Settings published = new SsdDampen.Settings(10, 1, 1, 1);
    try (TensorList list = new TensorList(entries, DType.FLOAT32, device.nativeIndex())) {
      for (int times = 1; times <= 3; times++) {
        SsdDampen.run(list, published, null, stream);
        for (int i = 0; i < names.size() && times != 2; i++) {
          String prefix = times == 1 ? "after." : "after3x.";
          expectAll(prefix + names.get(i), Evaluator.hostFloats(weights.get(i)));
        }
      }
    }
  }

  // ---- UNSIR: the noise climbs the distance of the outputs, one step of Adam, then [0, 1] ----

  private void noiseStep() {
    Tensor weight = tensor("fc_weight");
    Tensor bias = tensor("fc_bias");
    Tensor noise = tensor("noise_before").set_requires_grad(true);
    long rows = noise.size(0);
    Tensor outputs = torch.linear(noise.view(rows, -1), weight, bias);
    Tensor target = torch.linear(tensor("x_forget").view(rows, -1), weight, bias);
    expectAll("outputs", Evaluator.hostFloats(outputs.detach()));
    expectAll("target_logits", Evaluator.hostFloats(target));
    outputs.retain_grad();
    Tensor loss = torch.mse_loss(outputs, target).neg();
    check.expectClose("loss", Evaluator.hostFloats(loss.detach())[0], file.array("loss").scalar());
    loss.backward();
    expectAll("d_outputs", Evaluator.hostFloats(outputs.grad()));
    Tensor gradient = noise.grad();
    expectAll("d_noise", Evaluator.hostFloats(gradient));
    Tensor first = torch.zeros_like(gradient);
    Tensor second = torch.zeros_like(gradient);
    TensorList.Entry entry =
        new TensorList.Entry(
            TensorMatrix.floats(noise, 0),
            gradient.data_ptr(),
            TensorMatrix.floats(first, 0),
            TensorMatrix.floats(second, 0),
            null,
            null,
            noise.numel());
    try (TensorList list = new TensorList(List.of(entry), DType.FLOAT32, device.nativeIndex())) {
      // Adam is AdamW without weight decay.
      AdamW.run(list, AdamW.Settings.of(0.01, 0), 1, MaskMode.GRADIENT, Clipping.NONE, stream);
    }
    Tensor stepped = noise.detach();
    expectAll("noise_after_adam", Evaluator.hostFloats(stepped));
    Tensor clamped =
        stepped.clamp(new ScalarOptional(new Scalar(0.0f)), new ScalarOptional(new Scalar(1.0f)));
    expectAll("noise_clamped", Evaluator.hostFloats(clamped));
  }

  // ---- the published cases' network: Linear, Tanh, Linear ----

  /** The gradient of each batch's mean cross-entropy times a sign, then {@code then}. */
  private void forEachBatch(List<Tensor> parameters, TensorList list, float sign, Runnable then) {
    Tensor x = tensor("x");
    long[] labels = Arrays.stream(file.array("y").ints()).asLongStream().toArray();
    Tensor y = Evaluator.on(device, torch.tensor(labels));
    for (int from = 0; from < labels.length; from += BATCH) {
      long rows = Math.min(BATCH, labels.length - from);
      Tensor hidden =
          torch.linear(x.narrow(0, from, rows), parameters.get(0), parameters.get(1)).tanh();
      Tensor logits = torch.linear(hidden, parameters.get(2), parameters.get(3));
      Tensor loss = torch.cross_entropy(logits, y.narrow(0, from, rows));
      loss.mul(new Scalar(sign)).backward();
      for (int i = 0; i < parameters.size(); i++) {
        list.gradient(i, parameters.get(i).grad().data_ptr());
      }
      then.run();
      for (Tensor parameter : parameters) {
        parameter.mutable_grad().zero_();
      }
    }
  }

  private List<Tensor> parameters(List<String> names) {
    List<Tensor> parameters = new ArrayList<>();
    for (String name : names) {
      parameters.add(tensor("param." + name).set_requires_grad(true));
    }
    return parameters;
  }

  // ---- arrays and tensors ----

  /** What follows the prefix in the names of the file's arrays, in its order. */
  private List<String> names(String prefix) {
    List<String> names =
        file.arrays().keySet().stream()
            .filter(name -> name.startsWith(prefix))
            .map(name -> name.substring(prefix.length()))
            .toList();
    if (names.isEmpty()) {
      throw new InputException("golden file " + file.name() + " has no array " + prefix + "*");
    }
    return names;
  }

  private Tensor tensor(String name) {
    Array array = file.array(name);
    long[] shape = Arrays.stream(array.shape()).asLongStream().toArray();
    return Evaluator.on(device, torch.tensor(array.floats()).view(shape));
  }

  private static TensorList.Entry scored(Tensor score, Tensor mask) {
    return new TensorList.Entry(
        null,
        null,
        TensorMatrix.floats(score, 0),
        null,
        mask == null ? null : TensorMatrix.bytes(mask),
        null,
        score.numel());
  }

  private void expectAll(String name, float[] actual) {
    double[] reference = file.array(name).data();
    for (int i = 0; i < reference.length; i++) {
      check.expectClose(name + "[" + i + "]", actual[i], reference[i]);
    }
  }

  private void expectMask(String name, Tensor mask) {
    float[] actual = Evaluator.hostFloats(mask.to(ScalarType.Float));
    double[] reference = file.array(name).data();
    for (int i = 0; i < reference.length; i++) {
      check.expect(name + "[" + i + "]", actual[i], reference[i], 0);
    }
  }
}
