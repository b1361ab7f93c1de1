// gumbel_noise: checks, then the backend.
#include "internal.h"

int32_t lotus_gumbel_noise(uint64_t seed, uint32_t step, uint32_t stream_id, const int64_t* samples, int64_t rows,
                           int64_t cols, int32_t dtype, void* out, int64_t out_stride, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "gumbel_noise";
  LOTUS_TRY(check_shape(op, rows, cols, dtype));
  LOTUS_TRY(check_matrix(op, "out", out, rows, cols, out_stride));
  LOTUS_TRY(check_choice(op, "stream_id", static_cast<int32_t>(stream_id), 256));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  return backend->gumbel_noise({seed, step, stream_id, samples, rows, cols, dtype, out, out_stride, device, stream});
}
