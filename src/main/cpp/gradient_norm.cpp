// gradient_norm: checks, then the backend. A list without elements has norm 0, which the backend writes too.
#include "tensor_list.h"

int32_t lotus_gradient_norm(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, double* norm,
                            double* workspace, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "gradient_norm";
  int64_t total;
  LOTUS_TRY(check_tensors(op, tensors, tensor_count, kGradient, &total));
  LOTUS_TRY(check_choice(op, "dtype", dtype, 3));
  LOTUS_TRY(check_present(op, "norm", norm));
  LOTUS_TRY(check_present(op, "workspace", workspace));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  return backend->gradient_norm({{tensors, tensor_count, dtype, device, stream}, norm, workspace});
}
