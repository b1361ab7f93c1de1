// The bin of an entropy, the same on host and device.
#pragma once

#include <stdint.h>

#include "math/philox.h"

namespace lotus {

// Of `bins` equal bins of [low, high]; what lies outside goes to the first or the last. x is not NaN.
LOTUS_HD int32_t histogram_bin(float x, float low, float high, int32_t bins) {
  // fp64: high - low and the quotient keep every bit that tells two floats apart.
  const double position = (static_cast<double>(x) - low) / (static_cast<double>(high) - low) * bins;
  if (!(position > 0)) return 0;
  return position < bins ? static_cast<int32_t>(position) : bins - 1;
}

}  // namespace lotus
