// sgd on CUDA: one launch for all tensors (common/tensors.cuh); weights, gradients and, with momentum, its buffer.
#include "common/tensors.cuh"
#include "math/update.h"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kTensorThreads)
    sgd_chunks(const __grid_constant__ TensorTable table, SgdFactors f, float given, const lotus_pace* now,
               int mask_mode, Clipping clipping) {
  __shared__ float shared_clip;
  const float clip = clip_factor(clipping, &shared_clip);
  const float rate = now != nullptr ? now->rate : given;
  const bool heavy = f.momentum > 0.0f;
  for_quads(table, [&](const TensorEntry& t, const Quad& quad) {
    float g[4], w[4], b[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    bool kept[4] = {true, true, true, true};
    quad.load(static_cast<const T*>(t.gradient), g);
    quad.load(t.weight, w);
    if (heavy) quad.load(t.first, b);
    if (t.mask != nullptr) quad.load(t.mask, kept);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      // Selections, not products: what is masked out may be NaN.
      const bool frozen = mask_mode == LOTUS_MASK_UPDATE && !kept[j];
      const float gradient = f.decay * w[j] + (kept[j] ? g[j] * clip : 0.0f);
      const float step = f.momentum * b[j] + gradient;
      b[j] = frozen ? b[j] : step;
      w[j] = frozen ? w[j] : w[j] - rate * step;
    }
    quad.store(t.weight, w);
    if (heavy) quad.store(t.first, b);
    if (t.shadow != nullptr) quad.store(reinterpret_cast<Bf16*>(t.shadow), w);
  });
}

}  // namespace

int32_t sgd(const SgdArgs& a) {
  const DeviceScope scope(a.list.device);
  LOTUS_CUDA_TRY("sgd", scope.status());
  const SgdFactors factors = sgd_factors(a);
  const float given = sgd_pace(a).rate;
  return with_dtype(a.list.dtype, [&](auto type) {
    return for_launches(a.list, [&](const TensorTable& table) {
      return check("sgd", launch(sgd_chunks<decltype(type)>, tensor_shape(table.chunks), a.list.stream, table, factors,
                                 given, a.pace, a.mask_mode, a.clipping));
    });
  });
}

}  // namespace cuda
}  // namespace lotus
