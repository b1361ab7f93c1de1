package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.LeakCheck;
import dev.lotus.kernel.GatherAugment.Draws;
import dev.lotus.kernel.GatherAugment.Images;
import dev.lotus.kernel.GatherAugment.Layout;
import dev.lotus.kernel.GatherAugment.PadMode;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.kernel.GumbelSoftmax.Sample;
import dev.lotus.kernel.JsDivergence.Form;
import dev.lotus.kernel.JsDivergence.Input;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every operand that an operation needs: null is refused by its name, before anything is read. */
@ExtendWith(LeakCheck.class)
class NullOperandsTest {
  /** Valid operands, made in a test's scope. */
  private static final class Operands {
    final Matrix x = Matrix.of(new FloatPointer(0f, 0f), 1, 2);
    final LongPointer longs = new LongPointer(0L, 0L);
    final BytePointer bytes = new BytePointer(64);
    final FloatPointer floats = new FloatPointer(0f, 0f);
    final DoublePointer doubles = new DoublePointer(64);
    final CrossEntropy.Output loss = new CrossEntropy.Output(null, floats, null, 1, null);
    final Images images = new Images(bytes, 1, 1, 2, 2, Layout.CHANNELS_FIRST, Matrix.CPU);
    final GatherAugment.Output image =
        new GatherAugment.Output(floats, 1, 1, Layout.CHANNELS_FIRST, DType.FLOAT32, null);
  }

  /** A call with one operand null. */
  private interface Call {
    void run(Operands o);
  }

  private static Arguments of(String operation, String operand, Call call) {
    return Arguments.of(operation, operand, call);
  }

  private static GumbelCrossEntropy lotus() {
    return new GumbelCrossEntropy(ForgetTarget.SOFTMAX, RetainTarget.ARGMAX);
  }

  private static GumbelCrossEntropy.Output lotusLoss(Operands o) {
    return new GumbelCrossEntropy.Output(o.floats, null, 1, null);
  }

  private static Distillation.Output distilled(Operands o) {
    return new Distillation.Output(o.floats, null, 1, false, null);
  }

  private static GatherAugment augment(float... std) {
    return new GatherAugment(1, 1, 0, PadMode.ZERO, 0, new float[] {0}, std);
  }

  static Stream<Arguments> logits() {
    Noise noise = Noise.of(1, 1);
    CrossEntropy.Options plain = CrossEntropy.Options.PLAIN;
    return Stream.of(
        of("Matrix", "dtype", o -> new Matrix(o.floats, 1, 2, 2, null, Matrix.CPU)),
        of("Matrix", "a matrix", o -> Matrix.of((FloatPointer) null, 1, 2)),
        of("ClassMeans", "logits", o -> ClassMeans.run(null, o.longs, null, null, null)),
        of("ClassMeans", "labels", o -> ClassMeans.run(o.x, null, null, null, null)),
        of("ClassMeans", "class_sums", o -> ClassMeans.run(o.x, o.longs, null, null, null)),
        of("CrossEntropy", "logits", o -> CrossEntropy.run(null, o.longs, plain, o.loss, null)),
        of("CrossEntropy", "labels", o -> CrossEntropy.run(o.x, null, plain, o.loss, null)),
        of("CrossEntropy", "options", o -> CrossEntropy.run(o.x, o.longs, null, o.loss, null)),
        of("CrossEntropy", "out", o -> CrossEntropy.run(o.x, o.longs, plain, null, null)),
        of(
            "Distillation",
            "student",
            o ->
                Distillation.run(
                    null, Distillation.Teachers.one(o.x), 1, null, distilled(o), null)),
        of(
            "Distillation",
            "teachers",
            o -> Distillation.run(o.x, null, 1, null, distilled(o), null)),
        of(
            "Distillation",
            "teacher",
            o ->
                Distillation.run(
                    o.x, Distillation.Teachers.one(null), 1, null, distilled(o), null)),
        of(
            "Distillation",
            "out",
            o -> Distillation.run(o.x, Distillation.Teachers.one(o.x), 1, null, null, null)),
        of(
            "EntropyHistogram",
            "logits",
            o -> EntropyHistogram.run(null, 0, 1, 2, o.longs, null, null)),
        of("EntropyHistogram", "counts", o -> EntropyHistogram.run(o.x, 0, 1, 2, null, null, null)),
        of(
            "EvaluateLogits",
            "logits",
            o ->
                EvaluateLogits.run(
                    null,
                    o.longs,
                    new EvaluateLogits.Output(o.longs, null, null, null, null),
                    null)),
        of("EvaluateLogits", "out", o -> EvaluateLogits.run(o.x, o.longs, null, null)),
        of("GumbelNoise", "out", o -> GumbelNoise.run(1, 1, 0, null, null, null)),
        of(
            "GumbelSoftmax",
            "logits",
            o -> GumbelSoftmax.run(null, 1, Sample.SOFT, noise, 0, o.x, null, null)),
        of(
            "GumbelSoftmax",
            "sample",
            o -> GumbelSoftmax.run(o.x, 1, null, noise, 0, o.x, null, null)),
        of(
            "GumbelSoftmax",
            "noise",
            o -> GumbelSoftmax.run(o.x, 1, Sample.SOFT, null, 0, o.x, null, null)),
        of(
            "GumbelSoftmax",
            "out",
            o -> GumbelSoftmax.run(o.x, 1, Sample.SOFT, noise, 0, null, null, null)),
        of(
            "GumbelCrossEntropy",
            "forget_target",
            o -> new GumbelCrossEntropy(null, RetainTarget.ARGMAX)),
        of(
            "GumbelCrossEntropy",
            "retain_target",
            o -> new GumbelCrossEntropy(ForgetTarget.SOFTMAX, null)),
        of(
            "GumbelCrossEntropy",
            "student",
            o -> lotus().run(null, o.x, o.bytes, 1, noise, lotusLoss(o), null)),
        of(
            "GumbelCrossEntropy",
            "teacher",
            o -> lotus().run(o.x, null, o.bytes, 1, noise, lotusLoss(o), null)),
        of(
            "GumbelCrossEntropy",
            "is_forget",
            o -> lotus().run(o.x, o.x, null, 1, noise, lotusLoss(o), null)),
        of(
            "GumbelCrossEntropy",
            "noise",
            o -> lotus().run(o.x, o.x, o.bytes, 1, null, lotusLoss(o), null)),
        of("GumbelCrossEntropy", "out", o -> lotus().run(o.x, o.x, o.bytes, 1, noise, null, null)));
  }

  static Stream<Arguments> divergencesAndImages() {
    Draws draws = Draws.of(1, 1);
    return Stream.of(
        of("JsDivergence", "p", o -> js(o, null, o.x, Input.LOGITS, Form.TEXTBOOK)),
        of("JsDivergence", "q", o -> js(o, o.x, null, Input.LOGITS, Form.TEXTBOOK)),
        of("JsDivergence", "input", o -> js(o, o.x, o.x, null, Form.TEXTBOOK)),
        of("JsDivergence", "form", o -> js(o, o.x, o.x, Input.LOGITS, null)),
        of("JsDivergence", "p", o -> JsDivergence.total(null, o.x, Input.LOGITS, Form.TEXTBOOK)),
        of(
            "JsDivergence",
            "gradient",
            o ->
                JsDivergence.gradient(
                    o.x, o.x, Form.TEXTBOOK, o.doubles, null, null, null, 1, null, null)),
        of("RetrainFreeJsd", "p", o -> rfJsd(o, null, side(o))),
        of("RetrainFreeJsd", "q", o -> rfJsd(o, side(o), null)),
        of(
            "RetrainFreeJsd",
            "p_counts",
            o -> rfJsd(o, new RetrainFreeJsd.Side(o.doubles, null), side(o))),
        of(
            "GatherAugment",
            "pad_mode",
            o -> new GatherAugment(1, 1, 0, null, 0, new float[1], new float[] {1})),
        of(
            "GatherAugment",
            "mean",
            o -> new GatherAugment(1, 1, 0, PadMode.ZERO, 0, null, new float[] {1})),
        of("GatherAugment", "std", o -> augment((float[]) null)),
        of(
            "GatherAugment",
            "images.layout",
            o -> new Images(o.bytes, 1, 1, 2, 2, null, Matrix.CPU)),
        of(
            "GatherAugment",
            "out.layout",
            o -> new GatherAugment.Output(o.floats, 1, 1, null, DType.FLOAT32, null)),
        of(
            "GatherAugment",
            "out.dtype",
            o -> new GatherAugment.Output(o.floats, 1, 1, Layout.CHANNELS_LAST, null, null)),
        of("GatherAugment", "images", o -> augment(1).run(null, o.longs, 1, draws, o.image, null)),
        of(
            "GatherAugment",
            "indices",
            o -> augment(1).run(o.images, null, 1, draws, o.image, null)),
        of(
            "GatherAugment",
            "draws",
            o -> augment(1).run(o.images, o.longs, 1, null, o.image, null)),
        of("GatherAugment", "out", o -> augment(1).run(o.images, o.longs, 1, draws, null, null)));
  }

  private static void js(Operands o, Matrix p, Matrix q, Input input, Form form) {
    JsDivergence.run(p, q, input, form, o.doubles, null, o.doubles, null, null);
  }

  private static RetrainFreeJsd.Side side(Operands o) {
    return new RetrainFreeJsd.Side(o.doubles, o.longs);
  }

  private static void rfJsd(Operands o, RetrainFreeJsd.Side p, RetrainFreeJsd.Side q) {
    RetrainFreeJsd.run(p, q, 2, 2, 0, 1, o.doubles, null, o.doubles, Matrix.CPU, null);
  }

  static Stream<Arguments> weights() {
    Sgd.Settings sgd = new Sgd.Settings(0.1, 0, 0);
    AdamW.Settings adamW = AdamW.Settings.of(0.1, 0);
    Clipping none = Clipping.NONE;
    MaskMode mode = MaskMode.GRADIENT;
    return Stream.of(
        of("AbsAccumulate", "tensors", o -> AbsAccumulate.run(null, 1, true, null)),
        of("SquareAccumulate", "tensors", o -> SquareAccumulate.run(null, 1, null)),
        of("GradientNorm", "tensors", o -> GradientNorm.run(null, o.doubles, o.doubles, null)),
        of("TopKMask", "tensors", o -> TopKMask.run(null, 1, o.longs, null)),
        of(
            "SsdDampen",
            "tensors",
            o -> SsdDampen.run(null, new SsdDampen.Settings(1, 1, 1, 1), null, null)),
        of("SsdDampen", "settings", o -> withList(o, t -> SsdDampen.run(t, null, null, null))),
        of("AdamW", "tensors", o -> AdamW.run(null, adamW, 1, mode, none, null)),
        of("AdamW", "settings", o -> withList(o, t -> AdamW.run(t, null, 1, mode, none, null))),
        of("AdamW", "mask_mode", o -> withList(o, t -> AdamW.run(t, adamW, 1, null, none, null))),
        of("AdamW", "clipping", o -> withList(o, t -> AdamW.run(t, adamW, 1, mode, null, null))),
        of("Sgd", "tensors", o -> Sgd.run(null, sgd, mode, none, null)),
        of("Sgd", "settings", o -> withList(o, t -> Sgd.run(t, null, mode, none, null))),
        of("Sgd", "mask_mode", o -> withList(o, t -> Sgd.run(t, sgd, null, none, null))),
        of("Sgd", "clipping", o -> withList(o, t -> Sgd.run(t, sgd, mode, null, null))),
        of("GradientNorm", "norm", o -> withList(o, t -> GradientNorm.run(t, null, null, null))),
        of("TopKMask", "workspace", o -> withList(o, t -> TopKMask.run(t, 1, null, null))),
        of("TensorList", "entries", o -> new TensorList(null, DType.FLOAT32, Matrix.CPU)),
        of("TensorList", "gradient_type", o -> new TensorList(List.of(), null, Matrix.CPU)),
        of(
            "TensorList",
            "tensor 0",
            o ->
                new TensorList(Arrays.asList((TensorList.Entry) null), DType.FLOAT32, Matrix.CPU)));
  }

  private interface ListCall {
    void run(TensorList tensors);
  }

  private static void withList(Operands o, ListCall call) {
    try (TensorList tensors =
        new TensorList(
            List.of(new TensorList.Entry(o.floats, o.floats, o.floats, o.floats, o.bytes, null, 2)),
            DType.FLOAT32,
            Matrix.CPU)) {
      call.run(tensors);
    }
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource({"logits", "divergencesAndImages", "weights"})
  void nullIsRefusedByName(String operation, String operand, Call call) {
    try (PointerScope scope = new PointerScope()) {
      Operands operands = new Operands();
      assertThatThrownBy(() -> call.run(operands))
          .isInstanceOf(IllegalArgumentException.class)
          .message()
          .startsWith(operand)
          .contains("null");
    }
  }

  @Test
  void aClosedListAndATensorThatIsNotInItAreNamed() {
    try (PointerScope scope = new PointerScope()) {
      Operands o = new Operands();
      withList(
          o,
          tensors -> {
            assertThatThrownBy(() -> tensors.gradient(1, o.floats))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("there is no tensor 1 in a list of 1");
            tensors.close();
            assertThatThrownBy(() -> tensors.gradient(0, o.floats))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the list of tensors is closed");
          });
    }
  }
}
