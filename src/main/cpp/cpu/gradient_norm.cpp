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

template <class T>
double sum_of_squares(const T* x, int64_t count) {
  D sums{};
  for_vectors(count, [&](int64_t i, auto n) {
    const D wide = __builtin_convertvector(load(x + i, n, 0.0f), D);
    sums += wide * wide;
  });
  double total = 0;
  for (int lane = 0; lane < kWidth; ++lane) total += sums[lane];
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
