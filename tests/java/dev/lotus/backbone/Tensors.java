package dev.lotus.backbone;

import java.util.zip.CRC32;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Inputs and read-outs for the tests of this package. */
final class Tensors {
  private Tensors() {}

  /** sin(0.7 i) at flat position i: images without a generator, easily made in any framework. */
  static Tensor images(long batch, long channels, long size) {
    long n = batch * channels * size * size;
    Tensor ramp = torch.arange(new Scalar(n)).to(ScalarType.Double);
    return ramp.mul(new Scalar(0.7)).sin().to(ScalarType.Float).view(batch, channels, size, size);
  }

  /** All elements in row-major order. */
  static double[] values(Tensor tensor) {
    try (PointerScope scope = new PointerScope()) {
      Tensor flat = tensor.detach().to(ScalarType.Double).contiguous().view(-1);
      double[] values = new double[(int) flat.numel()];
      flat.data_ptr_double().get(values);
      return values;
    }
  }

  /** The raw bytes of a contiguous tensor. */
  static byte[] bytes(Tensor tensor) {
    try (PointerScope scope = new PointerScope()) {
      byte[] bytes = new byte[(int) tensor.nbytes()];
      if (bytes.length > 0) { // the pointer of an empty tensor is null
        new BytePointer(tensor.data_ptr()).get(bytes);
      }
      return bytes;
    }
  }

  static long crc32(Tensor tensor) {
    CRC32 crc = new CRC32();
    crc.update(bytes(tensor));
    return crc.getValue();
  }
}
