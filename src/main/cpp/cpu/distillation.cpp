// distillation on the CPU: one row a thread, its two rows of logits read once from memory, then from the cache.
//
//   x = (t - max t) / T,   P = sum e^x,   p = e^x / P          y, Q, q likewise of the student s
//   d = log p - log q = (x - y) - (log P - log Q)
//   KL = sum p d = sum [p d + q - p] = sum p f(d),   f(d) = d - 1 + e^-d >= 0         (sum p = sum q = 1)
//
// Where teacher and student nearly agree sum p d is a small difference of large terms, sum p f(d) is a sum of small
// ones: none is negative, and since sum p f'(d) = sum (p - q) = 0 an error common to every d (that of log P - log Q)
// counts only in its square. f(d) = d^2 / 2 - d^3 / 6 + ... below kNear, p d + q - p beyond, where nothing cancels. So
// too the gradient q - p = p (e^-d - 1) = -p d (1 - d / 2 + ...).
#include <math.h>

#include "cpu/kernels.h"
#include "cpu/rows.h"
#include "cpu/scratch.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr float kNear = 0.25f;

template <class T>
struct Row {
  const T* student;
  const T* teacher;
  float* loss;   // or null
  T* gradient;   // or null
  float scale;   // of the gradient q - p
  bool accumulate;
};

// log P - log Q. Between sums that are close the rounding of each would show, the sum of the differences does not.
inline float log_ratio(double teacher_sum, double student_sum, double difference) {
  const double relative = difference / student_sum;
  return static_cast<float>(fabs(relative) < 0.5 ? log1p(relative) : log(teacher_sum / student_sum));
}

struct Scales {
  float per_teacher, per_student;  // 1 / P, 1 / Q
  float teacher_top, student_top, inverse, shift;
  float gradient;
};

// The loss, and the gradient's row, from e^x and e^y.
template <bool kLoss, bool kGradient, class T>
float results(const Row<T>& row, int64_t cols, const Scales k, const float* teacher, const float* student) {
  T* gradient = row.gradient;
  const bool accumulate = row.accumulate;
  double loss = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F t = load(row.teacher + c + i, n, -kInfinity), s = load(row.student + c + i, n, -kInfinity);
      const F p = load(teacher + c + i, n, 0.0f) * k.per_teacher, q = load(student + c + i, n, 0.0f) * k.per_student;
      // NaN where both sides are masked, +inf where the student alone is.
      const F d = (t - k.teacher_top) * k.inverse - (s - k.student_top) * k.inverse - k.shift;
      const I near = (d < kNear) & (d > -kNear);
      const F small = near ? d : F{};
      const F p_small = p * small;
      if constexpr (kLoss) {
        const F series =
            0.5f + small * (-1.0f / 6 + small * (1.0f / 24 + small * (-1.0f / 120 + small * (1.0f / 720))));
        const F far = (p > 0.0f ? p * d : F{}) + (q - p);
        const F term = near ? p_small * small * series : far;
        // The formula's own infinity, though the teacher's p may be below the smallest float.
        partial += (s == -kInfinity) & (t > -kInfinity) ? splat(kInfinity) : term;
      }
      if constexpr (kGradient) {
        const F series = 1.0f + small * (-0.5f + small * (1.0f / 6 + small * (-1.0f / 24 + small * (1.0f / 120))));
        const F g = (near ? -p_small * series : q - p) * k.gradient;
        store(gradient + c + i, accumulate ? load(gradient + c + i, n, 0.0f) + g : g, n);
      }
    });
    loss += sum(partial);
  }
  return static_cast<float>(loss);
}

// Returns false where the row is not finite.
template <class T>
bool distillation_row(const Row<T>& row, int64_t cols, float inverse, float* scratch) {
  float* teacher = scratch;
  float* student = scratch + (cols + kWidth - 1) / kWidth * kWidth;
  const float teacher_top = row_max(row.teacher, cols), student_top = row_max(row.student, cols);
  const double teacher_sum = exponentials(row.teacher, cols, teacher_top, inverse, teacher);
  double student_sum = 0, difference = 0;
  for (int64_t c = 0; c < cols; c += kPiece) {
    F partial{}, partial_difference{};
    for_vectors(cols - c < kPiece ? cols - c : kPiece, [&](int64_t i, auto n) {
      const F e = exp_nonpositive((load(row.student + c + i, n, -kInfinity) - student_top) * inverse);
      store(student + c + i, e, n);
      partial += e;
      partial_difference += load(teacher + c + i, n, 0.0f) - e;
    });
    student_sum += sum(partial);
    difference += sum(partial_difference);
  }
  // NaN, +inf and all -inf each turn one of the sums into NaN (inf - inf).
  if (!(teacher_sum > 0 && student_sum > 0)) return false;

  const Scales scales{static_cast<float>(1.0 / teacher_sum),
                      static_cast<float>(1.0 / student_sum),
                      teacher_top,
                      student_top,
                      inverse,
                      log_ratio(teacher_sum, student_sum, difference),
                      row.scale};
  if (row.loss != nullptr && row.gradient == nullptr)
    *row.loss = results<true, false>(row, cols, scales, teacher, student);
  else if (row.loss != nullptr)
    *row.loss = results<true, true>(row, cols, scales, teacher, student);
  else if (row.gradient != nullptr)
    results<false, true>(row, cols, scales, teacher, student);
  return true;
}

template <class T>
int32_t run(const DistillationArgs& a) {
  const int threads = threads_for(2 * a.rows * a.cols);
  const float inverse = inverse_of(a.temperature);
  int64_t nonfinite = 0;
  int32_t out_of_memory = 0;
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : nonfinite) reduction(| : out_of_memory)
  {
    float* scratch = thread_scratch().floats(2 * a.cols + 2 * kWidth);
    out_of_memory |= scratch == nullptr;
#pragma omp for schedule(static)
    for (int64_t b = 0; b < a.rows; ++b) {
      if (scratch == nullptr) continue;
      const bool other = a.use_other != nullptr && a.use_other[b] != 0;
      const Row<T> row{static_cast<const T*>(a.student) + b * a.student_stride,
                       other ? static_cast<const T*>(a.other_teacher) + b * a.other_stride
                             : static_cast<const T*>(a.teacher) + b * a.teacher_stride,
                       a.loss != nullptr ? a.loss + b : nullptr,
                       a.gradient != nullptr ? static_cast<T*>(a.gradient) + b * a.gradient_stride : nullptr,
                       a.gradient_scale * inverse * (a.row_weight != nullptr ? a.row_weight[b] : 1.0f),
                       a.accumulate};
      if (distillation_row(row, a.cols, inverse, scratch)) continue;
      poison(row.loss, row.gradient, a.cols);
      ++nonfinite;
    }
  }
  if (out_of_memory != 0)
    return set_error(LOTUS_OUT_OF_MEMORY, "distillation: no memory for the scratch of %lld columns",
                     static_cast<long long>(a.cols));
  if (a.nonfinite_rows != nullptr) *a.nonfinite_rows += nonfinite;
  return LOTUS_OK;
}

}  // namespace

int32_t distillation(const DistillationArgs& a) {
  return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
