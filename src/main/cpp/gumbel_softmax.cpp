// gumbel_softmax: checks, then the backend.
#include "internal.h"

int32_t lotus_gumbel_softmax(const void* logits, int64_t logits_stride, int64_t rows, int64_t cols, int32_t dtype,
                             float tau, int32_t hard, uint64_t seed, uint32_t step, uint32_t stream_id,
                             const int64_t* samples, const float* noise, int64_t noise_stride, void* out,
                             int64_t out_stride, int64_t* nonfinite_rows, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "gumbel_softmax";
  LOTUS_TRY(check_shape(op, rows, cols, dtype));
  LOTUS_TRY(check_matrix(op, "logits", logits, rows, cols, logits_stride));
  LOTUS_TRY(check_positive(op, "tau", tau));
  LOTUS_TRY(check_choice(op, "stream_id", static_cast<int32_t>(stream_id), 256));
  if (noise != nullptr) LOTUS_TRY(check_matrix(op, "noise", noise, rows, cols, noise_stride));
  LOTUS_TRY(check_matrix(op, "out", out, rows, cols, out_stride));
  LOTUS_TRY(check_in_place(op, {"out", out, out_stride}, {"logits", logits, logits_stride}));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  return backend->gumbel_softmax({logits, logits_stride, rows, cols, dtype, tau, hard != 0, seed, step, stream_id,
                                  samples, noise, noise_stride, out, out_stride, nonfinite_rows, device, stream});
}
