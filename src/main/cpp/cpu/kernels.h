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

}  // namespace LOTUS_LEVEL
}  // namespace lotus
