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
int32_t rf_jsd(const RfJsdArgs&);
int32_t gradient_norm(const NormArgs&);
int32_t adamw(const AdamWArgs&);
int32_t sgd(const SgdArgs&);
int32_t accumulate(const AccumulateArgs&);
int32_t ssd_dampen(const DampenArgs&);
int32_t top_k_mask(const TopKArgs&);
int32_t gather_augment(const AugmentArgs&);
int32_t resize(const ResizeArgs&);

// The part of evaluate_logits that sums probabilities by label (class_sums.cu); the device is already current.
// nonfinite: null, or the counter of rows that are not finite, of those that are read.
int32_t class_sums(const EvaluateArgs&, int64_t* nonfinite);

// Why the device cannot run these kernels; "" if it can.
const char* reason(int32_t device);

}  // namespace cuda
}  // namespace lotus
