// What the operations do to a row of logits: its maximum, its exponentials and their sum, the first largest, NaN.
#pragma once

#include "simd.h"

namespace lotus {
namespace LOTUS_LEVEL {

// The largest entry; NaN is passed over (and found by the sum of exponentials). Four maxima side by side: one alone
// would wait for its own latency, four take a row as fast as memory gives it.
template <class T>
inline float row_max(const T* x, int64_t cols) {
  F a = splat(-kInfinity), b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 * kWidth <= cols; i += 4 * kWidth) {
    a = max(load(x + i, Whole{}, 0.0f), a);
    b = max(load(x + i + kWidth, Whole{}, 0.0f), b);
    c = max(load(x + i + 2 * kWidth, Whole{}, 0.0f), c);
    d = max(load(x + i + 3 * kWidth, Whole{}, 0.0f), d);
  }
  for_vectors(cols - i, [&](int64_t j, auto n) { a = max(load(x + i + j, n, -kInfinity), a); });
  return max(max(max(a, b), max(c, d)));
}

struct ExpSums {
  double sum;     // of exp(x - top); NaN where the row holds NaN or +inf, or is all -inf (inf - inf)
  double moment;  // of exp(x - top) (x - top), where asked for
};

// out: null, or room for the row of exp(x - top). next: the row that will be wanted next, fetched while the processor
// is busy with this one: row_max, which would wait for memory, then finds it in the cache.
template <bool moment, class T>
inline ExpSums exp_sums(const T* x, int64_t cols, float top, float* out, const T* next) {
  ExpSums sums{0, 0};
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{}, partial_moment{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      __builtin_prefetch(next + c + i);
      const F shifted = load(x + c + i, n, -kInfinity) - top;
      const F e = exp_nonpositive(shifted);
      if (out != nullptr) store(out + c + i, e, n);
      partial += e;
      if (moment) partial_moment += e > 0.0f ? e * shifted : F{};  // -inf has e = 0
    });
    sums.sum += sum(partial);
    if (moment) sums.moment += sum(partial_moment);
  }
  return sums;
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
