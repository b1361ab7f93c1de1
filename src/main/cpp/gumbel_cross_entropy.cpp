// gumbel_cross_entropy: checks, then the backend. The mathematics stands in cpu/ and in src/main/cuda.
#include "internal.h"

int32_t lotus_gumbel_cross_entropy(const void* student, int64_t student_stride, const void* teacher,
                                   int64_t teacher_stride, const uint8_t* is_forget, int64_t rows, int64_t cols,
                                   int32_t dtype, float tau, int32_t forget_target, int32_t retain_target,
                                   uint64_t seed, uint32_t step, const int64_t* samples, const float* noise,
                                   int64_t noise_stride, float* loss, void* gradient, int64_t gradient_stride,
                                   float gradient_scale, int64_t* nonfinite_rows, const lotus_draw* draw,
                                   int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "gumbel_cross_entropy";
  LOTUS_TRY(check_shape(op, rows, cols, dtype));
  LOTUS_TRY(check_matrix(op, "student", student, rows, cols, student_stride));
  LOTUS_TRY(check_matrix(op, "teacher", teacher, rows, cols, teacher_stride));
  if (rows > 0) LOTUS_TRY(check_present(op, "is_forget", is_forget));
  if (noise != nullptr) LOTUS_TRY(check_matrix(op, "noise", noise, rows, cols, noise_stride));
  if (gradient != nullptr) LOTUS_TRY(check_matrix(op, "gradient", gradient, rows, cols, gradient_stride));
  LOTUS_TRY(check_in_place(op, {"gradient", gradient, gradient_stride}, {"student", student, student_stride}));
  LOTUS_TRY(check_choice(op, "forget_target", forget_target, 2));
  LOTUS_TRY(check_choice(op, "retain_target", retain_target, 2));
  LOTUS_TRY(check_positive(op, "tau", tau));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  LOTUS_TRY(check_not_same(op, "gradient", gradient, "teacher", teacher));
  LOTUS_TRY(check_not_same(op, "gradient", gradient, "noise", noise));
  if (rows == 0) return LOTUS_OK;
  return backend->gumbel_cross_entropy({student, student_stride, teacher, teacher_stride, is_forget, rows, cols, dtype,
                                        tau, forget_target, retain_target, seed, step, samples, noise, noise_stride,
                                        loss, gradient, gradient_stride, gradient_scale, nonfinite_rows, device,
                                        stream, draw});
}
