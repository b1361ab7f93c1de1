// evaluate_logits on the CPU: everything an evaluation wants from one read of the logits. class_means and
// entropy_histogram are the same call with other outputs; what nobody asked for is not computed.
//
//   m = max x, S = sum exp(x - m), D = sum exp(x - m) (x - m)
//   loss = log S - (x_label - m)        entropy = log S - D / S
//
// Sums by class must not depend on the thread count: rows are taken in chunks that stay in the cache; threads share a
// chunk first by rows (exponentials), then, behind the loop's barrier, by columns, each adding down the rows in order.
#include <math.h>
#include <stdlib.h>

#include "cpu/kernels.h"
#include "cpu/rows.h"
#include "internal.h"
#include "math/histogram.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr int64_t kChunkElements = 1 << 16;

struct RowResult {
  float loss, entropy;
  float scale;  // 1 / S; 0 where the row is not finite
  bool correct, finite;
};

// entropies: whether the entropy is wanted. exponentials: null, or room for the row of exp(x - m).
template <bool entropies, class T>
RowResult evaluate_row(const EvaluateArgs& a, int64_t b, float* exponentials) {
  const T* x = static_cast<const T*>(a.logits) + b * a.logits_stride;
  const float top = row_max(x, a.cols);
  const ExpSums sums = exp_sums<entropies>(x, a.cols, top, exponentials);
  const int64_t label = a.labels != nullptr ? a.labels[b] : 0;
  if (!(sums.sum > 0) || label < 0 || label >= a.cols) return {NAN, NAN, 0, false, false};
  const double log_sum = log(sums.sum);
  const float at_label = load(x + label, Part{1}, 0.0f)[0];
  return {static_cast<float>(log_sum - (static_cast<double>(at_label) - top)),
          static_cast<float>(log_sum - sums.moment / sums.sum), static_cast<float>(1.0 / sums.sum),
          a.correct != nullptr && at_label == top && first_at(x, label, top), true};
}

// The row of class_sums that row b goes to.
constexpr int64_t kLeftOut = -1, kBadLabel = -2;
inline int64_t slot_of(const EvaluateArgs& a, int64_t b) {
  const int64_t label = a.labels[b];
  if (label < 0 || label >= a.cols) return kBadLabel;
  const int64_t slot = a.class_slot != nullptr ? a.class_slot[label] : label;
  return slot >= 0 && slot < a.slots ? slot : kLeftOut;
}

// Whether sums by class are all that is asked: then rows that belong to none are not read.
inline bool sums_alone(const EvaluateArgs& a) {
  return a.class_sums != nullptr && a.correct == nullptr && a.loss == nullptr && a.entropy == nullptr;
}

inline void count_entropy(const EvaluateArgs& a, float entropy) {
  const int32_t bin = histogram_bin(entropy, a.low, a.high, a.bins);
#pragma omp atomic
  ++a.histogram[bin];
}

template <class T, bool entropies>
int32_t run(const EvaluateArgs& a) {
  const int threads = threads_for(a.rows * a.cols);
  const bool sums = a.class_sums != nullptr, alone = sums_alone(a);
  const int64_t chunk = !sums                      ? a.rows
                        : a.cols < kChunkElements ? kChunkElements / a.cols
                                                  : 1;
  const int64_t held = chunk < a.rows ? chunk : a.rows;
  float* exponentials = sums ? static_cast<float*>(malloc(sizeof(float) * held * (a.cols + 1))) : nullptr;
  if (sums && exponentials == nullptr)
    return set_error(LOTUS_OUT_OF_MEMORY, "evaluate_logits: no memory for %lld columns of probabilities",
                     static_cast<long long>(a.cols));
  float* scales = sums ? exponentials + held * a.cols : nullptr;  // 0: the row is in no sum
  int64_t correct = 0, nonfinite = 0;
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : correct, nonfinite)
  for (int64_t first = 0; first < a.rows; first += chunk) {
    const int64_t last = first + chunk < a.rows ? first + chunk : a.rows;
#pragma omp for schedule(static)
    for (int64_t b = first; b < last; ++b) {
      if (alone && slot_of(a, b) == kLeftOut) {
        scales[b - first] = 0;
        continue;
      }
      const RowResult row = evaluate_row<entropies, T>(a, b, sums ? exponentials + (b - first) * a.cols : nullptr);
      if (a.loss != nullptr) a.loss[b] = row.loss;
      if (a.entropy != nullptr) a.entropy[b] = row.entropy;
      if (a.histogram != nullptr && row.finite) count_entropy(a, row.entropy);
      if (sums) scales[b - first] = row.scale;
      correct += row.correct;
      nonfinite += !row.finite;
    }
    if (!sums) continue;
    // The loop's barrier: without it a thread would add rows that another has not yet written.
    constexpr int64_t kTile = 256;
#pragma omp for schedule(static)
    for (int64_t tile = 0; tile < (a.cols + kTile - 1) / kTile; ++tile) {
      const int64_t begin = tile * kTile, end = begin + kTile < a.cols ? begin + kTile : a.cols;
      for (int64_t b = first; b < last; ++b) {
        const float scale = scales[b - first];
        const int64_t slot = slot_of(a, b);
        if (!(scale > 0) || slot < 0) continue;
        const float* e = exponentials + (b - first) * a.cols;
        double* out = a.class_sums + slot * a.class_sums_stride;
        for (int64_t c = begin; c < end; ++c) out[c] += e[c] * scale;
        if (tile == 0) ++a.class_counts[slot];
      }
    }
    // And its barrier: the next chunk's exponentials overwrite these.
  }
  free(exponentials);
  if (a.correct != nullptr) *a.correct += correct;
  if (a.nonfinite_rows != nullptr) *a.nonfinite_rows += nonfinite;
  return LOTUS_OK;
}

}  // namespace

int32_t evaluate_logits(const EvaluateArgs& a) {
  return with_dtype(a.dtype, [&](auto type) {
    using T = decltype(type);
    return a.entropy != nullptr || a.histogram != nullptr ? run<T, true>(a) : run<T, false>(a);
  });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
