// What an optimizer's step is made of, once the host has done in double all that does not depend on the element.
// Static functions: the CPU levels include this too, and the linker must not share one level's code with another.
#pragma once

#include <math.h>

#include "ops.h"

namespace lotus {

// torch.optim.AdamW (and libtorch's):
//   w *= decay ;  m += gain1 (g - m) ;  v = beta2 v + gain2 g^2 ;  w -= rate * m / (sqrt(v) * root + epsilon)
struct AdamWFactors {
  float decay;         // 1 - lr wd
  float gain1;         // 1 - beta1
  float beta2, gain2;  // beta2, 1 - beta2
  float rate;          // lr / (1 - beta1^step)
  float root;          // 1 / sqrt(1 - beta2^step)
  float epsilon;
};

static inline AdamWFactors adamw_factors(const AdamWArgs& a) {
  const double step = static_cast<double>(a.step);
  return {static_cast<float>(1 - a.lr * a.weight_decay),
          static_cast<float>(1 - a.beta1),
          static_cast<float>(a.beta2),
          static_cast<float>(1 - a.beta2),
          static_cast<float>(a.lr / (1 - pow(a.beta1, step))),
          static_cast<float>(1 / sqrt(1 - pow(a.beta2, step))),
          static_cast<float>(a.epsilon)};
}

// torch.optim.SGD:  g += decay w ;  b = momentum b + g ;  w -= rate b
struct SgdFactors {
  float decay, momentum, rate;
};

static inline SgdFactors sgd_factors(const SgdArgs& a) {
  return {static_cast<float>(a.weight_decay), static_cast<float>(a.momentum), static_cast<float>(a.lr)};
}

}  // namespace lotus
