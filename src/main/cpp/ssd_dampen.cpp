// ssd_dampen: checks, then the backend.
#include "tensor_list.h"

int32_t lotus_ssd_dampen(const lotus_tensor* tensors, int64_t tensor_count, float selection, float dampening,
                         float exponent, float bound, int64_t* dampened, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "ssd_dampen";
  int64_t total;
  LOTUS_TRY(check_tensors(op, tensors, tensor_count, kWeight | kFirst | kSecond, &total));
  LOTUS_TRY(check_not_negative(op, "selection", selection));
  LOTUS_TRY(check_not_negative(op, "dampening", dampening));
  LOTUS_TRY(check_not_negative(op, "exponent", exponent));
  LOTUS_TRY(check_not_negative(op, "bound", bound));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (total == 0) return LOTUS_OK;
  return backend->ssd_dampen({{tensors, tensor_count, LOTUS_FLOAT32, device, stream}, selection, dampening, exponent,
                              bound, dampened});
}
