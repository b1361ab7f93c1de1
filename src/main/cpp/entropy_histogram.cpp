// entropy_histogram: checks, then evaluate_logits with the histogram as its only output.
#include <math.h>

#include "internal.h"

int32_t lotus_entropy_histogram(const void* logits, int64_t logits_stride, int64_t rows, int64_t cols, int32_t dtype,
                                float low, float high, int32_t bins, int64_t* counts, int64_t* nonfinite_rows,
                                int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "entropy_histogram";
  LOTUS_TRY(check_shape(op, rows, cols, dtype));
  LOTUS_TRY(check_matrix(op, "logits", logits, rows, cols, logits_stride));
  if (!isfinite(low) || !isfinite(high) || !(low < high))
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: low is %g, high is %g; they must be finite, low below high", op,
                     static_cast<double>(low), static_cast<double>(high));
  if (bins < 1) return set_error(LOTUS_INVALID_ARGUMENT, "%s: bins is %d; it must be 1 or more", op, bins);
  LOTUS_TRY(check_present(op, "counts", counts));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  EvaluateArgs a{};
  a.logits = logits, a.logits_stride = logits_stride;
  a.rows = rows, a.cols = cols, a.dtype = dtype;
  a.nonfinite_rows = nonfinite_rows;
  a.device = device, a.stream = stream;
  a.histogram = counts, a.low = low, a.high = high, a.bins = bins;
  return backend->evaluate_logits(a);
}
