// square_accumulate and abs_accumulate on the CPU.
#include "cpu/kernels.h"
#include "cpu/tensors.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

template <class T, Accumulation kind>
void add(const lotus_tensor& t, int64_t first, int64_t count, float scale) {
  const T* gradient = static_cast<const T*>(t.gradient) + first;
  float* sum = t.first + first;
  for_vectors(count, [&](int64_t i, auto n) {
    F g = load(gradient + i, n, 0.0f);
    if constexpr (kind == Accumulation::kSquare) g = g * g;
    if constexpr (kind == Accumulation::kAbsolute) g = as_float(as_int(g) & 0x7fffffff);
    store(sum + i, load(sum + i, n, 0.0f) + scale * g, n);
  });
}

template <class T, Accumulation kind>
int32_t run(const AccumulateArgs& a) {
  for_tensors(a.list, [&](const lotus_tensor& t, int64_t first, int64_t n) { add<T, kind>(t, first, n, a.scale); });
  return LOTUS_OK;
}

}  // namespace

int32_t accumulate(const AccumulateArgs& a) {
  return with_dtype(a.list.dtype, [&](auto type) {
    using T = decltype(type);
    switch (a.kind) {
      case Accumulation::kSquare:
        return run<T, Accumulation::kSquare>(a);
      case Accumulation::kAbsolute:
        return run<T, Accumulation::kAbsolute>(a);
      default:
        return run<T, Accumulation::kSigned>(a);
    }
  });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
