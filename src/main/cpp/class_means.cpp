// class_means: checks, then evaluate_logits with sums by class as its only output.
#include "internal.h"

int32_t lotus_class_means(const void* logits, int64_t logits_stride, const int64_t* labels, int64_t rows, int64_t cols,
                          int32_t dtype, double* class_sums, int64_t class_sums_stride, int64_t* class_counts,
                          const int32_t* class_slot, int64_t slots, int64_t* nonfinite_rows, int32_t device,
                          void* stream) {
  using namespace lotus;
  constexpr const char* op = "class_means";
  LOTUS_TRY(check_shape(op, rows, cols, dtype));
  LOTUS_TRY(check_matrix(op, "logits", logits, rows, cols, logits_stride));
  if (rows > 0) LOTUS_TRY(check_present(op, "labels", labels));
  LOTUS_TRY(check_present(op, "class_sums", class_sums));
  LOTUS_TRY(check_present(op, "class_counts", class_counts));
  LOTUS_TRY(check_class_slots(op, class_sums, class_sums_stride, cols, class_slot, slots));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  return backend->evaluate_logits({logits, logits_stride, labels, rows, cols, dtype, nullptr, nullptr, nullptr,
                                   class_sums, class_sums_stride, class_counts, class_slot, slots, nonfinite_rows,
                                   device, stream});
}
