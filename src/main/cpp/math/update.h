// What an optimizer's step is made of, once the host has done in double all that does not depend on the element.
// Static functions: the CPU levels include this too, and the linker must not share one level's code with another.
#pragma once

#include <math.h>

#include "ops.h"

namespace lotus {

// torch.optim.AdamW (and libtorch's):
//   w *= decay ;  m += gain1 (g - m) ;  v = beta2 v + gain2 g^2 ;  w -= rate * m / (sqrt(v) * root + epsilon)
// with decay, rate and root in a lotus_pace, of a step.
struct AdamWFactors {
  float gain1;         // 1 - beta1
  float beta2, gain2;  // beta2, 1 - beta2
  float epsilon;
};

static inline AdamWFactors adamw_factors(const AdamWArgs& a) {
  return {static_cast<float>(1 - a.beta1), static_cast<float>(a.beta2), static_cast<float>(1 - a.beta2),
          static_cast<float>(a.epsilon)};
}

static inline lotus_pace adamw_pace(double lr, double beta1, double beta2, double weight_decay, int64_t steps) {
  const double step = static_cast<double>(steps);
  return {static_cast<float>(1 - lr * weight_decay), static_cast<float>(lr / (1 - pow(beta1, step))),
          static_cast<float>(1 / sqrt(1 - pow(beta2, step)))};
}

static inline lotus_pace adamw_pace(const AdamWArgs& a) {
  return adamw_pace(a.lr, a.beta1, a.beta2, a.weight_decay, a.step);
}

// torch.optim.SGD:  g += decay w ;  b = momentum b + g ;  w -= rate b
struct SgdFactors {
  float decay, momentum;
};

static inline SgdFactors sgd_factors(const SgdArgs& a) {
  return {static_cast<float>(a.weight_decay), static_cast<float>(a.momentum)};
}

static inline lotus_pace sgd_pace(const SgdArgs& a) { return {1, static_cast<float>(a.lr), 1}; }

}  // namespace lotus
