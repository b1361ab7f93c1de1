// bfloat16 and IEEE half as bits, for host code and for the CUDA sources where there is no instruction; rounded to
// nearest, ties to even.
#pragma once

#include <stdint.h>
#include <string.h>

#include "math/philox.h"

namespace lotus {

LOTUS_HD uint32_t float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
LOTUS_HD float bits_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

LOTUS_HD float bf16_value(uint16_t h) { return bits_float(static_cast<uint32_t>(h) << 16); }
LOTUS_HD uint16_t bf16_bits(float x) {
  const uint32_t bits = float_bits(x);
  return static_cast<uint16_t>(x == x ? (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16 : 0x7fffu);
}

LOTUS_HD float fp16_value(uint16_t h) {
  const uint32_t magnitude = h & 0x7fffu, sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  // The multiplication moves the exponent's bias, subnormals included.
  const float x = bits_float(magnitude << 13) * 0x1p112f;
  return bits_float((magnitude >= 0x7c00u ? magnitude << 13 | 0x7f800000u : float_bits(x)) | sign);
}
LOTUS_HD uint16_t fp16_bits(float x) {
  const uint32_t bits = float_bits(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7fffu);
  if (magnitude >= 0x47800000u) return static_cast<uint16_t>(sign | 0x7c00u);
  // Below 2^-14 adding 1/2 rounds to multiples of 2^-24, which then stand in the low bits.
  if (magnitude < 0x38800000u)
    return static_cast<uint16_t>(sign | (float_bits(bits_float(magnitude) + 0.5f) - 0x3f000000u));
  return static_cast<uint16_t>(sign | (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
}

}  // namespace lotus
