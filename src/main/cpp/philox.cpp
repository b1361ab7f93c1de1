// philox: checks, then the backend.
#include "internal.h"

int32_t lotus_philox(uint64_t seed, uint32_t step, uint32_t stream_id, const int64_t* samples, int64_t rows,
                     int64_t cols, uint32_t* out, int64_t out_stride, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "philox";
  LOTUS_TRY(check_shape(op, rows, cols, LOTUS_FLOAT32));
  LOTUS_TRY(check_matrix(op, "out", out, rows, cols, out_stride));
  LOTUS_TRY(check_choice(op, "stream_id", static_cast<int32_t>(stream_id), 256));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  return backend->philox({seed, step, stream_id, samples, rows, cols, out, out_stride, device, stream});
}
