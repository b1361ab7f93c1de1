// top_k_mask: checks, then the backend.
#include "tensor_list.h"

int32_t lotus_top_k_mask(const lotus_tensor* tensors, int64_t tensor_count, int64_t k, int64_t* workspace,
                         int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "top_k_mask";
  int64_t total;
  LOTUS_TRY(check_tensors(op, tensors, tensor_count, kFirst | kMask, &total));
  if (k < 0 || k > total)
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: k is %lld; it must be 0 to the number of elements, %lld", op,
                     static_cast<long long>(k), static_cast<long long>(total));
  LOTUS_TRY(check_present(op, "workspace", workspace));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (total == 0) return LOTUS_OK;
  return backend->top_k_mask({{tensors, tensor_count, LOTUS_FLOAT32, device, stream}, k, workspace});
}
