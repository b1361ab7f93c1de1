// Weights of Pillow's resize of 8-bit pictures, for host and device, in whole numbers.
//
// The triangle of math/augment.h, each weight rounded to kWeightBits bits behind the point. A pass sums weight times
// pixel, adds a half and drops those bits; columns are summed first, rows from the bytes that come of it. Pillow makes
// its weights in doubles: another integer comes of that only where rounding is a tie to 1e-10.
#pragma once

#include "math/augment.h"

namespace lotus {
namespace {

constexpr int kWeightBits = 22;
constexpr int32_t kHalf = 1 << (kWeightBits - 1);
constexpr int32_t kMostSide = 65535;          // of a picture, as in JPEG: 255 times its weights stays below 2^31
constexpr int32_t kMostResized = 1 << 30;     // the long side of a thin picture is large, of which a window is cut

LOTUS_HD Axis resize_axis(int32_t from, int32_t to) { return {from, to, 0, from, false}; }

// Of pixel first + k, 0 <= k < count.
LOTUS_HD int32_t rounded_weight(const Axis& axis, const Reach& reach, int32_t k) {
  const int64_t n = axis.box, m = axis.out;
  const int64_t weight = tap_weight(reach.distance + 2 * m * k, 2 * (n > m ? n : m));
  return static_cast<int32_t>(quotient((weight << (kWeightBits + 1)) + reach.total, 2 * reach.total));
}

// The byte that a sum of weighted bytes stands for; no weight is negative, so none is below 0.
LOTUS_HD int32_t byte_of(int32_t sum) {
  const int32_t value = (sum + kHalf) >> kWeightBits;
  return value < 255 ? value : 255;
}

}  // namespace
}  // namespace lotus
