// adamw on CUDA: one launch for all tensors (common/tensors.cuh), four arrays read and three written once each. See
// math/update.h for the arithmetic.
#include "common/tensors.cuh"
#include "math/update.h"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kTensorThreads)
    adamw_chunks(const __grid_constant__ TensorTable table, AdamWFactors f, lotus_pace given,
                 const lotus_pace* now, int mask_mode, Clipping clipping) {
  __shared__ float shared_clip;
  const float clip = clip_factor(clipping, &shared_clip);
  const lotus_pace pace = now != nullptr ? *now : given;
  for_quads(table, [&](const TensorEntry& t, const Quad& quad) {
    float g[4], w[4], m[4], v[4];
    bool kept[4] = {true, true, true, true};
    quad.load(static_cast<const T*>(t.gradient), g);
    quad.load(t.weight, w);
    quad.load(t.first, m);
    quad.load(t.second, v);
    if (t.mask != nullptr) quad.load(t.mask, kept);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      // Selections, not products: what is masked out may be NaN.
      const bool frozen = mask_mode == LOTUS_MASK_UPDATE && !kept[j];
      const float gradient = kept[j] ? g[j] * clip : 0.0f;
      const float first = m[j] + f.gain1 * (gradient - m[j]);
      const float second = f.beta2 * v[j] + f.gain2 * (gradient * gradient);
      const float fresh = w[j] * pace.decay - pace.rate * (first / (sqrtf(second) * pace.root + f.epsilon));
      w[j] = frozen ? w[j] : fresh;
      m[j] = frozen ? m[j] : first;
      v[j] = frozen ? v[j] : second;
    }
    quad.store(t.weight, w);
    quad.store(t.first, m);
    quad.store(t.second, v);
    if (t.shadow != nullptr) quad.store(reinterpret_cast<Bf16*>(t.shadow), w);
  });
}

}  // namespace

int32_t adamw(const AdamWArgs& a) {
  const DeviceScope scope(a.list.device);
  LOTUS_CUDA_TRY("adamw", scope.status());
  const AdamWFactors factors = adamw_factors(a);
  const lotus_pace given = adamw_pace(a);
  return with_dtype(a.list.dtype, [&](auto type) {
    return for_launches(a.list, [&](const TensorTable& table) {
      return check("adamw", launch(adamw_chunks<decltype(type)>, tensor_shape(table.chunks), a.list.stream, table,
                                   factors, given, a.pace, a.mask_mode, a.clipping));
    });
  });
}

}  // namespace cuda
}  // namespace lotus
