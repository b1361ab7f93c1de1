// gumbel_cross_entropy on the CPU: one row a thread, its logits read once from memory.
//
//   forget row   z = t + g                    target = softmax(z / tau)
//   retain row   y = argmax(t + g)            target = onehot(y)
//   loss = log sum_c exp(s_c - m) - sum_c target_c (s_c - m),   m = max s
//   gradient = scale (exp(s - m) / sum - target)
//
// Subtracting m inside both terms keeps the loss exact where log-sum-exp and the dot product would cancel. Noise is
// made a piece of a row at a time, so that it stays in the first-level cache; z and exp(s - m) of the row wait in
// scratch for the sums they are divided by.
#include <math.h>

#include "cpu/kernels.h"
#include "cpu/noise.h"
#include "cpu/scratch.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr int64_t kNoisePiece = 512;

template <class T>
struct Row {
  const T* student;
  const T* teacher;
  const float* noise;  // ready-made, or null
  float* loss;         // or null
  T* gradient;         // or null
};

// Calls body(c, n, noise) for pieces of [0, cols): noise of classes c .. c + n - 1, or zeros where none is wanted.
template <class Body>
inline void for_noise_pieces(int64_t cols, const float* ready, const NoiseKey* key, Body body) {
  alignas(64) float made[kNoisePiece];
  if (ready == nullptr && key == nullptr) __builtin_memset(made, 0, sizeof made);
  for (int64_t c = 0; c < cols; c += kNoisePiece) {
    const int64_t n = cols - c < kNoisePiece ? cols - c : kNoisePiece;
    if (ready == nullptr && key != nullptr) fill_gumbel(*key, c, n, made);
    body(c, n, ready != nullptr ? ready + c : made);
  }
}

// out = exp((x - top) * scale), scale > 0, and the sum of it. Subtracting first keeps small temperatures accurate.
template <class T>
inline double exponentials(const T* x, int64_t cols, float top, float scale, float* out) {
  double total = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F e = exp_nonpositive((load(x + c + i, n, -kInfinity) - top) * scale);
      store(out + c + i, e, n);
      partial += e;
    });
    total += sum(partial);
  }
  return total;
}

template <class T>
inline float row_max(const T* x, int64_t cols) {
  F top = splat(-kInfinity);
  for_vectors(cols, [&](int64_t i, auto n) { top = max(load(x + i, n, -kInfinity), top); });
  return max(top);
}

template <class T>
inline void poison(const Row<T>& row, int64_t cols) {
  if (row.loss != nullptr) *row.loss = NAN;
  if (row.gradient == nullptr) return;
  for_vectors(cols, [&](int64_t i, auto n) { store(row.gradient + i, splat(NAN), n); });
}

// Returns false where the row is not finite.
template <class T>
bool forget_row(const Row<T>& row, int64_t cols, const NoiseKey* key, float tau, float scale, float* scratch) {
  float* target = scratch;
  float* student = scratch + (cols + kWidth - 1) / kWidth * kWidth;

  F top_z = splat(-kInfinity);
  for_noise_pieces(cols, row.noise, key, [&](int64_t c, int64_t n, const float* noise) {
    for_vectors(n, [&](int64_t i, auto lanes) {
      const F z = load(row.teacher + c + i, lanes, -kInfinity) + load(noise + i, lanes, 0.0f);
      store(target + c + i, z, lanes);
      top_z = max(z, top_z);
    });
  });
  // 1 / tau of the smallest temperatures overflows, and 0 * inf is NaN.
  const float inverse = 1.0f / tau < kLargest ? 1.0f / tau : kLargest;
  const double target_sum = exponentials(target, cols, max(top_z), inverse, target);
  const float top = row_max(row.student, cols);
  const double student_sum = exponentials(row.student, cols, top, 1.0f, student);
  // NaN, +inf and all -inf each turn one of the sums into NaN (inf - inf above).
  if (!(target_sum > 0 && student_sum > 0)) return false;

  const float per_target = static_cast<float>(1.0 / target_sum);
  if (row.loss != nullptr) {
    double dot = 0;
    for (int64_t c = 0; c < cols; c += kPiece) {
      F partial{};
      for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
        const F weight = load(target + c + i, n, 0.0f);
        const F s = load(row.student + c + i, n, 0.0f) - top;
        partial += weight > 0.0f ? weight * s : F{};  // a masked class has weight 0 and s = -inf
      });
      dot += sum(partial);
    }
    *row.loss = static_cast<float>(log(student_sum) - dot / target_sum);
  }
  if (row.gradient != nullptr) {
    const float student_scale = static_cast<float>(scale / student_sum);
    const float target_scale = per_target * scale;
    for_vectors(cols, [&](int64_t i, auto n) {
      store(row.gradient + i, load(student + i, n, 0.0f) * student_scale - load(target + i, n, 0.0f) * target_scale, n);
    });
  }
  return true;
}

template <class T>
bool retain_row(const Row<T>& row, int64_t cols, const NoiseKey* key, float scale, float* scratch) {
  F best = splat(-kInfinity);
  I index = splat(int32_t{-1});
  I invalid{};
  for_noise_pieces(cols, row.noise, key, [&](int64_t c, int64_t n, const float* noise) {
    for_vectors(n, [&](int64_t i, auto lanes) {
      const F z = load(row.teacher + c + i, lanes, -kInfinity) + load(noise + i, lanes, 0.0f);
      const I better = z > best;
      best = better ? z : best;
      index = better ? splat(static_cast<int32_t>(c + i)) + lane_index() : index;
      invalid |= ~(z < kInfinity);
    });
  });
  int64_t target = -1;
  float target_score = -kInfinity;
  bool finite = true;
  for (int lane = 0; lane < kWidth; ++lane) {
    finite &= invalid[lane] == 0;
    // The first of equal scores, as argmax has it.
    const bool earlier = best[lane] == target_score && index[lane] < target;
    if (index[lane] >= 0 && (best[lane] > target_score || earlier)) {
      target = index[lane];
      target_score = best[lane];
    }
  }
  const float top = row_max(row.student, cols);
  const double student_sum = exponentials(row.student, cols, top, 1.0f, scratch);
  if (!finite || target < 0 || !(student_sum > 0)) return false;

  // Read before the gradient may overwrite the student.
  const float at_target = load(row.student + target, Part{1}, 0.0f)[0];
  if (row.loss != nullptr) *row.loss = static_cast<float>(log(student_sum) - (static_cast<double>(at_target) - top));
  if (row.gradient != nullptr) {
    const float student_scale = static_cast<float>(scale / student_sum);
    for_vectors(cols, [&](int64_t i, auto n) {
      store(row.gradient + i, load(scratch + i, n, 0.0f) * student_scale, n);
    });
    store(row.gradient + target, splat(scratch[target] * student_scale - scale), Part{1});
  }
  return true;
}

template <class T>
int32_t run(const GumbelArgs& a) {
  const int threads = threads_for(a.rows * a.cols);
  int64_t nonfinite = 0;
  int32_t out_of_memory = 0;
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : nonfinite) reduction(| : out_of_memory)
  {
    float* scratch = thread_scratch().floats(2 * a.cols + 2 * kWidth);
    out_of_memory |= scratch == nullptr;
#pragma omp for schedule(static)
    for (int64_t b = 0; b < a.rows; ++b) {
      if (scratch == nullptr) continue;
      const bool forget = a.is_forget[b] != 0;
      const bool draws = forget ? a.forget_target == LOTUS_FORGET_GUMBEL_SOFTMAX : a.retain_target == LOTUS_RETAIN_GUMBEL_HARD;
      const uint32_t stream_id = forget ? LOTUS_STREAM_FORGET_TARGET : LOTUS_STREAM_RETAIN_TARGET;
      const NoiseKey key{a.seed, a.step, stream_id, a.samples != nullptr ? a.samples[b] : b};
      const Row<T> row{static_cast<const T*>(a.student) + b * a.student_stride,
                       static_cast<const T*>(a.teacher) + b * a.teacher_stride,
                       draws && a.noise != nullptr ? a.noise + b * a.noise_stride : nullptr,
                       a.loss != nullptr ? a.loss + b : nullptr,
                       a.gradient != nullptr ? static_cast<T*>(a.gradient) + b * a.gradient_stride : nullptr};
      const NoiseKey* drawn = draws ? &key : nullptr;
      const bool finite = forget ? forget_row(row, a.cols, drawn, a.tau, a.gradient_scale, scratch)
                                 : retain_row(row, a.cols, drawn, a.gradient_scale, scratch);
      if (!finite) {
        poison(row, a.cols);
        ++nonfinite;
      }
    }
  }
  if (out_of_memory != 0)
    return set_error(LOTUS_OUT_OF_MEMORY, "gumbel_cross_entropy: no memory for the scratch of %lld columns",
                     static_cast<long long>(a.cols));
  if (a.nonfinite_rows != nullptr) *a.nonfinite_rows += nonfinite;
  return LOTUS_OK;
}

}  // namespace

int32_t gumbel_cross_entropy(const GumbelArgs& a) {
  return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
