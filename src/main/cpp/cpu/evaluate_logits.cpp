// evaluate_logits on the CPU: everything an evaluation wants from one read of the logits.
//
//   m = max x, S = sum exp(x - m), D = sum exp(x - m) (x - m)
//   loss = log S - (x_label - m)        entropy = log S - D / S
//
// Sums by class must not depend on the thread count: rows are taken in chunks that stay in the cache; threads share a
// chunk first by rows (probabilities), then, behind the loop's barrier, by columns, each adding down the rows in order.
#include <math.h>
#include <stdlib.h>

#include "cpu/kernels.h"
#include "cpu/rows.h"
#include "cpu/scratch.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr int64_t kChunkElements = 1 << 16;

struct RowResult {
  float loss, entropy;
  bool correct, finite;
};

// probabilities: null, or room for a row of softmax(x).
template <class T>
RowResult evaluate_row(const T* x, int64_t cols, int64_t label, float* probabilities) {
  const float top = row_max(x, cols);
  double sum_e = 0, sum_ex = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F e_piece{}, ex_piece{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F shifted = load(x + c + i, n, -kInfinity) - top;
      const F e = exp_nonpositive(shifted);
      if (probabilities != nullptr) store(probabilities + c + i, e, n);
      e_piece += e;
      ex_piece += e > 0.0f ? e * shifted : F{};  // -inf has e = 0
    });
    sum_e += sum(e_piece);
    sum_ex += sum(ex_piece);
  }
  // NaN, +inf and all -inf each make the sum NaN (inf - inf above).
  if (!(sum_e > 0) || label < 0 || label >= cols) return {NAN, NAN, false, false};
  if (probabilities != nullptr) {
    const float scale = static_cast<float>(1.0 / sum_e);
    for_vectors(cols, [&](int64_t i, auto n) { store(probabilities + i, load(probabilities + i, n, 0.0f) * scale, n); });
  }
  const double log_sum = log(sum_e);
  const float at_label = load(x + label, Part{1}, 0.0f)[0];
  return {static_cast<float>(log_sum - (static_cast<double>(at_label) - top)),
          static_cast<float>(log_sum - sum_ex / sum_e), at_label == top && first_at(x, label, top), true};
}

inline int64_t slot_of(const EvaluateArgs& a, int64_t b) {
  const int64_t label = a.labels[b];
  const int64_t slot = a.class_slot != nullptr ? a.class_slot[label] : label;
  return slot < a.slots ? slot : -1;
}

template <class T>
int32_t run(const EvaluateArgs& a) {
  const int threads = threads_for(a.rows * a.cols);
  const bool sums = a.class_sums != nullptr;
  const int64_t chunk = a.cols < kChunkElements ? kChunkElements / a.cols : 1;
  float* probabilities = sums ? static_cast<float*>(malloc(sizeof(float) * (chunk < a.rows ? chunk : a.rows) * a.cols)) : nullptr;
  bool* finite = sums ? static_cast<bool*>(malloc(sizeof(bool) * chunk)) : nullptr;
  if (sums && (probabilities == nullptr || finite == nullptr)) {
    free(probabilities);
    free(finite);
    return set_error(LOTUS_OUT_OF_MEMORY, "evaluate_logits: no memory for %lld columns of probabilities",
                     static_cast<long long>(a.cols));
  }
  int64_t correct = 0, nonfinite = 0;
  const int64_t step = sums ? chunk : a.rows;
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : correct, nonfinite)
  for (int64_t first = 0; first < a.rows; first += step) {
    const int64_t last = first + step < a.rows ? first + step : a.rows;
#pragma omp for schedule(static)
    for (int64_t b = first; b < last; ++b) {
      const T* x = static_cast<const T*>(a.logits) + b * a.logits_stride;
      const RowResult row =
          evaluate_row(x, a.cols, a.labels[b], sums ? probabilities + (b - first) * a.cols : nullptr);
      if (a.loss != nullptr) a.loss[b] = row.loss;
      if (a.entropy != nullptr) a.entropy[b] = row.entropy;
      if (sums) finite[b - first] = row.finite;
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
        if (!finite[b - first]) continue;
        const int64_t slot = slot_of(a, b);
        if (slot < 0) continue;
        const float* p = probabilities + (b - first) * a.cols;
        double* out = a.class_sums + slot * a.class_sums_stride;
        for (int64_t c = begin; c < end; ++c) out[c] += p[c];
        if (tile == 0) ++a.class_counts[slot];
      }
    }
    // And its barrier: the next chunk's probabilities overwrite these.
  }
  free(probabilities);
  free(finite);
  if (a.correct != nullptr) *a.correct += correct;
  if (a.nonfinite_rows != nullptr) *a.nonfinite_rows += nonfinite;
  return LOTUS_OK;
}

}  // namespace

int32_t evaluate_logits(const EvaluateArgs& a) {
  return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
