// evaluate_logits: checks, then the backend.
#include "internal.h"

int32_t lotus_evaluate_logits(const void* logits, int64_t logits_stride, const int64_t* labels, int64_t rows,
                              int64_t cols, int32_t dtype, int64_t* correct, float* loss, float* entropy,
                              double* class_sums, int64_t class_sums_stride, int64_t* class_counts,
                              const int32_t* class_slot, int64_t slots, int64_t* nonfinite_rows, int32_t device,
                              void* stream) {
  using namespace lotus;
  constexpr const char* op = "evaluate_logits";
  LOTUS_TRY(check_shape(op, rows, cols, dtype));
  LOTUS_TRY(check_matrix(op, "logits", logits, rows, cols, logits_stride));
  if (rows > 0) LOTUS_TRY(check_present(op, "labels", labels));
  if ((class_sums == nullptr) != (class_counts == nullptr))
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: class_sums and class_counts come together; %s is null", op,
                     class_sums == nullptr ? "class_sums" : "class_counts");
  if (class_sums != nullptr)
    LOTUS_TRY(check_class_slots(op, class_sums, class_sums_stride, cols, class_slot, slots));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  return backend->evaluate_logits({logits, logits_stride, labels, rows, cols, dtype, correct, loss, entropy, class_sums,
                                   class_sums_stride, class_counts, class_slot, slots, nonfinite_rows, device,
                                   stream});
}
