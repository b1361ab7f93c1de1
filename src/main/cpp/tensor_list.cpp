// Checks shared by the operations on a list of tensors.
#include "tensor_list.h"

#include <math.h>

namespace lotus {

int32_t check_tensors(const char* op, const lotus_tensor* tensors, int64_t tensor_count, uint32_t fields,
                      int64_t* total) {
  *total = 0;
  if (tensor_count < 0)
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: tensor_count is %lld; it must be 0 or more", op,
                     static_cast<long long>(tensor_count));
  if (tensor_count > 0) LOTUS_TRY(check_present(op, "tensors", tensors));
  for (int64_t i = 0; i < tensor_count; ++i) {
    const lotus_tensor& t = tensors[i];
    if (t.count < 0 || __builtin_add_overflow(*total, t.count, total))
      return set_error(LOTUS_INVALID_ARGUMENT, "%s: the count of tensor %lld is %lld; it must be 0 or more", op,
                       static_cast<long long>(i), static_cast<long long>(t.count));
    if (t.count == 0) continue;
    const struct {
      uint32_t bit;
      const char* name;
      const void* data;
    } operands[] = {{kWeight, "weight", t.weight},
                    {kGradient, "gradient", t.gradient},
                    {kFirst, "first", t.first},
                    {kSecond, "second", t.second},
                    {kMask, "mask", t.mask}};
    for (const auto& operand : operands)
      if ((fields & operand.bit) != 0 && operand.data == nullptr)
        return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s of tensor %lld is null", op, operand.name,
                         static_cast<long long>(i));
  }
  return LOTUS_OK;
}

int32_t check_not_negative(const char* op, const char* name, double value) {
  if (value >= 0 && isfinite(value)) return LOTUS_OK;
  return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is %g; it must be finite and at least 0", op, name, value);
}

int32_t check_rate(const char* op, const char* name, double value) {
  if (value >= 0 && value < 1) return LOTUS_OK;
  return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is %g; it must be at least 0 and below 1", op, name, value);
}

int32_t check_clipping(const char* op, const double* gradient_norm, double max_norm) {
  if (gradient_norm == nullptr || max_norm >= 0) return LOTUS_OK;  // infinity clips nothing
  return set_error(LOTUS_INVALID_ARGUMENT, "%s: max_norm is %g; it must be at least 0", op, max_norm);
}

}  // namespace lotus
