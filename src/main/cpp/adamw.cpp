// adamw: checks, then the backend.
#include "tensor_list.h"

int32_t lotus_adamw(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, double lr, double beta1,
                    double beta2, double epsilon, double weight_decay, int64_t step, int32_t mask_mode,
                    const double* gradient_norm, double max_norm, int32_t device, void* stream) {
  using namespace lotus;
  constexpr const char* op = "adamw";
  int64_t total;
  LOTUS_TRY(check_tensors(op, tensors, tensor_count, kWeight | kGradient | kFirst | kSecond, &total));
  LOTUS_TRY(check_choice(op, "dtype", dtype, 3));
  LOTUS_TRY(check_not_negative(op, "lr", lr));
  LOTUS_TRY(check_rate(op, "beta1", beta1));
  LOTUS_TRY(check_rate(op, "beta2", beta2));
  LOTUS_TRY(check_not_negative(op, "epsilon", epsilon));
  LOTUS_TRY(check_not_negative(op, "weight_decay", weight_decay));
  if (step < 1)
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: step is %lld; steps count from 1", op, static_cast<long long>(step));
  LOTUS_TRY(check_choice(op, "mask_mode", mask_mode, 2));
  LOTUS_TRY(check_clipping(op, gradient_norm, max_norm));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (total == 0) return LOTUS_OK;
  return backend->adamw({{tensors, tensor_count, dtype, device, stream}, lr, beta1, beta2, epsilon, weight_decay,
                         step, mask_mode, {gradient_norm, max_norm}});
}
