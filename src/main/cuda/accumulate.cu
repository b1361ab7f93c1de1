// square_accumulate and abs_accumulate on CUDA.
#include "common/tensors.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kTensorThreads)
    accumulate_chunks(const __grid_constant__ TensorTable table, Accumulation kind, float scale) {
  for_quads(table, [&](const TensorEntry& t, const Quad& quad) {
    float g[4], sum[4];
    quad.load(static_cast<const T*>(t.gradient), g);
    quad.load(t.first, sum);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float x = kind == Accumulation::kSquare ? g[j] * g[j] : kind == Accumulation::kAbsolute ? fabsf(g[j]) : g[j];
      sum[j] += scale * x;
    }
    quad.store(t.first, sum);
  });
}

}  // namespace

int32_t accumulate(const AccumulateArgs& a) {
  const char* op = a.kind == Accumulation::kSquare ? "square_accumulate" : "abs_accumulate";
  const DeviceScope scope(a.list.device);
  LOTUS_CUDA_TRY(op, scope.status());
  return with_dtype(a.list.dtype, [&](auto type) {
    return for_launches(a.list, [&](const TensorTable& table) {
      return check(op, launch(accumulate_chunks<decltype(type)>, tensor_shape(table.chunks), a.list.stream, table,
                              a.kind, a.scale));
    });
  });
}

}  // namespace cuda
}  // namespace lotus
