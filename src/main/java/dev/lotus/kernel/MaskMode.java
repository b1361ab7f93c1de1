package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;

/** What a mask of 0 does to an element in an optimizer's step. */
public enum MaskMode {
  /** Its gradient is 0; weight decay and momentum go on (SalUn as published). */
  GRADIENT(Lotus.LOTUS_MASK_GRADIENT),
  /** Its weight and moments stay as they are. */
  UPDATE(Lotus.LOTUS_MASK_UPDATE);

  private final int code;

  MaskMode(int code) {
    this.code = code;
  }

  int code() {
    return code;
  }
}
