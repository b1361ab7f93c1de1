// ssd_dampen on CUDA: where forget importance exceeds selection times retain importance, the weight shrinks.
#include "common/tensors.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

struct Rule {
  float selection, dampening, exponent, bound;
};

__global__ void __launch_bounds__(kTensorThreads)
    dampen_chunks(const __grid_constant__ TensorTable table, Rule rule, int64_t* dampened) {
  int here = 0;
  for_quads(table, [&](const TensorEntry& t, const Quad& quad) {
    float w[4], retain[4], forget[4];
    quad.load(t.weight, w);
    quad.load(t.first, retain);
    quad.load(t.second, forget);
    bool any = false;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      // Elements beyond the end read as 0, and 0 > selection * 0 is false.
      if (!(forget[j] > rule.selection * retain[j])) continue;
      float factor = rule.dampening * retain[j] / forget[j];
      if (rule.exponent != 1.0f) factor = powf(factor, rule.exponent);
      w[j] *= factor > rule.bound ? rule.bound : factor;
      ++here;
      any = true;
    }
    if (any) quad.store(t.weight, w);
    if (t.shadow != nullptr) quad.store(reinterpret_cast<Bf16*>(t.shadow), w);
  });
  Sums<int, 1> count;
  count.value[0] = here;
  count = group_reduce(count, kWarp);
  add_count(dampened, count.value[0]);
}

}  // namespace

int32_t ssd_dampen(const DampenArgs& a) {
  const DeviceScope scope(a.list.device);
  LOTUS_CUDA_TRY("ssd_dampen", scope.status());
  const Rule rule{a.selection, a.dampening, a.exponent, a.bound};
  return for_launches(a.list, [&](const TensorTable& table) {
    return check("ssd_dampen",
                 launch(dampen_chunks, tensor_shape(table.chunks), a.list.stream, table, rule, a.dampened));
  });
}

}  // namespace cuda
}  // namespace lotus
