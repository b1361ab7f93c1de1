// js_divergence on the CPU.
//
// With x = (p - q) / (p + q) and m = (p + q) / 2 neither form cancels where p and q are close, which is where the
// published tables live:
//   textbook  0.5 p log(p/m) + 0.5 q log(q/m) = 0.5 m [(1 + x) log(1 + x) + (1 - x) log(1 - x)]
//   upstream  m log(m / sqrt(p q))            = -0.5 m log(1 - x^2)
#include <math.h>

#include "cpu/kernels.h"
#include "cpu/scratch.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr float kClampLow = 1e-8f;

// log(1 + y) for y in [-1/2, 1], exact near 0; 1 + y is rounded only where its own logarithm is not small.
inline F log1p_small(F y) {
  const Reduced far = reduce(1.0f + y);
  const I direct = (y >= -0.29f) & (y <= 0.41f);
  return log_reduced(direct ? y : far.r, direct ? F{} : far.e);
}

// (1 + x) log(1 + x) + (1 - x) log(1 - x), |x| <= 1: an even function, x^2 + x^4/6 + x^6/15 + x^8/28 + x^10/45 + ...
inline F textbook_term(F x) {
  const F y = x * x;
  const F series = y * (1.0f + y * (1.0f / 6 + y * (1.0f / 15 + y * (1.0f / 28 + y * (1.0f / 45)))));
  const F plus = 1.0f + x, minus = 1.0f - x;
  // At |x| = 1 one factor is 0 and its logarithm must not count.
  const F a = plus > 0.0f ? plus * log_positive(plus > 0.0f ? plus : splat(1.0f)) : F{};
  const F b = minus > 0.0f ? minus * log_positive(minus > 0.0f ? minus : splat(1.0f)) : F{};
  return y < 0.03f ? series : a + b;
}

inline F clamp(F p) {
  p = p < kClampLow ? splat(kClampLow) : p;
  return p > 1.0f ? splat(1.0f) : p;
}

// A row as p_c = value_c * scale: its softmax, or the row itself. Returns false where it is not finite.
struct Distribution {
  const float* value;
  float scale;
  bool finite;
};

template <class T>
Distribution distribution(const T* x, int64_t cols, int32_t kind, float* out) {
  F running = splat(-kInfinity), lowest = splat(kInfinity);
  for_vectors(cols, [&](int64_t i, auto n) {
    running = max(load(x + i, n, -kInfinity), running);
    const F v = load(x + i, n, kInfinity);
    lowest = v < lowest ? v : lowest;
  });
  const float top = max(running);
  double total = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F p = kind == LOTUS_LOGITS ? exp_nonpositive(load(x + c + i, n, -kInfinity) - top) : load(x + c + i, n, 0.0f);
      store(out + c + i, p, n);
      partial += p;
    });
    total += sum(partial);
  }
  const bool negative = kind == LOTUS_PROBABILITIES && -max(-lowest) < 0.0f;
  return {out, static_cast<float>(1.0 / total), total > 0 && total < kInfinity && !negative};
}

inline double textbook_row(const Distribution& p, const Distribution& q, int64_t cols) {
  double total = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F a = load(p.value + c + i, n, 0.0f) * p.scale;
      const F b = load(q.value + c + i, n, 0.0f) * q.scale;
      const F both = a + b;
      const F x = both > 0.0f ? (a - b) / (both > 0.0f ? both : splat(1.0f)) : F{};
      partial += 0.25f * both * textbook_term(x);
    });
    total += sum(partial);
  }
  return total;
}

// sum_c m log(m / sqrt(p q)) of the clamped rows times their scales, which divide by the whole matrix's sums.
inline double upstream_row(const Distribution& p, const Distribution& q, int64_t cols, int32_t kind, float p_norm,
                           float q_norm) {
  const float p_scale = kind == LOTUS_LOGITS ? p.scale : 1.0f, q_scale = kind == LOTUS_LOGITS ? q.scale : 1.0f;
  double total = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F a = clamp(load(p.value + c + i, n, 1.0f) * p_scale) * p_norm;
      const F b = clamp(load(q.value + c + i, n, 1.0f) * q_scale) * q_norm;
      const F both = a + b;
      const F x = (a - b) / both;
      const F y = x * x;
      // 1 - x^2 = 4 p q / (p + q)^2: from the products where x^2 is near 1.
      const F far = 4.0f * (a / both) * (b / both);
      const F logarithm = y < 0.5f ? log1p_small(-(y < 0.5f ? y : F{})) : log_positive(y < 0.5f ? splat(1.0f) : far);
      const F term = -0.25f * both * logarithm;
      partial += lane_index() < lanes_of(n) ? term : F{};
    });
    total += sum(partial);
  }
  return total;
}

inline double clamped_sum(const Distribution& p, int64_t cols, int32_t kind) {
  const float scale = kind == LOTUS_LOGITS ? p.scale : 1.0f;
  double total = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F a = clamp(load(p.value + c + i, n, 0.0f) * scale);
      partial += lane_index() < lanes_of(n) ? a : F{};
    });
    total += sum(partial);
  }
  return total;
}

template <class T>
int32_t run(const JsdArgs& a) {
  const int threads = threads_for(a.rows * a.cols);
  const int64_t padded = (a.cols + kWidth - 1) / kWidth * kWidth;
  int64_t nonfinite = 0;
  int32_t out_of_memory = 0;
  // Phase 0 gathers the whole-matrix sums that only UPSTREAM divides by; phase 1 the rows.
  float p_norm = 1.0f, q_norm = 1.0f;
  for (int phase = a.form == LOTUS_JSD_UPSTREAM ? 0 : 1; phase < 2; ++phase) {
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : nonfinite) reduction(| : out_of_memory)
    {
      float* scratch = thread_scratch().floats(2 * padded);
      out_of_memory |= scratch == nullptr;
#pragma omp for schedule(static)
      for (int64_t b = 0; b < a.rows; ++b) {
        if (scratch == nullptr) continue;
        const Distribution p =
            distribution(static_cast<const T*>(a.p) + b * a.p_stride, a.cols, a.input_kind, scratch);
        const Distribution q =
            distribution(static_cast<const T*>(a.q) + b * a.q_stride, a.cols, a.input_kind, scratch + padded);
        const bool finite = p.finite && q.finite;
        if (phase == 0) {
          a.workspace[b] = finite ? clamped_sum(p, a.cols, a.input_kind) : 0.0;
          a.workspace[a.rows + b] = finite ? clamped_sum(q, a.cols, a.input_kind) : 0.0;
          continue;
        }
        nonfinite += !finite;
        a.row_out[b] = !finite ? static_cast<double>(NAN)
                       : a.form == LOTUS_JSD_TEXTBOOK
                           ? textbook_row(p, q, a.cols)
                           : upstream_row(p, q, a.cols, a.input_kind, p_norm, q_norm);
      }
    }
    if (phase == 0 && out_of_memory == 0) {
      double p_total = 0, q_total = 0;
      for (int64_t b = 0; b < a.rows; ++b) {
        p_total += a.workspace[b];
        q_total += a.workspace[a.rows + b];
      }
      a.workspace[2 * a.rows] = p_total;
      a.workspace[2 * a.rows + 1] = q_total;
      p_norm = static_cast<float>(1.0 / p_total);
      q_norm = static_cast<float>(1.0 / q_total);
    }
  }
  if (out_of_memory != 0)
    return set_error(LOTUS_OUT_OF_MEMORY, "js_divergence: no memory for the scratch of %lld columns",
                     static_cast<long long>(a.cols));
  if (a.nonfinite_rows != nullptr) *a.nonfinite_rows += nonfinite;
  if (a.total != nullptr) {
    double total = 0;
    for (int64_t b = 0; b < a.rows; ++b) total += a.row_out[b];
    const double rows = static_cast<double>(a.rows);
    *a.total = total / (a.form == LOTUS_JSD_BAD_TEACHING ? rows * static_cast<double>(a.cols) : rows);
  }
  return LOTUS_OK;
}

}  // namespace

int32_t js_divergence(const JsdArgs& a) { return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); }); }

}  // namespace LOTUS_LEVEL
}  // namespace lotus
