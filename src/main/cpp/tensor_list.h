// Checks shared by the operations on a list of tensors (lotus_tensor).
#pragma once

#include "internal.h"

namespace lotus {

// Fields of lotus_tensor that an operation needs, as bits.
enum TensorField : uint32_t { kWeight = 1, kGradient = 2, kFirst = 4, kSecond = 8, kMask = 16 };

// The list and each tensor's count and needed fields; `total` gets the number of elements.
int32_t check_tensors(const char* op, const lotus_tensor* tensors, int64_t tensor_count, uint32_t fields,
                      int64_t* total);

// Finite and at least 0.
int32_t check_not_negative(const char* op, const char* name, double value);

// A momentum or decay rate: 0 <= value < 1.
int32_t check_rate(const char* op, const char* name, double value);

// max_norm, where there is a norm to clip by.
int32_t check_clipping(const char* op, const double* gradient_norm, double max_norm);

}  // namespace lotus
