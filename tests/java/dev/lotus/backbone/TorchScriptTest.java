package dev.lotus.backbone;

import static dev.lotus.backbone.Tensors.bytes;
import static dev.lotus.backbone.Tensors.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.optim.Optimizers;
import dev.lotus.optim.WeightUpdate;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A network that this program has no code for, as Python's torch.jit.script exported it. */
@ExtendWith(LeakCheck.class)
class TorchScriptTest {
  private static final Path FILE = GoldenModels.file("classifier.pt");
  @TempDir Path folder;

  private static Backbone open(Path file) {
    return Backbones.openFitted(file, new Backbones.Wanted(null, 3, 32, 0, 0)).backbone();
  }

  @Test
  void itsLogitsArePythons() {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard();
        Backbone model = open(FILE)) {
      assertThat(model.arch()).isEqualTo(new Arch("torchscript", 10, 3, 1, 32));
      assertThat(model.parameters()).hasSize(10);
      assertThat(model.state()).hasSize(13).containsKeys("head.weight", "features.4.running_var");
      Map<String, Tensor> expected =
          Checkpoint.read(GoldenModels.file("classifier.expected.safetensors")).tensors();
      double[] found = values(model.forward(expected.get("images")));
      double[] wanted = values(expected.get("eval"));
      for (int i = 0; i < wanted.length; i++) {
        assertThat(found[i]).isCloseTo(wanted[i], within(1e-5));
      }
      // Dropout and BatchNorm follow the mode.
      model.train(true);
      assertThat(values(model.forward(expected.get("images")))).isNotEqualTo(found);
    }
  }

  @Test
  void aCopyIsIndependentAndATrainedOneIsSaved() throws Exception {
    Path file = folder.resolve("new/model.pt");
    try (PointerScope scope = new PointerScope();
        Backbone model = open(FILE);
        Backbone student = model.copy()) {
      byte[] before = bytes(model.state().get("head.weight"));
      student.train(true);
      try (WeightUpdate update = Optimizers.sgd(student.parameters(), 0.1, 0, 0)) {
        Tensor logits = student.forward(torch.ones(4, 3, 32, 32));
        torch.cross_entropy_loss(logits, torch.tensor(new long[] {1, 2, 3, 4})).backward();
        update.step();
      }
      assertThat(bytes(model.state().get("head.weight"))).isEqualTo(before);
      assertThat(bytes(student.state().get("head.weight"))).isNotEqualTo(before);
      Path refused = folder.resolve("new/folder");
      Files.createDirectories(refused);
      assertThatThrownBy(() -> ((TorchScript) student).save(refused))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("cannot write " + refused);
      ((TorchScript) student).save(file);
      try (var left = Files.list(file.getParent())) {
        assertThat(left).containsExactlyInAnyOrder(refused, file);
      }
      try (Backbone back = open(file)) {
        student
            .state()
            .forEach(
                (name, tensor) ->
                    assertThat(bytes(back.state().get(name))).as(name).isEqualTo(bytes(tensor)));
      }
      assertThatThrownBy(() -> Checkpoint.save(folder.resolve("x.safetensors"), student))
          .isInstanceOf(InputException.class);
      assertThatThrownBy(() -> student.initialise(1)).isInstanceOf(InputException.class);
      assertThatThrownBy(() -> student.forward(torch.ones(1, 1, 32, 32)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("[B, 3, H, W]");
    }
  }

  /**
   * Its tensors say cuda:0, where there may be none; they belong to the CPU until they are moved.
   */
  @Test
  void aProgramSavedOnAGpuIsOpenedOnTheCpu() throws Exception {
    Path file = folder.resolve("gpu.pt");
    try (ZipFile from = new ZipFile(FILE.toFile());
        ZipOutputStream to = new ZipOutputStream(Files.newOutputStream(file))) {
      for (ZipEntry entry : from.stream().toList()) {
        byte[] data = from.getInputStream(entry).readAllBytes();
        if (entry.getName().endsWith("/data.pkl")) {
          String pickle = new String(data, StandardCharsets.ISO_8859_1);
          String device = "X\3\0\0\0cpu";
          assertThat(pickle).contains(device);
          data = pickle.replace(device, "X\6\0\0\0cuda:0").getBytes(StandardCharsets.ISO_8859_1);
        }
        ZipEntry stored = new ZipEntry(entry.getName());
        stored.setMethod(ZipEntry.STORED);
        stored.setSize(data.length);
        CRC32 crc = new CRC32();
        crc.update(data);
        stored.setCrc(crc.getValue());
        to.putNextEntry(stored);
        to.write(data);
      }
    }
    try (Backbone model = open(file)) {
      assertThat(model.state().get("head.weight").is_cuda()).isFalse();
    }
  }

  @Test
  void whatDoesNotFitIsNamed() throws Exception {
    assertThatThrownBy(() -> Backbones.openFitted(FILE, new Backbones.Wanted(null, 1, 28, 0, 0)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(
            "classifier.pt: the TorchScript program fails on images [2, 1, 28, 28]");
    assertThatThrownBy(
            () -> Backbones.openFitted(FILE, new Backbones.Wanted("resnet18", 3, 32, 0, 0)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("needs no --arch resnet18");
    assertThatThrownBy(() -> Backbones.open(FILE, null))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("does not say what images");
    byte[] whole = Files.readAllBytes(FILE);
    Path cut = folder.resolve("cut.pt");
    Files.write(cut, Arrays.copyOf(whole, whole.length / 2));
    assertThatThrownBy(() -> open(cut))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no sound zip archive");
  }
}
