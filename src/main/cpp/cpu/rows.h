// What the operations do to a row of logits: its maximum, its exponentials and their sum, the first largest, NaN.
#pragma once

#include "simd.h"

namespace lotus {
namespace LOTUS_LEVEL {

template <class T>
inline float row_max(const T* x, int64_t cols) {
  F top = splat(-kInfinity);
  for_vectors(cols, [&](int64_t i, auto n) { top = max(load(x + i, n, -kInfinity), top); });
  return max(top);
}

// out = exp((x - top) * scale), scale > 0, and the sum of it. Subtracting first keeps small temperatures accurate.
template <class T>
inline double exponentials(const T* x, int64_t cols, float top, float scale, float* out) {
  double total = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F e = exp_nonpositive((load(x + c + i, n, -kInfinity) - top) * scale);
      store(out + c + i, e, n);
      partial += e;
    });
    total += sum(partial);
  }
  return total;
}

// 1 / temperature, kept finite: that of the smallest temperatures overflows, and 0 * inf is NaN.
inline float inverse_of(float temperature) {
  const float inverse = 1.0f / temperature;
  return inverse < kLargest ? inverse : kLargest;
}

// Whether no entry before `label` reaches the maximum: torch's and numpy's argmax take the first of equals.
template <class T>
inline bool first_at(const T* x, int64_t label, float top) {
  I found{};
  for_vectors(label, [&](int64_t i, auto n) { found |= load(x + i, n, -kInfinity) >= top; });
  for (int lane = 0; lane < kWidth; ++lane)
    if (found[lane] != 0) return false;
  return true;
}

// NaN in the results of a row that is not finite; either may be null.
template <class T>
inline void poison(float* loss, T* gradient, int64_t cols) {
  constexpr float kNaN = __builtin_nanf("");
  if (loss != nullptr) *loss = kNaN;
  if (gradient == nullptr) return;
  for_vectors(cols, [&](int64_t i, auto n) { store(gradient + i, splat(kNaN), n); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
