package dev.lotus.backbone;

import static dev.lotus.backbone.Tensors.bytes;
import static dev.lotus.backbone.Tensors.images;
import static dev.lotus.backbone.Tensors.values;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.device.LeakCheck;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Copies, seeds and ownership. */
@ExtendWith(LeakCheck.class)
class CopyTest {
  private static final Arch TINY = new Arch("resnet18", 3, 1, 0.125, 8);

  private static Map<String, byte[]> snapshot(Backbone model) {
    Map<String, byte[]> snapshot = new LinkedHashMap<>();
    model.state().forEach((name, tensor) -> snapshot.put(name, bytes(tensor)));
    return snapshot;
  }

  @Test
  void aCopyIsEqualAndGoesItsOwnWay() {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(TINY)) {
      model.initialise(1);
      model.forward(images(3, 1, 8));
      model.train(false);
      Map<String, byte[]> before = snapshot(model);
      try (Backbone copy = model.copy()) {
        assertThat(snapshot(copy)).containsExactlyEntriesOf(before);
        assertThat(copy.arch()).isEqualTo(model.arch());
        double[] logits = values(model.forward(images(2, 1, 8)));
        assertThat(values(copy.forward(images(2, 1, 8)))).isEqualTo(logits);

        copy.train(true);
        copy.forward(images(3, 1, 8)).sum().backward();
        try (NoGradGuard noGrad = new NoGradGuard()) {
          copy.parameters().forEach(parameter -> parameter.add_(new Scalar(1.0)));
        }
        assertThat(snapshot(model)).containsExactlyEntriesOf(before);
        assertThat(model.parameters().get(0).grad().defined()).isFalse();
        assertThat(values(model.forward(images(2, 1, 8)))).isEqualTo(logits);
      }
      assertThat(model.forward(images(2, 1, 8)).defined()).isTrue();
    }
  }

  @Test
  void aBackboneMadeInsideAScopeOutlivesIt() {
    Backbone model;
    try (PointerScope scope = new PointerScope()) {
      model = Backbones.create(TINY);
      model.initialise(1);
    }
    try (PointerScope scope = new PointerScope()) {
      assertThat(values(model.forward(images(2, 1, 8)))).hasSize(6);
    }
    model.close();
    model.close();
  }

  @Test
  void theSeedDecidesTheWeights() {
    try (Backbone one = Backbones.create(TINY);
        Backbone two = Backbones.create(TINY)) {
      one.initialise(7);
      two.channelsLast(true);
      two.initialise(8);
      assertThat(bytes(two.state().get("fc.weight")))
          .isNotEqualTo(bytes(one.state().get("fc.weight")));
      two.initialise(7);
      two.channelsLast(false);
      assertThat(snapshot(two)).containsExactlyEntriesOf(snapshot(one));
    }
  }

  @Test
  void theTensorsStayTheSameObjects() {
    try (Backbone model = Backbones.create(TINY)) {
      Tensor first = model.parameters().get(0);
      model.initialise(1);
      model.channelsLast(true);
      assertThat(model.parameters().get(0))
          .isSameAs(first)
          .isSameAs(model.state().get("conv1.weight"));
    }
  }
}
