package dev.lotus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Devices, precision and libtorch's set-up. */
@ExtendWith(LeakCheck.class)
class ComputeDeviceTest {
  private static final GpuProbe CPU_BUILD = new GpuProbe(false, true, 0, null);
  private static final GpuProbe NO_DRIVER = new GpuProbe(true, false, 0, null);
  private static final GpuProbe HIDDEN = new GpuProbe(true, true, 0, null);
  private static final GpuProbe NO_CUDA_LIBRARIES =
      new GpuProbe(true, true, 0, "libcudart.so.13: cannot open shared object file");
  private static final GpuProbe TWO_GPUS = new GpuProbe(true, true, 2, null);

  @Test
  void cudaWithoutAUsableGpuSaysWhy() {
    assertThatThrownBy(() -> ComputeDevice.parse("cuda", CPU_BUILD))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("build with -Pcuda");
    assertThatThrownBy(() -> ComputeDevice.parse("cuda:0", NO_DRIVER))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no NVIDIA driver");
    assertThatThrownBy(() -> ComputeDevice.parse("cuda", HIDDEN))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("CUDA_VISIBLE_DEVICES");
    assertThatThrownBy(() -> ComputeDevice.parse("cuda", NO_CUDA_LIBRARIES))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("libcudart.so.13");
    assertThatThrownBy(() -> ComputeDevice.parse("cuda:2", TWO_GPUS))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("there are 2 CUDA devices");
  }

  @Test
  void autoTakesTheGpuWhereThereIsOne() {
    assertThat(ComputeDevice.parse("auto", TWO_GPUS)).isEqualTo(new ComputeDevice(true, 0));
    for (GpuProbe probe : new GpuProbe[] {CPU_BUILD, NO_DRIVER, HIDDEN, NO_CUDA_LIBRARIES}) {
      assertThat(ComputeDevice.parse("auto", probe)).isEqualTo(ComputeDevice.CPU);
    }
    assertThat(ComputeDevice.parse("cuda:1", TWO_GPUS)).isEqualTo(new ComputeDevice(true, 1));
    assertThat(ComputeDevice.parse("cpu", TWO_GPUS)).isEqualTo(ComputeDevice.CPU);
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = {"", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:99999", "CPU", " cpu"})
  void anyOtherWordIsRefused(String text) {
    assertThatThrownBy(() -> ComputeDevice.parse(text, TWO_GPUS))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("give auto, cpu, cuda or cuda:NUMBER");
  }

  @Test
  void thisMachineHasADeviceThatWorksAndAReason() {
    ComputeDevice device = ComputeDevice.parse("auto");
    assertThat(ComputeDevice.reason())
        .startsWith(device.cuda() ? "CUDA devices found: " : "no GPU: ");
    assertThat(ComputeDevice.parse(device.toString())).isEqualTo(device);
    assertThat(device.describe()).startsWith(device.toString() + " (");
    assertThat(device.nativeIndex()).isEqualTo(device.cuda() ? device.index() : -1);
    try (PointerScope scope = new PointerScope()) {
      assertThat(torch.ones(2).to(device.torch(), ScalarType.Float).sum().item_double())
          .isEqualTo(2);
    }
  }

  @Test
  void theCpuIsDescribedWithItsThreads() {
    TorchRuntime.load(1);
    assertThat(ComputeDevice.CPU.describe()).isEqualTo("cpu (1 thread)");
    TorchRuntime.load(2);
    assertThat(ComputeDevice.CPU.describe()).isEqualTo("cpu (2 threads)");
    assertThat(ComputeDevice.CPU.nativeIndex()).isEqualTo(-1);
    assertThatThrownBy(() -> TorchRuntime.load(-1)).isInstanceOf(InputException.class);
    assertThatThrownBy(() -> new ComputeDevice(false, 1)).isInstanceOf(InputException.class);
  }

  @Test
  void autocastHoldsUntilItIsClosed() {
    try (PointerScope scope = new PointerScope()) {
      try (Precision.Mode outer = Precision.BF16.autocast(ComputeDevice.CPU)) {
        try (Precision.Mode inner = Precision.BF16.autocast(ComputeDevice.CPU)) {
          assertThat(torch.is_autocast_enabled(DeviceType.CPU)).isTrue();
        }
        assertThat(torch.mm(torch.ones(2, 2), torch.ones(2, 2)).scalar_type().intern())
            .isEqualTo(ScalarType.BFloat16);
      }
      assertThat(torch.is_autocast_enabled(DeviceType.CPU)).isFalse();
      try (Precision.Mode mode = Precision.FP32.autocast(ComputeDevice.CPU)) {
        assertThat(torch.mm(torch.ones(2, 2), torch.ones(2, 2)).scalar_type().intern())
            .isEqualTo(ScalarType.Float);
      }
    }
    assertThatThrownBy(() -> Precision.TF32.autocast(ComputeDevice.CPU))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("only CUDA devices");
    assertThat(Precision.parse("tf32")).isEqualTo(Precision.TF32);
    assertThatThrownBy(() -> Precision.parse("fp16"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("give fp32, tf32 or bf16");
  }

  @Test
  void onlyTheFirstLineOfALibtorchErrorIsShown() {
    try (PointerScope scope = new PointerScope()) {
      assertThatThrownBy(() -> torch.mm(torch.ones(2, 3), torch.ones(2, 3)))
          .satisfies(
              e -> {
                assertThat(e.getMessage()).contains("\n");
                assertThat(TorchRuntime.firstLine(e))
                    .contains("mat1 and mat2")
                    .doesNotContain("\n");
              });
    }
    assertThat(TorchRuntime.firstLine(new IllegalStateException()))
        .isEqualTo("IllegalStateException");
  }

  @Test
  void aScopeFreesWhatIsNotKept() {
    try (PointerScope outer = new PointerScope()) {
      Tensor survivor;
      Tensor garbage;
      try (NativeScope scope = new NativeScope()) {
        garbage = torch.ones(2);
        survivor = scope.keep(garbage.add(torch.ones(2)));
      }
      assertThat(garbage.isNull()).isTrue();
      assertThat(survivor.sum().item_double()).isEqualTo(4);
    }
  }
}
