// distillation: checks, then the backend.
#include "internal.h"

int32_t lotus_distillation(const void* student, int64_t student_stride, const void* teacher, int64_t teacher_stride,
                           const void* other_teacher, int64_t other_stride, const uint8_t* use_other,
                           const float* row_weight, int64_t rows, int64_t cols, int32_t dtype, float temperature,
                           float* loss, void* gradient, int64_t gradient_stride, float gradient_scale,
                           int32_t accumulate, int64_t* nonfinite_rows, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "distillation";
  LOTUS_TRY(check_shape(op, rows, cols, dtype));
  LOTUS_TRY(check_matrix(op, "student", student, rows, cols, student_stride));
  LOTUS_TRY(check_matrix(op, "teacher", teacher, rows, cols, teacher_stride));
  if ((other_teacher == nullptr) != (use_other == nullptr))
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: other_teacher and use_other come together; %s is null", op,
                     other_teacher == nullptr ? "other_teacher" : "use_other");
  if (other_teacher != nullptr)
    LOTUS_TRY(check_matrix(op, "other_teacher", other_teacher, rows, cols, other_stride));
  LOTUS_TRY(check_positive(op, "temperature", temperature));
  if (gradient != nullptr) {
    LOTUS_TRY(check_matrix(op, "gradient", gradient, rows, cols, gradient_stride));
    LOTUS_TRY(check_in_place(op, {"gradient", gradient, gradient_stride}, {"student", student, student_stride}));
    LOTUS_TRY(check_not_same(op, "gradient", gradient, "teacher", teacher));
    LOTUS_TRY(check_not_same(op, "gradient", gradient, "other_teacher", other_teacher));
    if (accumulate != 0 && gradient == student)
      return set_error(LOTUS_INVALID_ARGUMENT, "%s: accumulate is %d, but gradient is in place of student", op,
                       accumulate);
  }
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  return backend->distillation({student, student_stride, teacher, teacher_stride, other_teacher, other_stride,
                                use_other, row_weight, rows, cols, dtype, temperature, loss, gradient, gradient_stride,
                                gradient_scale, accumulate != 0, nonfinite_rows, device, stream});
}
