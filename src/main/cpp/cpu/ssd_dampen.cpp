// ssd_dampen on the CPU: where forget importance exceeds selection times retain importance, the weight shrinks.
#include <math.h>

#include "cpu/kernels.h"
#include "cpu/tensors.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

// Returns how many elements were dampened.
template <bool shadowed>
int64_t dampen(const lotus_tensor& t, int64_t first, int64_t count, const DampenArgs& a) {
  float* w = t.weight + first;
  I dampened{};  // minus the number, a lane; flushed before it could overflow
  int64_t total = 0;
  constexpr int64_t kBlock = int64_t{1} << 30;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    for_vectors(count - begin < kBlock ? count - begin : kBlock, [&](int64_t at, auto n) {
      const int64_t i = begin + at;
      // Lanes beyond the end: 0 > selection * 0 is false.
      const F retain = load(t.first + first + i, n, 0.0f), forget = load(t.second + first + i, n, 0.0f);
      const I chosen = forget > a.selection * retain;
      F factor = a.dampening * retain / forget;
      if (a.exponent != 1.0f)  // few elements are chosen, once a run: libm's pow, an element at a time
        for (int lane = 0; lane < kWidth; ++lane)
          if (chosen[lane] != 0) factor[lane] = powf(factor[lane], a.exponent);
      factor = factor > a.bound ? splat(a.bound) : factor;
      const F old = load(w + i, n, 0.0f);
      const F fresh = chosen ? old * factor : old;
      store(w + i, fresh, n);
      if constexpr (shadowed) store(reinterpret_cast<Bf16*>(t.shadow) + first + i, fresh, n);
      dampened += chosen;
    });
    for (int lane = 0; lane < kWidth; ++lane) total -= dampened[lane];
    dampened = I{};
  }
  return total;
}

}  // namespace

int32_t ssd_dampen(const DampenArgs& a) {
  int64_t dampened = 0;
  for_tensors(a.list, [&](const lotus_tensor& t, int64_t first, int64_t n) {
    const int64_t here = t.shadow != nullptr ? dampen<true>(t, first, n, a) : dampen<false>(t, first, n, a);
    __atomic_fetch_add(&dampened, here, __ATOMIC_RELAXED);
  });
  if (a.dampened != nullptr) *a.dampened += dampened;
  return LOTUS_OK;
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
