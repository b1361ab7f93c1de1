// gumbel_cross_entropy on the CPU: one row a thread, its logits read once from memory.
//
//   forget row   z = t + g                    target = softmax(z / tau)
//   retain row   y = argmax(t + g)            target = onehot(y)
//   loss = log sum_c exp(s_c - m) - sum_c target_c (s_c - m),   m = max s
//   gradient = scale (exp(s - m) / sum - target)
//
// Subtracting m inside both terms keeps the loss exact where log-sum-exp and the dot product would cancel. z and
// exp(s - m) of the row wait in scratch for the sums they are divided by.
#include <math.h>

#include "cpu/kernels.h"
#include "cpu/rows.h"
#include "cpu/scores.h"
#include "cpu/scratch.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr int64_t kChunkElements = 8192;  // some ten microseconds of work

template <class T>
struct Row {
  const T* student;
  const T* teacher;
  const float* noise;  // ready-made, or null
  float* loss;         // or null
  T* gradient;         // or null
};

// Returns false where the row is not finite.
template <class T>
bool forget_row(const Row<T>& row, int64_t cols, const NoiseKey* key, float tau, float scale, float* scratch) {
  float* target = scratch;
  float* student = scratch + (cols + kWidth - 1) / kWidth * kWidth;

  const float top_z = noisy_scores(row.teacher, cols, row.noise, key, target);
  const float top = row_max(row.student, cols);
  const float inverse = inverse_of(tau);
  double target_sum = 0, student_sum = 0, dot = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F target_piece{}, student_piece{}, dot_piece{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F weight = exp_nonpositive((load(target + c + i, n, -kInfinity) - top_z) * inverse);
      const F s = load(row.student + c + i, n, -kInfinity) - top;
      const F e = exp_nonpositive(s);
      store(target + c + i, weight, n);
      store(student + c + i, e, n);
      target_piece += weight;
      student_piece += e;
      dot_piece += weight > 0.0f ? weight * s : F{};  // a masked class has weight 0 and s = -inf
    });
    target_sum += sum(target_piece);
    student_sum += sum(student_piece);
    dot += sum(dot_piece);
  }
  // NaN, +inf and all -inf each turn one of the sums into NaN (inf - inf above).
  if (!(target_sum > 0 && student_sum > 0)) return false;

  if (row.loss != nullptr) *row.loss = static_cast<float>(log(student_sum) - dot / target_sum);
  if (row.gradient != nullptr) {
    const float student_scale = static_cast<float>(scale / student_sum);
    const float target_scale = static_cast<float>(scale / target_sum);
    for_vectors(cols, [&](int64_t i, auto n) {
      store(row.gradient + i, load(student + i, n, 0.0f) * student_scale - load(target + i, n, 0.0f) * target_scale, n);
    });
  }
  return true;
}

template <class T>
bool retain_row(const Row<T>& row, int64_t cols, const NoiseKey* key, float scale, float* scratch) {
  const int64_t target = noisy_argmax(row.teacher, cols, row.noise, key);
  const float top = row_max(row.student, cols);
  const double student_sum = exponentials(row.student, cols, top, 1.0f, scratch);
  if (target < 0 || !(student_sum > 0)) return false;

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
  const lotus_draw draw = a.draw != nullptr ? *a.draw : lotus_draw{a.step, a.tau};
  const int threads = threads_for(a.rows * a.cols);
  const int64_t chunk = a.cols < kChunkElements ? kChunkElements / a.cols : 1;
  int64_t nonfinite = 0;
  int32_t out_of_memory = 0;
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : nonfinite) reduction(| : out_of_memory)
  {
    float* scratch = thread_scratch().floats(2 * a.cols + 2 * kWidth);
    out_of_memory |= scratch == nullptr;
    // A forget row costs nearly twice a retain row, and either kind may stand together: whoever is free takes the next.
#pragma omp for schedule(dynamic, chunk)
    for (int64_t b = 0; b < a.rows; ++b) {
      if (scratch == nullptr) continue;
      const bool forget = a.is_forget[b] != 0;
      const bool draws = forget ? a.forget_target == LOTUS_FORGET_GUMBEL_SOFTMAX : a.retain_target == LOTUS_RETAIN_GUMBEL_HARD;
      const uint32_t stream_id = forget ? LOTUS_STREAM_FORGET_TARGET : LOTUS_STREAM_RETAIN_TARGET;
      const NoiseKey key{a.seed, draw.step, stream_id, a.samples != nullptr ? a.samples[b] : b};
      const Row<T> row{static_cast<const T*>(a.student) + b * a.student_stride,
                       static_cast<const T*>(a.teacher) + b * a.teacher_stride,
                       draws && a.noise != nullptr ? a.noise + b * a.noise_stride : nullptr,
                       a.loss != nullptr ? a.loss + b : nullptr,
                       a.gradient != nullptr ? static_cast<T*>(a.gradient) + b * a.gradient_stride : nullptr};
      const NoiseKey* drawn = draws ? &key : nullptr;
      const bool finite = forget ? forget_row(row, a.cols, drawn, draw.tau, a.gradient_scale, scratch)
                                 : retain_row(row, a.cols, drawn, a.gradient_scale, scratch);
      if (!finite) {
        poison(row.loss, row.gradient, a.cols);
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
