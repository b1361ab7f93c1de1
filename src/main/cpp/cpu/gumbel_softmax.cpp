// gumbel_softmax on the CPU: one row a thread. Soft rows wait in scratch for the sum they are divided by; hard rows are
// read to their argmax alone. Either way a row is read to its end before its place is written.
#include "cpu/kernels.h"
#include "cpu/rows.h"
#include "cpu/scores.h"
#include "cpu/scratch.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

template <class T>
struct Row {
  const T* logits;
  const float* noise;  // ready-made, or null
  T* out;
};

// Returns false where the row is not finite.
template <class T>
bool soft_row(const Row<T>& row, int64_t cols, const NoiseKey& key, float tau, float* scratch) {
  const float top = noisy_scores(row.logits, cols, row.noise, &key, scratch);
  const double total = exponentials(scratch, cols, top, inverse_of(tau), scratch);
  if (!(total > 0)) return false;  // NaN, +inf and all -inf each make it NaN (inf - inf)
  const float scale = static_cast<float>(1.0 / total);
  for_vectors(cols, [&](int64_t i, auto n) { store(row.out + i, load(scratch + i, n, 0.0f) * scale, n); });
  return true;
}

template <class T>
bool hard_row(const Row<T>& row, int64_t cols, const NoiseKey& key) {
  const int64_t best = noisy_argmax(row.logits, cols, row.noise, &key);
  if (best < 0) return false;
  for_vectors(cols, [&](int64_t i, auto n) { store(row.out + i, F{}, n); });
  store(row.out + best, splat(1.0f), Part{1});
  return true;
}

template <class T>
int32_t run(const GumbelSoftmaxArgs& a) {
  const int threads = threads_for(a.rows * a.cols);
  int64_t nonfinite = 0;
  int32_t out_of_memory = 0;
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : nonfinite) reduction(| : out_of_memory)
  {
    float* scratch = thread_scratch().floats(a.cols);
    out_of_memory |= scratch == nullptr;
#pragma omp for schedule(static)
    for (int64_t b = 0; b < a.rows; ++b) {
      if (scratch == nullptr) continue;
      const NoiseKey key{a.seed, a.step, a.stream_id, a.samples != nullptr ? a.samples[b] : b};
      const Row<T> row{static_cast<const T*>(a.logits) + b * a.logits_stride,
                       a.noise != nullptr ? a.noise + b * a.noise_stride : nullptr,
                       static_cast<T*>(a.out) + b * a.out_stride};
      if (a.hard ? hard_row(row, a.cols, key) : soft_row(row, a.cols, key, a.tau, scratch)) continue;
      poison(nullptr, row.out, a.cols);
      ++nonfinite;
    }
  }
  if (out_of_memory != 0)
    return set_error(LOTUS_OUT_OF_MEMORY, "gumbel_softmax: no memory for the scratch of %lld columns",
                     static_cast<long long>(a.cols));
  if (a.nonfinite_rows != nullptr) *a.nonfinite_rows += nonfinite;
  return LOTUS_OK;
}

}  // namespace

int32_t gumbel_softmax(const GumbelSoftmaxArgs& a) {
  return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
