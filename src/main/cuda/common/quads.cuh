// How rows meet threads. A QUAD is four consecutive classes, 4 q .. 4 q + 3: the classes of one Philox block. Thread
// k of a row's n threads owns quads k, k + n, k + 2 n ...: one fixed order of summation for a row, whatever the
// dtype, the alignment and the grid.
//
// A quad is moved by 4, 2 or 1 elements at a time: the largest `width` that divides C, every stride and every base
// address (all counted in elements), so an access is aligned and lies wholly inside a row or wholly outside: no
// tails. The width is an argument, not a template parameter: the branch is the same for the whole launch and stands
// outside the unrolled loops, and a third of the kernels is left to compile. (A warp's 8-byte bf16 accesses fill
// whole 32-byte sectors, so 16-byte ones would move no fewer bytes.)
#pragma once

#include <cuda_runtime.h>
#include <stdint.h>
#include <string.h>

#include "math/half.h"
#include "ops.h"

namespace lotus {
namespace cuda {

// ---- Element types ----
struct Bf16 {
  uint16_t bits;
};
struct Fp16 {
  uint16_t bits;
};

__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ float widen(Bf16 x) { return __uint_as_float(static_cast<uint32_t>(x.bits) << 16); }

__device__ __forceinline__ void narrow(float x, float& out) { out = x; }
// Round to nearest, ties to even.
__device__ __forceinline__ void narrow(float x, Bf16& out) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(out.bits) : "f"(x));
#else
  out.bits = bf16_bits(x);
#endif
}

__device__ __forceinline__ float widen(Fp16 x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
#else
  return fp16_value(x.bits);
#endif
}
__device__ __forceinline__ void narrow(float x, Fp16& out) {
#ifdef __CUDA_ARCH__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(out.bits) : "f"(x));
#else
  out.bits = fp16_bits(x);
#endif
}

// Calls body with a value of the element type, to take its type from.
template <class Body>
int32_t with_dtype(int32_t dtype, Body body) {
  switch (dtype) {
    case LOTUS_FLOAT32:
      return body(float{});
    case LOTUS_BFLOAT16:
      return body(Bf16{});
    default:
      return body(Fp16{});
  }
}

// ---- One access of W elements ----
template <int bytes>
struct Word;
template <>
struct Word<2> {
  using Type = uint16_t;
};
template <>
struct Word<4> {
  using Type = uint32_t;
};
template <>
struct Word<8> {
  using Type = uint2;
};
template <>
struct Word<16> {
  using Type = uint4;
};

template <int W, class T>
__device__ __forceinline__ void read(const T* from, float* to) {
  using Access = typename Word<W * sizeof(T)>::Type;
  const Access word = *reinterpret_cast<const Access*>(from);
  T element[W];
  memcpy(element, &word, sizeof word);
#pragma unroll
  for (int j = 0; j < W; ++j) to[j] = widen(element[j]);
}

template <int W, class T>
__device__ __forceinline__ void write(const float* from, T* to) {
  using Access = typename Word<W * sizeof(T)>::Type;
  T element[W];
#pragma unroll
  for (int j = 0; j < W; ++j) narrow(from[j], element[j]);
  Access word;
  memcpy(&word, element, sizeof word);
  *reinterpret_cast<Access*>(to) = word;
}

// ---- Q quads of a row: quads first, first + step, ...; classes beyond C read as `fill` and are not written ----
template <int W, int Q, class T>
__device__ __forceinline__ void load_by(const T* row, int first, int step, int cols, float fill, float (&x)[4 * Q]) {
#pragma unroll
  for (int i = 0; i < Q; ++i) {
    const int c = 4 * (first + i * step);
#pragma unroll
    for (int j = 0; j < 4; j += W) {
      if (c + j < cols) {
        read<W>(row + c + j, x + 4 * i + j);
      } else {
#pragma unroll
        for (int k = 0; k < W; ++k) x[4 * i + j + k] = fill;
      }
    }
  }
}

template <int W, int Q, class T>
__device__ __forceinline__ void store_by(T* row, int first, int step, int cols, const float (&x)[4 * Q]) {
#pragma unroll
  for (int i = 0; i < Q; ++i) {
    const int c = 4 * (first + i * step);
#pragma unroll
    for (int j = 0; j < 4; j += W)
      if (c + j < cols) write<W>(x + 4 * i + j, row + c + j);
  }
}

template <int Q, class T>
__device__ __forceinline__ void load_quads(const T* row, int first, int step, int cols, int width, float fill,
                                           float (&x)[4 * Q]) {
  if (width == 4)
    load_by<4, Q>(row, first, step, cols, fill, x);
  else if (width == 2)
    load_by<2, Q>(row, first, step, cols, fill, x);
  else
    load_by<1, Q>(row, first, step, cols, fill, x);
}

template <int Q, class T>
__device__ __forceinline__ void store_quads(T* row, int first, int step, int cols, int width, const float (&x)[4 * Q]) {
  if (width == 4)
    store_by<4, Q>(row, first, step, cols, x);
  else if (width == 2)
    store_by<2, Q>(row, first, step, cols, x);
  else
    store_by<1, Q>(row, first, step, cols, x);
}

// ---- Launch shapes ----
// C <= kWarpCols: a warp or a part of one a row, the row's values in registers (Q quads a lane). Beyond: a block a row,
// or a team of them (team.cuh).
constexpr int kWarpCols = 1024;
constexpr int kWarpBlockThreads = 128;

struct WarpRows {
  int lanes;  // threads a row: a power of two, at most 32
  int quads;  // Q
};

inline WarpRows warp_rows(int64_t cols) {
  WarpRows shape{1, 1};
  while (shape.lanes < 32 && 4 * shape.lanes < cols) shape.lanes *= 2;
  while (4 * 32 * shape.quads < cols) shape.quads *= 2;
  return shape;
}

// Short rows leave most of 512 threads idle at the barriers. Depends on C alone, as the order of summation does.
inline int block_threads(int64_t cols) { return cols <= 4096 ? 256 : 512; }

// Calls body with the integer Q as a type (Q::value).
template <int n>
struct Int {
  static constexpr int value = n;
};
template <class Body>
int32_t with_quads(int quads, Body body) {
  switch (quads) {
    case 1:
      return body(Int<1>{});
    case 2:
      return body(Int<2>{});
    case 4:
      return body(Int<4>{});
    default:
      return body(Int<8>{});
  }
}

// The width of an access: starts at 4 and is lowered by C and by each matrix.
class AccessWidth {
 public:
  explicit AccessWidth(int64_t cols) { divide(static_cast<uint64_t>(cols)); }
  AccessWidth& matrix(const void* data, int64_t stride, int64_t element_bytes) {
    if (data == nullptr) return *this;
    divide(static_cast<uint64_t>(stride));
    divide(reinterpret_cast<uintptr_t>(data) / static_cast<uint64_t>(element_bytes));
    return *this;
  }
  int value() const { return width_; }

 private:
  void divide(uint64_t n) {
    while (n % static_cast<uint64_t>(width_) != 0) width_ /= 2;
  }
  int width_ = 4;
};

inline int64_t element_bytes(int32_t dtype) { return dtype == LOTUS_FLOAT32 ? 4 : 2; }

}  // namespace cuda
}  // namespace lotus
