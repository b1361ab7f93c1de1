// The functions of one CPU level, one a file beside this; backend.cpp lists them.
#pragma once

#include "ops.h"

namespace lotus {
namespace LOTUS_LEVEL {

int32_t philox(const PhiloxArgs&);
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

}  // namespace LOTUS_LEVEL
}  // namespace lotus
