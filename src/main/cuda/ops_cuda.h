// The operations of this folder, one file each; table.cu hands them to liblotus.
#pragma once

#include "ops.h"

namespace lotus {
namespace cuda {

int32_t philox_words(const PhiloxArgs&);
int32_t gumbel_noise(const NoiseArgs&);
int32_t gumbel_softmax(const GumbelSoftmaxArgs&);
int32_t gumbel_cross_entropy(const GumbelArgs&);
int32_t distillation(const DistillationArgs&);
int32_t cross_entropy(const CrossEntropyArgs&);
int32_t evaluate_logits(const EvaluateArgs&);
int32_t js_divergence(const JsdArgs&);

// The part of evaluate_logits that sums probabilities by label (class_sums.cu); the device is already current.
int32_t class_sums(const EvaluateArgs&);

// Why the device cannot run these kernels; "" if it can.
const char* reason(int32_t device);

}  // namespace cuda
}  // namespace lotus
