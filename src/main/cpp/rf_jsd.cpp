// rf_jsd: checks, then the backend.
#include "internal.h"

int32_t lotus_rf_jsd(const double* p_sums, int64_t p_stride, const int64_t* p_counts, const double* q_sums,
                     int64_t q_stride, const int64_t* q_counts, int64_t classes, int64_t cols, int32_t subsets,
                     uint64_t seed, double* out, double* subset_out, double* workspace, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "rf_jsd";
  if (classes < 1)
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: classes is %lld; it must be 1 or more", op,
                     static_cast<long long>(classes));
  LOTUS_TRY(check_shape(op, classes, cols, LOTUS_FLOAT32));
  LOTUS_TRY(check_matrix(op, "p_sums", p_sums, classes, cols, p_stride));
  LOTUS_TRY(check_present(op, "p_counts", p_counts));
  LOTUS_TRY(check_matrix(op, "q_sums", q_sums, classes, cols, q_stride));
  LOTUS_TRY(check_present(op, "q_counts", q_counts));
  if (subsets < 0) return set_error(LOTUS_INVALID_ARGUMENT, "%s: subsets is %d; it must be 0 or more", op, subsets);
  LOTUS_TRY(check_present(op, "out", out));
  if (subsets > 0) LOTUS_TRY(check_present(op, "subset_out", subset_out));
  LOTUS_TRY(check_present(op, "workspace", workspace));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  return backend->rf_jsd({p_sums, p_stride, p_counts, q_sums, q_stride, q_counts, classes, cols, subsets, seed, out,
                          subset_out, workspace, device, stream});
}
