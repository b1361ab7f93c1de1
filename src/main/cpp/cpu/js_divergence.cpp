// js_divergence on the CPU: the divergence of each row, and its gradient with respect to p's logits.
//
// Neither form cancels where p and q are close, which is where the published tables live.
//
// TEXTBOOK. With a >= b the two probabilities of a class, m = (a + b) / 2, t = b / a, s = 1 - t, u = log((1 + t) / 2)
// and d = -log t = log a - log b:
//   log(a/m) = -u, log(b/m) = -u - d;   0.5 a log(a/m) + 0.5 b log(b/m) = 0.5 a [-(1 + t) u - t d]
// and, where s is small, 0.5 a sum_{n >= 2} s^n (1 - 2^(1-n)) / (n (n - 1)). One division, one logarithm; of logits d is
// a difference of logits, of probabilities a second logarithm.
//
// UPSTREAM, BAD_TEACHING. With P, Q the clamped (and scaled) probabilities, x = (P - Q) / (P + Q) and
// L = log(m / sqrt(P Q)) = -0.5 log(1 - x^2):   m L = 0.5 (P + Q) L
//
// Gradient. G = d row / d p:   TEXTBOOK 0.5 log(p/m);   the others 0.5 L + (P - Q) / (4 P), with respect to P.
//   TEXTBOOK, BAD_TEACHING:  H_c = G_c
//   UPSTREAM:  P = clamp(p) / S, S the sum of the WHOLE clamped matrix, so raising one entry lowers all others:
//              d/d clamp(p)_i = (G_i - W) / S, W = sum over the matrix of P G. The matrices P and Q both sum to one, so
//              (P - Q) / 4 adds nothing to W = sum 0.5 P L, a sum of terms >= 0.
//   A clamp that acts has slope 0: H_c = 0 where p_c < 1e-8. Last, softmax: d/d logit_c = p_c (H_c - sum_j p_j H_j).
#include <math.h>

#include "cpu/kernels.h"
#include "cpu/rows.h"
#include "cpu/scratch.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr float kClampLow = 1e-8f;
constexpr float kSmallest = 1.17549435e-38f;  // below, a reciprocal may be infinite

inline F clamp(F p) {
  p = p < kClampLow ? splat(kClampLow) : p;
  return p > 1.0f ? splat(1.0f) : p;
}

// A row as p_c = value_c * scale: its softmax, or the row itself.
struct Distribution {
  float* value;
  float scale;
  float top;        // logits: what they are shifted by
  double logarithm;  // logits: of the sum of exponentials
  bool finite;
};

template <bool logits, class T>
Distribution distribution(const T* x, int64_t cols, bool normalise, float* out) {
  if (logits) {
    const float top = row_max(x, cols);
    const double total = exp_sums<false>(x, cols, top, out).sum;
    return {out, static_cast<float>(1.0 / total), top, log(total), total > 0};
  }
  double total = 0;
  I negative{};
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F p = load(x + c + i, n, 0.0f);
      store(out + c + i, p, n);
      partial += p;
      negative |= p < 0.0f;
    });
    total += sum(partial);
  }
  const bool finite = total > 0 && total < kInfinity && !(sum(negative != 0 ? splat(1.0f) : F{}) > 0);
  return {out, normalise ? static_cast<float>(1.0 / total) : 1.0f, 0, 0, finite};
}

// sum_{n = 2..9} s^n (1 - 2^(1-n)) / (n (n - 1)): 1e-7 for s < 0.2.
inline F textbook_series(F s) {
  F y = splat((1 - 1.0f / 256) / 72);
  y = y * s + (1 - 1.0f / 128) / 56;
  y = y * s + (1 - 1.0f / 64) / 42;
  y = y * s + (1 - 1.0f / 32) / 30;
  y = y * s + (1 - 1.0f / 16) / 20;
  y = y * s + (1 - 1.0f / 8) / 12;
  y = y * s + 1.0f / 8;
  y = y * s + 1.0f / 4;
  return y * (s * s);
}

struct RowSums {
  double divergence;
  double slope;  // with a gradient: sum_c p_c H_c; else UPSTREAM's part of W
};

// x, y: the logits. Where `gradient`, p.value becomes p and q.value becomes H, here 2 G.
template <bool logits, bool gradient, class T>
RowSums textbook_row(const Distribution& p, const Distribution& q, const T* x, const T* y, int64_t cols) {
  // d = (x - top_p - log S_p) - (y - top_q - log S_q): shifted as the exponentials were, so as exact as they are.
  const float between = static_cast<float>(q.logarithm - p.logarithm);
  RowSums total{0, 0};
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{}, partial_slope{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F first = load(p.value + c + i, n, 0.0f) * p.scale, second = load(q.value + c + i, n, 0.0f) * q.scale;
      const I rising = first >= second;
      const F a = rising ? first : second, b = rising ? second : first;
      const F inverse = 1.0f / (a >= kSmallest ? a : splat(1.0f));
      const F t = b * inverse, s = (a - b) * inverse;
      // (1 + t) / 2 = 1 - s / 2 is in [1/2, 1]: log_reduced's argument as it is, or that of twice as much.
      const I near_one = s < 0.5857864f;
      const F u = log_reduced(near_one ? -0.5f * s : t, near_one ? F{} : splat(-1.0f));
      F d;
      if (logits) {
        d = (load(x + c + i, n, 0.0f) - p.top) - (load(y + c + i, n, 0.0f) - q.top) + between;
        d = rising ? d : -d;
        d = d < 200.0f ? d : splat(200.0f);  // masked classes: infinite or NaN, and t is 0 there
      } else {
        d = -log_positive(t >= kSmallest ? t : splat(1.0f));
      }
      partial += a * (s < 0.2f ? textbook_series(s) : -(1.0f + t) * u - t * d);
      if (gradient) {
        const F h = rising ? -u : -u - d;
        partial_slope += first * h;
        store(p.value + c + i, first, n);
        store(q.value + c + i, h, n);
      }
    });
    total.divergence += 0.5 * sum(partial);
    if (gradient) total.slope += sum(partial_slope);
  }
  return total;
}

// What UPSTREAM's rows are scaled by and lowered by; 1, 1 and 0 in BAD_TEACHING.
struct WholeMatrix {
  float p = 1, q = 1;  // 1 / sum
  float mean_slope = 0;  // W
};

// Where `gradient`, p.value becomes p and q.value becomes H.
template <bool gradient>
RowSums upstream_row(const Distribution& p, const Distribution& q, int64_t cols, WholeMatrix whole) {
  RowSums total{0, 0};
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{}, partial_slope{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const I inside = lane_index() < lanes_of(n);
      const F plain = load(p.value + c + i, n, 0.0f) * p.scale;
      const F a = clamp(plain) * whole.p, b = clamp(load(q.value + c + i, n, 0.0f) * q.scale) * whole.q;
      const F both = a + b, inverse = 1.0f / both;
      const F x = (a - b) * inverse, y = x * x;
      // 1 - x^2 = 4 P Q / (P + Q)^2: from the products where x^2 is not small.
      const I near_one = y < 0.25f;
      const Reduced far = reduce(near_one ? splat(1.0f) : 4.0f * (a * inverse) * (b * inverse));
      const F twice = -log_reduced(near_one ? -y : far.r, near_one ? F{} : far.e);  // 2 L
      partial += inside ? both * twice : F{};
      if (gradient) {
        const F slope = 0.25f * (twice + (a - b) / a) - whole.mean_slope;
        const F h = plain >= kClampLow ? slope : F{};
        partial_slope += plain * h;  // lanes outside have p = 0
        store(p.value + c + i, plain, n);
        store(q.value + c + i, h, n);
      } else {
        partial_slope += inside ? a * twice : F{};
      }
    });
    total.divergence += 0.25 * sum(partial);
    total.slope += (gradient ? 1.0 : 0.25) * sum(partial_slope);
  }
  return total;
}

inline double clamped_sum(const Distribution& p, int64_t cols) {
  double total = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F a = clamp(load(p.value + c + i, n, 0.0f) * p.scale);
      partial += lane_index() < lanes_of(n) ? a : F{};
    });
    total += sum(partial);
  }
  return total;
}

// gradient_c = factor * p_c (H_c - sum p H), from what the row left in the scratch; NaN in a row that is not finite.
template <class T>
void write_gradient(const Distribution& p, const Distribution& q, int64_t cols, bool finite, double factor, double slope,
                    T* out) {
  const float scale = finite ? static_cast<float>(factor) : NAN, mean = static_cast<float>(slope);
  for_vectors(cols, [&](int64_t i, auto n) {
    const F value = load(p.value + i, n, 0.0f) * (load(q.value + i, n, 0.0f) - mean) * scale;
    store(out + i, finite ? value : splat(scale), n);
  });
}

// UPSTREAM takes three passes over the input, the last for the gradient alone; the other forms one, kRows.
enum Pass { kSums, kRows, kGradient };

template <class T, bool logits, bool gradient>
void row(const JsdArgs& a, Pass pass, int64_t b, WholeMatrix whole, double factor, float* scratch, int64_t padded,
         int64_t& nonfinite) {
  const T* x = static_cast<const T*>(a.p) + b * a.p_stride;
  const T* y = static_cast<const T*>(a.q) + b * a.q_stride;
  const bool textbook = a.form == LOTUS_JSD_TEXTBOOK;
  const Distribution p = distribution<logits>(x, a.cols, textbook, scratch);
  const Distribution q = distribution<logits>(y, a.cols, textbook, scratch + padded);
  const bool finite = p.finite && q.finite;
  if (pass == kSums) {
    a.workspace[b] = finite ? clamped_sum(p, a.cols) : 0.0;
    a.workspace[a.rows + b] = finite ? clamped_sum(q, a.cols) : 0.0;
    return;
  }
  const RowSums sums = !finite    ? RowSums{NAN, 0}
                       : textbook ? textbook_row<logits, gradient>(p, q, x, y, a.cols)
                                  : upstream_row<gradient>(p, q, a.cols, whole);
  if (pass == kRows) {
    a.row_out[b] = sums.divergence;
    nonfinite += !finite;
    if (a.form == LOTUS_JSD_UPSTREAM) a.workspace[2 * a.rows + 2 + b] = sums.slope;
  }
  if (gradient)
    write_gradient(p, q, a.cols, finite, factor, sums.slope, static_cast<T*>(a.gradient) + b * a.gradient_stride);
}

template <class T, bool logits, bool gradient>
int32_t rows(const JsdArgs& a, Pass pass, WholeMatrix whole, double factor) {
  const int threads = threads_for(a.rows * a.cols);
  const int64_t padded = (a.cols + kWidth - 1) / kWidth * kWidth;
  int64_t nonfinite = 0;
  int32_t out_of_memory = 0;
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : nonfinite) reduction(| : out_of_memory)
  {
    float* scratch = thread_scratch().floats(2 * padded);
    out_of_memory |= scratch == nullptr;
#pragma omp for schedule(static)
    for (int64_t b = 0; b < a.rows; ++b)
      if (scratch != nullptr) row<T, logits, gradient>(a, pass, b, whole, factor, scratch, padded, nonfinite);
  }
  if (out_of_memory != 0)
    return set_error(LOTUS_OUT_OF_MEMORY, "js_divergence: no memory for the scratch of %lld columns",
                     static_cast<long long>(a.cols));
  if (a.nonfinite_rows != nullptr) *a.nonfinite_rows += nonfinite;
  return LOTUS_OK;
}

template <class T>
int32_t rows(const JsdArgs& a, Pass pass, WholeMatrix whole, double factor) {
  const bool gradient = a.gradient != nullptr && (a.form != LOTUS_JSD_UPSTREAM || pass == kGradient);
  if (a.input_kind == LOTUS_PROBABILITIES) return rows<T, false, false>(a, pass, whole, factor);
  return gradient ? rows<T, true, true>(a, pass, whole, factor) : rows<T, true, false>(a, pass, whole, factor);
}

inline double sum(const double* values, int64_t n) {
  double total = 0;
  for (int64_t i = 0; i < n; ++i) total += values[i];
  return total;
}

template <class T>
int32_t run(const JsdArgs& a) {
  const double row_count = static_cast<double>(a.rows);
  const double divisor = a.form == LOTUS_JSD_BAD_TEACHING ? row_count * static_cast<double>(a.cols) : row_count;
  // textbook_row leaves 2 G.
  double factor = a.gradient_scale / divisor * (a.form == LOTUS_JSD_TEXTBOOK ? 0.5 : 1.0);
  WholeMatrix whole;
  if (a.form == LOTUS_JSD_UPSTREAM) {
    LOTUS_TRY(rows<T>(a, kSums, whole, factor));
    double* sums = a.workspace + 2 * a.rows;
    sums[0] = sum(a.workspace, a.rows);
    sums[1] = sum(a.workspace + a.rows, a.rows);
    whole.p = static_cast<float>(1.0 / sums[0]);
    whole.q = static_cast<float>(1.0 / sums[1]);
    factor /= sums[0];
  }
  LOTUS_TRY(rows<T>(a, kRows, whole, factor));
  if (a.form == LOTUS_JSD_UPSTREAM && a.gradient != nullptr) {
    double* slopes = a.workspace + 2 * a.rows + 2;
    slopes[a.rows] = sum(slopes, a.rows);
    whole.mean_slope = static_cast<float>(slopes[a.rows]);
    LOTUS_TRY(rows<T>(a, kGradient, whole, factor));
  }
  if (a.total != nullptr) *a.total = sum(a.row_out, a.rows) / divisor;
  return LOTUS_OK;
}

}  // namespace

int32_t js_divergence(const JsdArgs& a) { return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); }); }

}  // namespace LOTUS_LEVEL
}  // namespace lotus
