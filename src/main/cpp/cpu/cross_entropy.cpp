// cross_entropy on the CPU: one row a thread, its logits read once from memory, then from the cache.
//
//   m = max x,   S = sum exp(x - m),   a_c = (1 - e) w_y [c = y] + e / C' w_c [x_c > -inf],   A = sum a_c
//   loss = sum a_c (log S - (x_c - m)) = A log S - sum a_c (x_c - m)
//   gradient = scale (A exp(x - m) / S - a)
//
// With weights that are not negative no term of the loss is, so that nothing cancels. exp(x - m) waits in scratch for
// S. A class of weight 0 adds nothing, even where it is masked and its logarithm is infinite.
#include <math.h>

#include "cpu/kernels.h"
#include "cpu/rows.h"
#include "cpu/scratch.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

template <class T>
struct Row {
  const T* logits;
  int64_t label;
  const float* class_weight;  // or null
  float smoothing;
  float* loss;  // or null
  T* gradient;  // or null
  float scale;
};

// The smoothed part of the target, before it is divided by C'.
struct Smoothed {
  double classes = 0;   // C'
  double weight = 0;    // sum w_c
  double distance = 0;  // -sum w_c (x_c - m)
};

template <bool kWeighted, class Lanes>
inline F weights(const float* class_weight, int64_t at, Lanes n) {
  if constexpr (kWeighted) return load(class_weight + at, n, 0.0f);
  return splat(1.0f);
}

template <bool kWeighted, class T>
Smoothed smoothed(const T* logits, const float* class_weight, int64_t cols, float top) {
  Smoothed all;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F classes{}, weight{}, distance{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F x = load(logits + c + i, n, -kInfinity);
      const F w = weights<kWeighted>(class_weight, c + i, n);
      const I kept = x > -kInfinity;
      classes += kept ? splat(1.0f) : F{};
      weight += kept ? w : F{};
      distance += kept & (w != 0.0f) ? w * (top - x) : F{};
    });
    all.classes += sum(classes);
    all.weight += sum(weight);
    all.distance += sum(distance);
  }
  return all;
}

// softmax * softmax_scale - share_scale * weight, all but the label's part of the target.
template <bool kWeighted, class T>
void smoothed_gradient(const T* logits, const float* class_weight, int64_t cols, const float* exponential,
                       float softmax_scale, float share_scale, T* gradient) {
  for_vectors(cols, [&](int64_t i, auto n) {
    const F share = weights<kWeighted>(class_weight, i, n) * share_scale;
    const F target = load(logits + i, n, -kInfinity) > -kInfinity ? share : F{};
    store(gradient + i, load(exponential + i, n, 0.0f) * softmax_scale - target, n);
  });
}

struct RowResult {
  bool correct, finite;
};

template <bool kWeighted, class T>
RowResult cross_entropy_row(const Row<T>& row, int64_t cols, float* scratch) {
  if (row.label < 0 || row.label >= cols) return {false, false};
  const float top = row_max(row.logits, cols);
  const double total = exponentials(row.logits, cols, top, 1.0f, scratch);
  // NaN, +inf and all -inf each make the sum NaN (inf - inf).
  if (!(total > 0)) return {false, false};

  // Read before the gradient may overwrite the logits.
  const float at_label = load(row.logits + row.label, Part{1}, 0.0f)[0];
  const bool correct = at_label == top && first_at(row.logits, row.label, top);
  const float weight = kWeighted ? row.class_weight[row.label] : 1.0f;
  const double label_weight = (1.0 - row.smoothing) * weight;
  const bool smooth = row.smoothing > 0.0f;
  const Smoothed all = smooth ? smoothed<kWeighted>(row.logits, row.class_weight, cols, top) : Smoothed{};
  const double share = smooth ? row.smoothing / all.classes : 0.0;
  const double mass = label_weight + share * all.weight;
  if (row.loss != nullptr) {
    const double to_label = label_weight != 0 ? label_weight * (static_cast<double>(top) - at_label) : 0.0;
    *row.loss = static_cast<float>(mass * log(total) + to_label + share * all.distance);
  }
  if (row.gradient == nullptr) return {correct, true};

  T* gradient = row.gradient;
  const float softmax_scale = static_cast<float>(row.scale * mass / total);
  const float share_scale = static_cast<float>(row.scale * share);
  if (smooth)
    smoothed_gradient<kWeighted>(row.logits, row.class_weight, cols, scratch, softmax_scale, share_scale, gradient);
  else
    for_vectors(cols, [&](int64_t i, auto n) { store(gradient + i, load(scratch + i, n, 0.0f) * softmax_scale, n); });
  // Anew from the exponential, in fp32: what is left of 1 - p would not survive the type's rounding.
  const float label_scale = static_cast<float>(row.scale * label_weight);
  const float label_share = at_label > -kInfinity ? weight * share_scale : 0.0f;
  store(gradient + row.label, splat(scratch[row.label] * softmax_scale - label_scale - label_share), Part{1});
  return {correct, true};
}

template <class T>
int32_t run(const CrossEntropyArgs& a) {
  const int threads = threads_for(a.rows * a.cols);
  int64_t correct = 0, nonfinite = 0;
  int32_t out_of_memory = 0;
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : correct, nonfinite) \
    reduction(| : out_of_memory)
  {
    float* scratch = thread_scratch().floats(a.cols);
    out_of_memory |= scratch == nullptr;
#pragma omp for schedule(static)
    for (int64_t b = 0; b < a.rows; ++b) {
      if (scratch == nullptr) continue;
      const Row<T> row{static_cast<const T*>(a.logits) + b * a.logits_stride,
                       a.labels[b],
                       a.class_weight,
                       a.label_smoothing,
                       a.loss != nullptr ? a.loss + b : nullptr,
                       a.gradient != nullptr ? static_cast<T*>(a.gradient) + b * a.gradient_stride : nullptr,
                       a.row_weight != nullptr ? a.gradient_scale * a.row_weight[b] : a.gradient_scale};
      const RowResult result = a.class_weight != nullptr ? cross_entropy_row<true>(row, a.cols, scratch)
                                                         : cross_entropy_row<false>(row, a.cols, scratch);
      if (!result.finite) poison(row.loss, row.gradient, a.cols);
      correct += result.correct;
      nonfinite += !result.finite;
    }
  }
  if (out_of_memory != 0)
    return set_error(LOTUS_OUT_OF_MEMORY, "cross_entropy: no memory for the scratch of %lld columns",
                     static_cast<long long>(a.cols));
  if (a.correct != nullptr) *a.correct += correct;
  if (a.nonfinite_rows != nullptr) *a.nonfinite_rows += nonfinite;
  return LOTUS_OK;
}

}  // namespace

int32_t cross_entropy(const CrossEntropyArgs& a) {
  return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
