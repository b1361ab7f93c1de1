// gumbel_noise on the CPU: the noise that the fused operations make inside, for pipelines that want it ready-made.
#include "cpu/kernels.h"
#include "cpu/scores.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

template <class T>
int32_t run(const NoiseArgs& a) {
  const int threads = threads_for(a.rows * a.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (int64_t b = 0; b < a.rows; ++b) {
    const NoiseKey key{a.seed, a.step, a.stream_id, a.samples != nullptr ? a.samples[b] : b};
    T* out = static_cast<T*>(a.out) + b * a.out_stride;
    for_noise_pieces(a.cols, nullptr, &key, [&](int64_t c, int64_t n, const float* noise) {
      for_vectors(n, [&](int64_t i, auto lanes) { store(out + c + i, load(noise + i, lanes, 0.0f), lanes); });
    });
  }
  return LOTUS_OK;
}

}  // namespace

int32_t gumbel_noise(const NoiseArgs& a) {
  return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
