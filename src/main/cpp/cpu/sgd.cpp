// sgd on the CPU: one pass over weights, gradients and, with momentum, its buffer.
#include "cpu/kernels.h"
#include "cpu/tensors.h"
#include "math/update.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

// masked: 0 no mask, else 1 + mask mode.
template <class T, int masked, bool shadowed, bool heavy>
void update(const lotus_tensor& t, int64_t first, int64_t count, const SgdFactors& f, float rate, float clip) {
  float* w = t.weight + first;
  const T* gradient = static_cast<const T*>(t.gradient) + first;
  for_vectors(count, [&](int64_t i, auto n) {
    F g = load(gradient + i, n, 0.0f) * clip;
    I kept = {};
    if constexpr (masked != 0) kept = load_mask(t.mask + first + i, n);
    // A selection, not a product: what is masked out may be NaN.
    if constexpr (masked == 1 + LOTUS_MASK_GRADIENT) g = kept ? g : F{};
    const F w_old = load(w + i, n, 0.0f);
    g = f.decay * w_old + g;
    if constexpr (heavy) {
      float* b = t.first + first;
      const F b_old = load(b + i, n, 0.0f);
      g = f.momentum * b_old + g;
      store(b + i, masked == 1 + LOTUS_MASK_UPDATE ? (kept ? g : b_old) : g, n);
    }
    F w_new = w_old - rate * g;
    if constexpr (masked == 1 + LOTUS_MASK_UPDATE) w_new = kept ? w_new : w_old;
    store(w + i, w_new, n);
    if constexpr (shadowed) store(reinterpret_cast<Bf16*>(t.shadow) + first + i, w_new, n);
  });
}

}  // namespace

int32_t sgd(const SgdArgs& a) {
  const SgdFactors factors = sgd_factors(a);
  const float rate = (a.pace != nullptr ? *a.pace : sgd_pace(a)).rate;
  const float clip = clip_factor(a.clipping);
  return with_dtype(a.list.dtype, [&](auto type) {
    using T = decltype(type);
    for_tensors(a.list, [&](const lotus_tensor& t, int64_t first, int64_t n) {
      with_variant(t, a.mask_mode, [&](auto masked, auto shadowed) {
        constexpr int kMasked = decltype(masked)::value;
        constexpr bool kShadowed = decltype(shadowed)::value;
        if (a.momentum > 0)
          update<T, kMasked, kShadowed, true>(t, first, n, factors, rate, clip);
        else
          update<T, kMasked, kShadowed, false>(t, first, n, factors, rate, clip);
      });
    });
    return LOTUS_OK;
  });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
