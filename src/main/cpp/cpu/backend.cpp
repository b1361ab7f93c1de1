// The table of one CPU level: cpu_x86_64, cpu_v3 or cpu_v4.
#include "cpu/kernels.h"
#include "internal.h"

#define LOTUS_JOIN2(a, b) a##b
#define LOTUS_JOIN(a, b) LOTUS_JOIN2(a, b)

namespace lotus {

const Backend LOTUS_JOIN(cpu_, LOTUS_LEVEL) = {
    LOTUS_LEVEL::philox,
    LOTUS_LEVEL::gumbel_noise,
    LOTUS_LEVEL::gumbel_softmax,
    LOTUS_LEVEL::gumbel_cross_entropy,
    LOTUS_LEVEL::distillation,
    LOTUS_LEVEL::cross_entropy,
    LOTUS_LEVEL::evaluate_logits,
    LOTUS_LEVEL::js_divergence,
    LOTUS_LEVEL::rf_jsd,
    LOTUS_LEVEL::gradient_norm,
    LOTUS_LEVEL::adamw,
    LOTUS_LEVEL::sgd,
    LOTUS_LEVEL::accumulate,
    LOTUS_LEVEL::ssd_dampen,
    LOTUS_LEVEL::top_k_mask,
    LOTUS_LEVEL::gather_augment,
    LOTUS_LEVEL::resize,
};

}  // namespace lotus
