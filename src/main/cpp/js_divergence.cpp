// js_divergence: checks, then the backend.
#include "internal.h"

int32_t lotus_js_divergence(const void* p, int64_t p_stride, const void* q, int64_t q_stride, int64_t rows,
                            int64_t cols, int32_t dtype, int32_t input_kind, int32_t form, double* row_out,
                            double* total, double* workspace, void* gradient, int64_t gradient_stride,
                            float gradient_scale, int64_t* nonfinite_rows, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "js_divergence";
  LOTUS_TRY(check_shape(op, rows, cols, dtype));
  LOTUS_TRY(check_matrix(op, "p", p, rows, cols, p_stride));
  LOTUS_TRY(check_matrix(op, "q", q, rows, cols, q_stride));
  LOTUS_TRY(check_choice(op, "input_kind", input_kind, 2));
  LOTUS_TRY(check_choice(op, "form", form, 3));
  if (gradient != nullptr) {
    LOTUS_TRY(check_matrix(op, "gradient", gradient, rows, cols, gradient_stride));
    if (input_kind != LOTUS_LOGITS)
      return set_error(LOTUS_INVALID_ARGUMENT, "%s: a gradient is of logits alone; input_kind is %d", op, input_kind);
    if (gradient == p && gradient_stride != p_stride)
      return set_error(LOTUS_INVALID_ARGUMENT, "%s: in place the strides must agree; p has %lld, gradient %lld", op,
                       static_cast<long long>(p_stride), static_cast<long long>(gradient_stride));
    if (gradient == q)
      return set_error(LOTUS_INVALID_ARGUMENT, "%s: gradient is q, which it would overwrite; only p may be", op);
    if (!(gradient_scale - gradient_scale == 0))
      return set_error(LOTUS_INVALID_ARGUMENT, "%s: gradient_scale is %g; it must be finite", op,
                       static_cast<double>(gradient_scale));
  }
  if (rows > 0) LOTUS_TRY(check_present(op, "row_out", row_out));
  if (rows > 0 && form == LOTUS_JSD_UPSTREAM) LOTUS_TRY(check_present(op, "workspace", workspace));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  return backend->js_divergence({p, p_stride, q, q_stride, rows, cols, dtype, input_kind, form, row_out, total,
                                 workspace, gradient, gradient_stride, gradient_scale, nonfinite_rows, device, stream});
}
