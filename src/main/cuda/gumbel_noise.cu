// gumbel_noise on CUDA: a thread makes the four values of one quad of one row; no order, no shared state.
#include "common/numeric.cuh"
#include "common/quads.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "gumbel_noise";
constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads) gumbel_quads(NoiseArgs a, int width) {
  const int64_t quads = (a.cols + 3) / 4;
  const int64_t total = a.rows * quads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < total; i += int64_t{gridDim.x} * kThreads) {
    const int64_t b = i / quads;
    const int q = static_cast<int>(i - b * quads);
    float g[4] = {};
    add_gumbel({a.seed, a.step, a.stream_id, a.samples != nullptr ? a.samples[b] : b}, q, g);
    store_quads<1>(static_cast<T*>(a.out) + b * a.out_stride, q, 1, static_cast<int>(a.cols), width, g);
  }
}

}  // namespace

int32_t gumbel_noise(const NoiseArgs& a) {
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  const int width = AccessWidth(a.cols).matrix(a.out, a.out_stride, element_bytes(a.dtype)).value();
  const int64_t blocks = (a.rows * ((a.cols + 3) / 4) + kThreads - 1) / kThreads;
  return with_dtype(a.dtype, [&](auto type) {
    return check(kOp, launch(gumbel_quads<decltype(type)>, {blocks, kThreads, 0}, a.stream, a, width));
  });
}

}  // namespace cuda
}  // namespace lotus
