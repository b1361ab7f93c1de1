// gradient_norm on the CPU. Squares are taken in double: neither 1e30 nor 1e-30 leaves its range.
//
// The list is cut into at most LOTUS_NORM_WORKSPACE chunks by its length alone; each chunk's sum goes to its place in
// the workspace and these are added in order, so the threads may take what chunks they like.
#include <math.h>

#include "cpu/kernels.h"
#include "cpu/tensors.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr int64_t kSmallestChunk = 2048;

// A vector's two halves in double. Spelled out: GCC 12 takes a convertvector to twice the width through the stack.
typedef double Half __attribute__((vector_size(LOTUS_SIMD_BYTES)));
#if defined(__AVX512F__)
inline Half lower(F x) { return (Half)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x)); }
inline Half upper(F x) { return (Half)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1)); }
#elif defined(__AVX2__)
inline Half lower(F x) { return (Half)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x)); }
inline Half upper(F x) { return (Half)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1)); }
#else
inline Half lower(F x) { return Half{x[0], x[1]}; }
inline Half upper(F x) { return Half{x[2], x[3]}; }
#endif

template <class T>
double sum_of_squares(const T* x, int64_t count) {
  Half low{}, high{};
  for_vectors(count, [&](int64_t i, auto n) {
    const F g = load(x + i, n, 0.0f);
    low += lower(g) * lower(g);
    high += upper(g) * upper(g);
  });
  const Half sums = low + high;
  double total = 0;
  for (int lane = 0; lane < kWidth / 2; ++lane) total += sums[lane];
  return total;
}

template <class T>
int32_t run(const NormArgs& a) {
  const int64_t total = element_count(a.list);
  const int64_t smallest = (total + LOTUS_NORM_WORKSPACE - 1) / LOTUS_NORM_WORKSPACE;
  const int64_t chunk = smallest > kSmallestChunk ? smallest : kSmallestChunk;
  const int64_t chunks = (total + chunk - 1) / chunk;
  const int threads = threads_for(total);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    Cursor cursor(a.list);
    // Static: each thread's chunks come in rising order, as the cursor moves.
#pragma omp for schedule(static)
    for (int64_t c = 0; c < chunks; ++c) {
      double sum = 0;
      cursor.walk(c * chunk, c + 1 < chunks ? (c + 1) * chunk : total, [&](const lotus_tensor& t, int64_t first, int64_t n) {
        sum += sum_of_squares(static_cast<const T*>(t.gradient) + first, n);
      });
      a.workspace[c] = sum;
    }
  }
  double squares = 0;
  for (int64_t c = 0; c < chunks; ++c) squares += a.workspace[c];
  a.norm[0] = sqrt(squares);
  return LOTUS_OK;
}

}  // namespace

int32_t gradient_norm(const NormArgs& a) {
  return with_dtype(a.list.dtype, [&](auto type) { return run<decltype(type)>(a); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
