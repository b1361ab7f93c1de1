// philox on CUDA: the raw words, so that every backend can be shown to draw the same integers.
//
// A thread makes the four words of one quad of one row; no order, no shared state.
#include "common/quads.cuh"
#include "common/reduce.cuh"
#include "math/philox.h"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "philox";
constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads) philox_quads(PhiloxArgs a, int width) {
  const int64_t quads = (a.cols + 3) / 4;
  const int64_t total = a.rows * quads;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < total; i += int64_t{gridDim.x} * kThreads) {
    const int64_t b = i / quads, q = i - b * quads;
    const PhiloxWords words =
        philox(a.seed, a.step, a.stream_id, a.samples != nullptr ? a.samples[b] : b, static_cast<uint32_t>(q));
    uint32_t* out = a.out + b * a.out_stride + 4 * q;
    if (width == 4) {
      *reinterpret_cast<uint4*>(out) = make_uint4(words.v[0], words.v[1], words.v[2], words.v[3]);
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j)
        if (4 * q + j < a.cols) out[j] = words.v[j];
    }
  }
}

}  // namespace

int32_t philox_words(const PhiloxArgs& a) {
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  const int width = AccessWidth(a.cols).matrix(a.out, a.out_stride, 4).value();
  const int64_t quads = a.rows * ((a.cols + 3) / 4);
  return check(kOp, launch(philox_quads, {(quads + kThreads - 1) / kThreads, kThreads, 0}, a.stream, a, width));
}

}  // namespace cuda
}  // namespace lotus
