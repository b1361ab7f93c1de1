// cross_entropy: checks, then the backend.
#include "internal.h"

int32_t lotus_cross_entropy(const void* logits, int64_t logits_stride, const int64_t* labels, int64_t rows,
                            int64_t cols, int32_t dtype, const float* class_weight, float label_smoothing,
                            const float* row_weight, int64_t* correct, float* loss, void* gradient,
                            int64_t gradient_stride, float gradient_scale, int64_t* nonfinite_rows, int32_t device,
                            void* stream) {
  using namespace lotus;
  constexpr const char* op = "cross_entropy";
  LOTUS_TRY(check_shape(op, rows, cols, dtype));
  LOTUS_TRY(check_matrix(op, "logits", logits, rows, cols, logits_stride));
  if (rows > 0) LOTUS_TRY(check_present(op, "labels", labels));
  if (!(label_smoothing >= 0 && label_smoothing < 1))
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: label_smoothing is %g; it must be 0 or more and less than 1", op,
                     static_cast<double>(label_smoothing));
  if (gradient != nullptr) LOTUS_TRY(check_matrix(op, "gradient", gradient, rows, cols, gradient_stride));
  LOTUS_TRY(check_in_place(op, {"gradient", gradient, gradient_stride}, {"logits", logits, logits_stride}));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  return backend->cross_entropy({logits, logits_stride, labels, rows, cols, dtype, class_weight, label_smoothing,
                                 row_weight, correct, loss, gradient, gradient_stride, gradient_scale, nonfinite_rows,
                                 device, stream});
}
