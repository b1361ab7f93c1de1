// The functions of one CPU level, one a file beside this; backend.cpp lists them.
#pragma once

#include "ops.h"

namespace lotus {
namespace LOTUS_LEVEL {

int32_t philox(const PhiloxArgs&);
int32_t gumbel_cross_entropy(const GumbelArgs&);
int32_t evaluate_logits(const EvaluateArgs&);
int32_t js_divergence(const JsdArgs&);
int32_t gather_augment(const AugmentArgs&);

}  // namespace LOTUS_LEVEL
}  // namespace lotus
