// sgd: checks, then the backend.
#include "tensor_list.h"

int32_t lotus_sgd(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, double lr, double momentum,
                  double weight_decay, int32_t mask_mode, const double* gradient_norm, double max_norm,
                  const lotus_pace* pace, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "sgd";
  int64_t total;
  LOTUS_TRY(check_not_negative(op, "lr", lr));
  LOTUS_TRY(check_rate(op, "momentum", momentum));
  LOTUS_TRY(check_not_negative(op, "weight_decay", weight_decay));
  LOTUS_TRY(check_tensors(op, tensors, tensor_count, kWeight | kGradient | (momentum > 0 ? kFirst : 0u), &total));
  LOTUS_TRY(check_choice(op, "dtype", dtype, 3));
  LOTUS_TRY(check_choice(op, "mask_mode", mask_mode, 2));
  LOTUS_TRY(check_clipping(op, gradient_norm, max_norm));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (total == 0) return LOTUS_OK;
  return backend->sgd({{tensors, tensor_count, dtype, device, stream}, lr, momentum, weight_decay, mask_mode,
                       {gradient_norm, max_norm}, pace});
}
