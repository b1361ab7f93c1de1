package dev.lotus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.bench.CudnnSoftmax;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.GatherAugment;
import dev.lotus.kernel.GatherAugment.Draws;
import dev.lotus.kernel.GatherAugment.Images;
import dev.lotus.kernel.GatherAugment.Layout;
import dev.lotus.kernel.GatherAugment.Output;
import dev.lotus.kernel.GatherAugment.PadMode;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** CUDA's runtime from Java: a clear refusal without a GPU, the real thing with one. */
@ExtendWith(LeakCheck.class)
class CudaRuntimeTest {
  private static final ComputeDevice GPU = new ComputeDevice(true, 0);

  private static boolean gpu() {
    return ComputeDevice.parse("auto").cuda();
  }

  private static void assumeGpu() {
    Assumptions.assumeTrue(gpu(), ComputeDevice::reason);
  }

  @Test
  void withoutAGpuEveryClassSaysWhy() {
    Assumptions.assumeFalse(gpu(), "this machine has a GPU");
    refused("a CUDA stream", () -> CudaStream.create(GPU));
    refused("a CUDA event", () -> CudaEvent.create(GPU));
    refused("a CUDA event", () -> CudaEvent.mark(GPU));
    refused("a CUDA stream", () -> CudaStream.current(GPU));
    refused("a CUDA stream", () -> SideStream.open(GPU));
    refused("the free memory of a GPU", GPU::freeBytes);
    refused("page-locked memory", () -> PinnedMemory.allocate(GPU, 16));
    refused("cuDNN", () -> new CudnnSoftmax(2, 3));
    refused("cuDNN", CudaLibraries::requireCudnn);
    assertThat(CudaLibraries.cudart()).startsWith("not loaded: ").contains("no GPU: ");
    assertThat(CudaLibraries.cudnn()).startsWith("not loaded: ").contains("no GPU: ");
  }

  private static void refused(String what, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(InputException.class)
        .hasMessageContaining(what + " needs a CUDA device")
        .hasMessageContaining(ComputeDevice.reason());
  }

  @Test
  void theCpuIsNoCudaDevice() {
    assertThatThrownBy(() -> CudaStream.create(ComputeDevice.CPU))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("this is cpu");
    assertThatThrownBy(() -> PinnedMemory.allocate(GPU, 0))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("0 bytes");
  }

  @Test
  void deviceNumbersHoldIntegersAndFloats() {
    ComputeDevice device = ComputeDevice.parse("auto");
    try (PointerScope scope = new PointerScope();
        DeviceNumbers numbers = new DeviceNumbers(device, 3)) {
      numbers.set(0, Integer.MAX_VALUE - 1);
      numbers.set(2, 0.1f);
      numbers.set(0, -7);
      Tensor held =
          torch
              .from_blob(numbers.pointer(), new long[] {3}, device.options(torch.ScalarType.Float))
              .cpu();
      assertThat(new IntPointer(held.data_ptr()).get(0)).isEqualTo(-7);
      assertThat(new FloatPointer(held.data_ptr()).get(1)).isZero();
      assertThat(new FloatPointer(held.data_ptr()).get(2)).isEqualTo(0.1f);
    }
  }

  /** Memory that captured work takes from libtorch is the graph's. */
  @Test
  void aGraphOfLibtorchsWorkKeepsItsMemory() {
    assumeGpu();
    try (PointerScope scope = new PointerScope();
        SideStream side = SideStream.open(GPU)) {
      Tensor x = torch.ones(new long[] {1000}, GPU.options(torch.ScalarType.Float));
      Tensor sum = torch.zeros(new long[] {1000}, GPU.options(torch.ScalarType.Float));
      Runnable work = () -> sum.add_(x.mul(x).add(x));
      work.run();
      try (CudaGraph graph = CudaGraph.captureTorch(GPU, work)) {
        assertThat(graph.nodes()).isEqualTo(3);
        for (int i = 0; i < 4; i++) {
          torch.zeros(new long[] {1000}, GPU.options(torch.ScalarType.Float)).add_(x);
          graph.launch(CudaStream.current(GPU));
        }
        assertThat(hostValues(sum)).containsOnly(10f);
      }
    }
  }

  @Test
  void errorsNameTheCallTheCodeAndTheText() {
    CudaException e = new CudaException("cudaStreamDestroy", 400, "invalid resource handle");
    assertThat(e).hasMessage("cudaStreamDestroy failed with code 400: invalid resource handle");
    assertThat(e.call()).isEqualTo("cudaStreamDestroy");
    assertThat(e.code()).isEqualTo(400);
  }

  @Test
  void cudnnNumbersAreRead() {
    assertThat(CudaLibraries.cudnnVersion(91900)).isEqualTo("9.19.0");
    assertThat(CudaLibraries.cudnnVersion(90501)).isEqualTo("9.5.1");
    assertThat(CudaLibraries.cudnnVersion(8907)).isEqualTo("8.9.7");
  }

  @Test
  void aCapturedGraphHasTheBitsOfThePlainCall() {
    assumeGpu();
    try (PointerScope scope = new PointerScope();
        CudaStream stream = CudaStream.create(GPU);
        CudaEvent before = CudaEvent.create(GPU);
        CudaEvent after = CudaEvent.create(GPU)) {
      byte[] pixels = new byte[4 * 3 * 9 * 9];
      for (int i = 0; i < pixels.length; i++) {
        pixels[i] = (byte) (i * 37);
      }
      Tensor images = torch.tensor(pixels).to(GPU.torch(), torch.ScalarType.Char);
      Tensor indices = torch.tensor(2L, 0L, 3L).to(GPU.torch(), torch.ScalarType.Long);
      Tensor out = torch.zeros(3, 3 * 7 * 7).to(GPU.torch(), torch.ScalarType.Float);
      GatherAugment rule =
          new GatherAugment(8, 8, 2, PadMode.EDGE, 0.5, new float[3], new float[] {1, 1, 1});
      Runnable call =
          () ->
              rule.run(
                  new Images(
                      new BytePointer(images.data_ptr()), 4, 3, 9, 9, Layout.CHANNELS_FIRST, 0),
                  new LongPointer(indices.data_ptr()),
                  3,
                  Draws.of(7, 1),
                  new Output(out.data_ptr(), 7, 7, Layout.CHANNELS_LAST, DType.FLOAT32, null),
                  stream.pointer());
      hostValues(out); // the zeros are written
      before.record(stream);
      call.run();
      after.record(stream);
      after.synchronize();
      assertThat(after.millisSince(before)).isPositive();
      float[] plain = hostValues(out);

      try (CudaGraph graph = CudaGraph.capture(stream, call)) {
        for (int replay = 0; replay < 3; replay++) {
          out.zero_();
          assertThat(hostValues(out)).containsOnly(0f);
          graph.launch(stream);
          stream.synchronize();
          assertThat(hostValues(out)).isEqualTo(plain);
        }
      }
      // A capture whose work fails leaves the stream usable.
      assertThatThrownBy(
              () ->
                  CudaGraph.capture(
                      stream,
                      () -> {
                        throw new IllegalStateException("work");
                      }))
          .hasMessage("work");
      call.run();
      stream.synchronize();
      assertThat(hostValues(out)).isEqualTo(plain);
    }
  }

  private static float[] hostValues(Tensor tensor) {
    Tensor host = tensor.cpu();
    float[] values = new float[(int) host.numel()];
    new FloatPointer(host.data_ptr_float()).get(values);
    return values;
  }

  @Test
  void pinnedMemoryIsHostMemory() {
    assumeGpu();
    try (PinnedMemory memory = PinnedMemory.allocate(GPU, 64)) {
      BytePointer bytes = memory.pointer();
      assertThat(bytes.capacity()).isEqualTo(64);
      bytes.put(63, (byte) 9);
      assertThat(memory.pointer().get(63)).isEqualTo((byte) 9);
      memory.close();
      assertThatThrownBy(memory::pointer).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void whatIsClosedSaysSo() {
    assumeGpu();
    CudaStream stream = CudaStream.create(GPU);
    stream.close();
    stream.close();
    assertThatThrownBy(stream::synchronize).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(stream::pointer).hasMessageContaining("closed");
  }

  @Test
  void cudnnsSoftmaxIsASoftmax() {
    assumeGpu();
    Assumptions.assumeFalse(CudaLibraries.cudnn().startsWith("not loaded"), CudaLibraries::cudnn);
    try (PointerScope scope = new PointerScope();
        CudnnSoftmax softmax = new CudnnSoftmax(2, 5)) {
      Tensor x =
          torch
              .tensor(1f, -2f, 3f, 0f, 5f, 0.5f, 0.25f, 7f, -80f, 80f)
              .view(2, 5)
              .to(GPU.torch(), torch.ScalarType.Float)
              .set_requires_grad(true);
      Tensor wanted = torch.log_softmax(x, 1);
      Tensor dy = torch.ones(2, 5).to(GPU.torch(), torch.ScalarType.Float).mul(x.detach());
      wanted.mul(dy).sum().backward();
      Tensor y = torch.zeros(2, 5).to(GPU.torch(), torch.ScalarType.Float);
      Tensor dx = torch.zeros(2, 5).to(GPU.torch(), torch.ScalarType.Float);
      softmax.forward(x.data_ptr(), y.data_ptr());
      softmax.backward(y.data_ptr(), dy.data_ptr(), dx.data_ptr());
      assertThat(torch.allclose(y, wanted.detach(), 1e-5, 1e-6, false)).isTrue();
      assertThat(torch.allclose(dx, x.grad(), 1e-5, 1e-5, false)).isTrue();
    }
  }
}
