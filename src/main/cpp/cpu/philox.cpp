// philox on the CPU: the raw words, for checks and for pipelines that make their own noise.
#include "cpu/kernels.h"
#include "cpu/noise.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {

int32_t philox(const PhiloxArgs& a) {
  const int threads = threads_for(a.rows * a.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (int64_t b = 0; b < a.rows; ++b) {
    const NoiseKey key{a.seed, a.step, a.stream_id, a.samples != nullptr ? a.samples[b] : b};
    const PhiloxRow row(key);
    uint32_t* out = a.out + b * a.out_stride;
    // Whole steps go where they belong; the last one may not be written whole.
    const int64_t whole = a.cols / kNoiseStep * kNoiseStep;
    fill_words(row, 0, whole, out);
    if (whole == a.cols) continue;
    uint32_t rest[kNoiseStep];
    fill_words(row, whole, kNoiseStep, rest);
    __builtin_memcpy(out + whole, rest, static_cast<size_t>(a.cols - whole) * sizeof(uint32_t));
  }
  return LOTUS_OK;
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
