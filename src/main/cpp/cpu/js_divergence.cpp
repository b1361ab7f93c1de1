// js_divergence on the CPU: the divergence of each row, and its gradient with respect to p's logits.
//
// Neither form cancels where p and q are close, which is where the published tables live.
//
// TEXTBOOK of logits. With m = (p + q) / 2, d = log p - log q, a difference of logits, and w = d / 2:
//   0.5 p log(p/m) + 0.5 q log(q/m) = 0.5 [p log p + q log q - 2 m log m], one logarithm and no division, or, where d
//   is small, m (w tanh w - log cosh w) by its series in w^2; likewise log(p/m) = log p - log m, or w - log cosh w.
// TEXTBOOK of probabilities, which have no logarithms yet. With a >= b the two of a class, t = b / a, s = 1 - t:
//   0.5 a [-(1 + t) log((1 + t) / 2) + t log t], or, where s is small,
//   0.5 a sum_{n >= 2} s^n (1 - 2^(1-n)) / (n (n - 1))
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
constexpr float kSmallest = 1.17549435e-38f;  // the smallest normal number: for what follows it is 0

inline F clamp(F p) {
  p = p < kClampLow ? splat(kClampLow) : p;
  return p > 1.0f ? splat(1.0f) : p;
}

// A row as p_c = value_c * scale: its softmax, or the row itself.
struct Distribution {
  float* value;
  float scale;
  float top, log_sum;  // logits: log p_c = x_c - top - log_sum
  bool finite;
};

template <bool logits, class T>
Distribution distribution(const T* x, int64_t cols, bool textbook, float* out, const T* next) {
  if (logits) {
    const float top = row_max(x, cols);
    const double total = exp_sums<false>(x, cols, top, out, next).sum;
    // TEXTBOOK takes p and log p together: log S as a float, and from it the scale, so that they belong to one another.
    const float log_sum = static_cast<float>(log(total));
    return {out, static_cast<float>(textbook ? exp(-static_cast<double>(log_sum)) : 1.0 / total), top, log_sum,
            total > 0};
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
  return {out, textbook ? static_cast<float>(1.0 / total) : 1.0f, 0, 0, finite};
}

struct RowSums {
  double divergence;
  double slope;  // with a gradient: sum_c p_c H_c; else UPSTREAM's part of W
};

// log cosh w and w tanh w - log cosh w, |w| < 0.4, from v = w^2: 1e-7.
inline F log_cosh(F v) {
  F y = splat(31.0f / 14175);
  y = y * v - 17.0f / 2520;
  y = y * v + 1.0f / 45;
  y = y * v - 1.0f / 12;
  return v * (y * v + 0.5f);
}
inline F near_term(F v) {
  F y = splat(-691.0f / 85050);
  y = y * v + 31.0f / 1575;
  y = y * v - 17.0f / 360;
  y = y * v + 1.0f / 9;
  y = y * v - 1.0f / 4;
  return v * (y * v + 0.5f);
}

// x, y: the logits. Where `gradient`, p.value becomes p and q.value becomes H, here 2 G.
template <bool gradient, class T>
RowSums textbook_row(const Distribution& p, const Distribution& q, const T* x, const T* y, int64_t cols) {
  constexpr float kLowest = -200.0f;  // below any log p of a p above 0; stands for a masked class's -inf
  RowSums total{0, 0};
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{}, partial_slope{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F a = load(p.value + c + i, n, 0.0f) * p.scale, b = load(q.value + c + i, n, 0.0f) * q.scale;
      const F log_a = max(load(x + c + i, n, 0.0f) - p.top - p.log_sum, splat(kLowest));
      const F log_b = max(load(y + c + i, n, 0.0f) - q.top - q.log_sum, splat(kLowest));
      const F both = a + b, w = 0.5f * (log_a - log_b), v = w * w;
      const F log_m = log_positive(max(0.5f * both, splat(kSmallest)));
      const I near = v < 0.16f;
      partial += near ? both * near_term(v) : a * log_a + b * log_b - both * log_m;
      if (gradient) {
        const F h = near ? w - log_cosh(v) : log_a - log_m;
        partial_slope += a * h;
        store(p.value + c + i, a, n);
        store(q.value + c + i, h, n);
      }
    });
    total.divergence += 0.5 * sum(partial);
    if (gradient) total.slope += sum(partial_slope);
  }
  return total;
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

inline double probabilities_row(const Distribution& p, const Distribution& q, int64_t cols) {
  double total = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F first = load(p.value + c + i, n, 0.0f) * p.scale, second = load(q.value + c + i, n, 0.0f) * q.scale;
      const F a = max(first, second), b = first < second ? first : second;
      const F inverse = 1.0f / max(a, splat(kSmallest)), t = b * inverse, s = (a - b) * inverse;
      // (1 + t) / 2 = 1 - s / 2 is in [1/2, 1]: log_reduced's argument as it is, or that of twice as much.
      const I near_one = s < 0.5857864f;
      const F u = log_reduced(near_one ? -0.5f * s : t, near_one ? F{} : splat(-1.0f));
      const F log_t = log_positive(max(t, splat(kSmallest)));
      partial += a * (s < 0.2f ? textbook_series(s) : t * log_t - (1.0f + t) * u);
    });
    total += 0.5 * sum(partial);
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
void write_gradient(const Distribution& p, const Distribution& q, int64_t cols, bool finite, double factor,
                    double slope, T* out) {
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
  // The next row comes from memory while this one's exponentials are made.
  const int64_t ahead = b + 1 < a.rows ? 1 : 0;
  const Distribution p = distribution<logits>(x, a.cols, textbook, scratch, x + ahead * a.p_stride);
  const Distribution q = distribution<logits>(y, a.cols, textbook, scratch + padded, y + ahead * a.q_stride);
  const bool finite = p.finite && q.finite;
  if (pass == kSums) {
    a.workspace[b] = finite ? clamped_sum(p, a.cols) : 0.0;
    a.workspace[a.rows + b] = finite ? clamped_sum(q, a.cols) : 0.0;
    return;
  }
  const RowSums sums = !finite                 ? RowSums{NAN, 0}
                       : !textbook             ? upstream_row<gradient>(p, q, a.cols, whole)
                       : logits                ? textbook_row<gradient>(p, q, x, y, a.cols)
                                               : RowSums{probabilities_row(p, q, a.cols), 0};
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

int32_t js_divergence(const JsdArgs& a) {
  return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
