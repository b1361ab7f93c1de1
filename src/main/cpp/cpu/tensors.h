// How threads share a list of tensors: the elements of all tensors, one after the other, are cut into ranges of equal
// work; a cut may fall anywhere in a tensor, but inside one only on a multiple of kGrain. So an element is always met at
// the same place of a vector, whole or part, and no result depends on where the cuts fall.
#pragma once

#include <omp.h>

#include "cpu/simd.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {

constexpr int64_t kGrain = 256;

inline int64_t element_count(const TensorList& list) {
  int64_t total = 0;
  for (int64_t i = 0; i < list.count; ++i) total += list.tensors[i].count;
  return total;
}

// A place in the list that only moves forward.
class Cursor {
 public:
  explicit Cursor(const TensorList& list) : list_(list) {}
  // Calls body(tensor, first, n) for the elements between two positions, piece by piece; positions count the elements
  // of the whole list and are rounded down to a grain of their tensor.
  template <class Body>
  void walk(int64_t begin, int64_t end, Body body) {
    for (; tensor_ < list_.count; start_ += list_.tensors[tensor_++].count) {
      const lotus_tensor& t = list_.tensors[tensor_];
      const int64_t first = place(begin, t.count), last = place(end, t.count);
      if (last > first) body(t, first, last - first);
      if (end < start_ + t.count) return;
    }
  }

 private:
  int64_t place(int64_t position, int64_t count) const {
    const int64_t offset = position - start_;
    return offset <= 0 ? 0 : offset >= count ? count : offset / kGrain * kGrain;
  }
  const TensorList& list_;
  int64_t tensor_ = 0, start_ = 0;
};

// One thread's part of the list.
struct Share {
  const TensorList& list;
  int64_t index, begin, end;
  // Calls body(tensor, first, n) for each piece.
  template <class Body>
  void walk(Body body) const {
    Cursor(list).walk(begin, end, body);
  }
};

// Calls body(share) on each thread, on at most `most` of them.
template <class Body>
inline void for_shares(const TensorList& list, int most, Body body) {
  const int64_t total = element_count(list);
  const int useful = threads_for(total), threads = useful < most ? useful : most;
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    const int64_t index = omp_get_thread_num(), shares = omp_get_num_threads();
    const int64_t size = total / shares, rest = total % shares;
    const int64_t begin = index * size + (index < rest ? index : rest);
    body(Share{list, index, begin, begin + size + (index < rest ? 1 : 0)});
  }
}

// Calls body(tensor, first, n) for all pieces of all tensors, shared by the threads.
template <class Body>
inline void for_tensors(const TensorList& list, Body body) {
  for_shares(list, INT32_MAX, [&](const Share& share) { share.walk(body); });
}

// ---- Masks: a byte an element ----
typedef uint8_t B __attribute__((vector_size(LOTUS_SIMD_BYTES / 4)));

inline I load_mask(const uint8_t* p, Whole) {
  B b;
  __builtin_memcpy(&b, p, sizeof b);
  return __builtin_convertvector(b, I) != 0;
}
inline I load_mask(const uint8_t* p, Part part) {
  B b{};
  __builtin_memcpy(&b, p, static_cast<size_t>(part.n));
  return __builtin_convertvector(b, I) != 0;
}

// Calls body(masked, shadowed) with constants as types: masked is 0 without a mask, else 1 + the mask mode.
template <int n>
struct Constant {
  static constexpr int value = n;
};
template <class Body>
inline void with_variant(const lotus_tensor& t, int32_t mask_mode, Body body) {
  const auto with_shadow = [&](auto masked) {
    if (t.shadow != nullptr)
      body(masked, Constant<1>{});
    else
      body(masked, Constant<0>{});
  };
  if (t.mask == nullptr)
    with_shadow(Constant<0>{});
  else if (mask_mode == LOTUS_MASK_GRADIENT)
    with_shadow(Constant<1 + LOTUS_MASK_GRADIENT>{});
  else
    with_shadow(Constant<1 + LOTUS_MASK_UPDATE>{});
}

// What a gradient is multiplied by so that its norm stays within max_norm, as torch's clip_grad_norm_: a norm of NaN
// makes every gradient NaN.
inline float clip_factor(const Clipping& clipping) {
  if (clipping.norm == nullptr) return 1.0f;
  const double factor = clipping.max_norm / (*clipping.norm + 1e-6);
  return factor > 1.0 ? 1.0f : static_cast<float>(factor);
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
