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
    for (int64_t c = 0; c < a.cols; c += kNoiseStep) {
      const Words words = row.words(static_cast<uint32_t>(c / 4));
      const int64_t n = a.cols - c < kNoiseStep ? a.cols - c : kNoiseStep;
      __builtin_memcpy(out + c, &words, static_cast<size_t>(n) * sizeof(uint32_t));
    }
  }
  return LOTUS_OK;
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
