// square_accumulate and abs_accumulate: checks, then one backend function.
#include <math.h>

#include "tensor_list.h"

namespace lotus {
namespace {

int32_t accumulate(const char* op, const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype,
                   Accumulation kind, float scale, int32_t device, void* stream) {
  int64_t total;
  LOTUS_TRY(check_tensors(op, tensors, tensor_count, kGradient | kFirst, &total));
  LOTUS_TRY(check_choice(op, "dtype", dtype, 3));
  if (!isfinite(scale)) return set_error(LOTUS_INVALID_ARGUMENT, "%s: scale is %g; it must be finite", op, scale);
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (total == 0) return LOTUS_OK;
  return backend->accumulate({{tensors, tensor_count, dtype, device, stream}, kind, scale});
}

}  // namespace
}  // namespace lotus

int32_t lotus_square_accumulate(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, float scale,
                                int32_t device, void* stream) {
  return lotus::accumulate("square_accumulate", tensors, tensor_count, dtype, lotus::Accumulation::kSquare, scale,
                           device, stream);
}

int32_t lotus_abs_accumulate(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, float scale,
                             int32_t keep_sign, int32_t device, void* stream) {
  return lotus::accumulate("abs_accumulate", tensors, tensor_count, dtype,
                           keep_sign != 0 ? lotus::Accumulation::kSigned : lotus::Accumulation::kAbsolute, scale,
                           device, stream);
}
