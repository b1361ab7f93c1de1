// adamw on the CPU: four arrays read, three written, once each; memory bound. See math/update.h for the arithmetic.
#include "cpu/kernels.h"
#include "cpu/tensors.h"
#include "math/update.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

inline F square_root(F x) {
#if defined(__AVX512F__)
  return (F)_mm512_maskz_sqrt_ps(0xffff, (__m512)x);  // unmasked, GCC 12 warns of its own header
#elif defined(__AVX2__)
  return (F)_mm256_sqrt_ps((__m256)x);
#else
  return (F)__builtin_ia32_sqrtps(x);
#endif
}

// masked: 0 no mask, else 1 + mask mode.
template <class T, int masked, bool shadowed>
void update(const lotus_tensor& t, int64_t first, int64_t count, const AdamWFactors& f,
            const lotus_pace& pace, float clip) {
  float* w = t.weight + first;
  float* m = t.first + first;
  float* v = t.second + first;
  const T* gradient = static_cast<const T*>(t.gradient) + first;
  for_vectors(count, [&](int64_t i, auto n) {
    F g = load(gradient + i, n, 0.0f) * clip;
    I kept = {};
    if constexpr (masked != 0) kept = load_mask(t.mask + first + i, n);
    // A selection, not a product: what is masked out may be NaN.
    if constexpr (masked == 1 + LOTUS_MASK_GRADIENT) g = kept ? g : F{};
    const F w_old = load(w + i, n, 0.0f), m_old = load(m + i, n, 0.0f), v_old = load(v + i, n, 0.0f);
    F m_new = m_old + f.gain1 * (g - m_old);
    F v_new = f.beta2 * v_old + f.gain2 * (g * g);
    F w_new = w_old * pace.decay - pace.rate * (m_new / (square_root(v_new) * pace.root + f.epsilon));
    if constexpr (masked == 1 + LOTUS_MASK_UPDATE) {
      w_new = kept ? w_new : w_old;
      m_new = kept ? m_new : m_old;
      v_new = kept ? v_new : v_old;
    }
    store(w + i, w_new, n);
    store(m + i, m_new, n);
    store(v + i, v_new, n);
    if constexpr (shadowed) store(reinterpret_cast<Bf16*>(t.shadow) + first + i, w_new, n);
  });
}

}  // namespace

int32_t adamw(const AdamWArgs& a) {
  const AdamWFactors factors = adamw_factors(a);
  const lotus_pace pace = a.pace != nullptr ? *a.pace : adamw_pace(a);
  const float clip = clip_factor(a.clipping);
  return with_dtype(a.list.dtype, [&](auto type) {
    using T = decltype(type);
    for_tensors(a.list, [&](const lotus_tensor& t, int64_t first, int64_t n) {
      with_variant(t, a.mask_mode, [&](auto masked, auto shadowed) {
        update<T, decltype(masked)::value, decltype(shadowed)::value>(t, first, n, factors, pace, clip);
      });
    });
    return LOTUS_OK;
  });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
