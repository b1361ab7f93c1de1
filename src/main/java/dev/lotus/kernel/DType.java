package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;

/** Element types of logits. Arithmetic and sums are fp32 or better whatever the type. */
public enum DType {
  FLOAT32(Lotus.LOTUS_FLOAT32, 4),
  BFLOAT16(Lotus.LOTUS_BFLOAT16, 2),
  /** IEEE half; results beyond 65504 become infinite. */
  FLOAT16(Lotus.LOTUS_FLOAT16, 2);

  private final int code;
  private final int bytes;

  DType(int code, int bytes) {
    this.code = code;
    this.bytes = bytes;
  }

  /** The {@code LOTUS_} constant. */
  int code() {
    return code;
  }

  /** Bytes an element. */
  public int bytes() {
    return bytes;
  }
}
