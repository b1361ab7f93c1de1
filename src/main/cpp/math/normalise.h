// (pixel / 255 - mean) / std to the bits of these operations in fp32, as torchvision's ToTensor and Normalize round
// them, without a division a pixel.
//
// With y = 1 / b rounded, q = a y is a / b to two units in the last place, and each q += (a - q b) y, where a multiply-add
// rounds once, comes closer: the first to one unit, the second to the rounded quotient (Markstein, IBM J. Res. Dev. 34,
// 1990). That holds while nothing underflows or overflows, which plain() makes sure of.
#pragma once

#include <math.h>

#include "math/philox.h"
#include "ops.h"

namespace lotus {
namespace {

// Whether mean and std of every channel are far from the ends of fp32. Others are divided by.
inline bool plain(const lotus_augment& augment, int32_t channels) {
  for (int32_t c = 0; c < channels; ++c) {
    const float mean = fabsf(augment.mean[c]), std = augment.std[c];
    if (!(std >= 0x1p-40f && std <= 0x1p40f && (mean == 0 || (mean >= 0x1p-40f && mean <= 0x1p40f)))) return false;
  }
  return true;
}

LOTUS_HD float divided(float a, float b, float inverse) {
  const float q = a * inverse;
  const float closer = fmaf(fmaf(-q, b, a), inverse, q);
  return fmaf(fmaf(-closer, b, a), inverse, closer);
}

}  // namespace
}  // namespace lotus
