// adamw: checks, then the backend.
#include "math/update.h"
#include "tensor_list.h"

namespace lotus {
namespace {
constexpr const char* kOp = "adamw";

int32_t check_rates(double lr, double beta1, double beta2, double weight_decay, int64_t step) {
  LOTUS_TRY(check_not_negative(kOp, "lr", lr));
  LOTUS_TRY(check_rate(kOp, "beta1", beta1));
  LOTUS_TRY(check_rate(kOp, "beta2", beta2));
  LOTUS_TRY(check_not_negative(kOp, "weight_decay", weight_decay));
  if (step < 1)
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: step is %lld; steps count from 1", kOp,
                     static_cast<long long>(step));
  return LOTUS_OK;
}

}  // namespace
}  // namespace lotus

int32_t lotus_adamw_pace(double lr, double beta1, double beta2, double weight_decay, int64_t step, lotus_pace* pace) {
  using namespace lotus;
  LOTUS_TRY(check_rates(lr, beta1, beta2, weight_decay, step));
  LOTUS_TRY(check_present(kOp, "pace", pace));
  *pace = adamw_pace(lr, beta1, beta2, weight_decay, step);
  return LOTUS_OK;
}

int32_t lotus_adamw(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, double lr, double beta1,
                    double beta2, double epsilon, double weight_decay, int64_t step, int32_t mask_mode,
                    const double* gradient_norm, double max_norm, const lotus_pace* pace, int32_t device,
                    void* stream) {
  using namespace lotus;
  int64_t total;
  LOTUS_TRY(check_tensors(kOp, tensors, tensor_count, kWeight | kGradient | kFirst | kSecond, &total));
  LOTUS_TRY(check_choice(kOp, "dtype", dtype, 3));
  LOTUS_TRY(check_rates(lr, beta1, beta2, weight_decay, step));
  LOTUS_TRY(check_not_negative(kOp, "epsilon", epsilon));
  LOTUS_TRY(check_choice(kOp, "mask_mode", mask_mode, 2));
  LOTUS_TRY(check_clipping(kOp, gradient_norm, max_norm));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (total == 0) return LOTUS_OK;
  return backend->adamw({{tensors, tensor_count, dtype, device, stream}, lr, beta1, beta2, epsilon, weight_decay,
                         step, mask_mode, {gradient_norm, max_norm}, pace});
}
