// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), for host and device.
// The counter layout is lotus.h's; dev.lotus.kernel.Philox is the same in Java.
#pragma once

#include <stdint.h>

#if defined(__CUDACC__) || defined(LOTUS_CUDA_EMULATION)
#define LOTUS_HD __host__ __device__ __forceinline__
#define LOTUS_HD_MEMBER LOTUS_HD
#else
#define LOTUS_HD static inline  // static: the CPU levels must not share one copy (cpu/simd.h)
#define LOTUS_HD_MEMBER inline        // of a type in a namespace without a name
#endif

namespace lotus {

constexpr uint32_t kPhiloxM0 = 0xD2511F53u;
constexpr uint32_t kPhiloxM1 = 0xCD9E8D57u;
constexpr uint32_t kPhiloxW0 = 0x9E3779B9u;  // golden ratio
constexpr uint32_t kPhiloxW1 = 0xBB67AE85u;  // sqrt(3) - 1
constexpr int kPhiloxRounds = 10;

struct PhiloxWords {
  uint32_t v[4];
};

// The four words that belong to classes 4 * block .. 4 * block + 3 of one sample.
LOTUS_HD PhiloxWords philox(uint64_t seed, uint32_t step, uint32_t stream_id, int64_t sample, uint32_t block) {
  const uint64_t s = static_cast<uint64_t>(sample);
  uint32_t x0 = block;
  uint32_t x1 = static_cast<uint32_t>(s);
  uint32_t x2 = static_cast<uint32_t>(s >> 32) << 8 | stream_id;
  uint32_t x3 = step;
  uint32_t k0 = static_cast<uint32_t>(seed);
  uint32_t k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t a = static_cast<uint64_t>(kPhiloxM0) * x0;
    const uint64_t b = static_cast<uint64_t>(kPhiloxM1) * x2;
    x0 = static_cast<uint32_t>(b >> 32) ^ x1 ^ k0;
    x1 = static_cast<uint32_t>(b);
    x2 = static_cast<uint32_t>(a >> 32) ^ x3 ^ k1;
    x3 = static_cast<uint32_t>(a);
    k0 += kPhiloxW0;
    k1 += kPhiloxW1;
  }
  return {{x0, x1, x2, x3}};
}

// ---- Uniform and Gumbel ----
// u = (n + 0.5) 2^-24 with n = word >> 8 has 25 significant bits and does not fit a float near 1, where -log u
// is small and the noise largest. Both branches below start from an EXACT float: near 0 from k = 2 n + 1 itself
// (u = k 2^-25), near 1 from 2^25 - k (1 - u = that 2^-25).
constexpr uint32_t kUniformHalf = 1u << 24;   // k of u = 1/2
constexpr uint32_t kUniformOne = 1u << 25;    // k of u = 1
constexpr float kUniformUnit = 0x1p-25f;

LOTUS_HD uint32_t uniform_odd(uint32_t word) { return word >> 7 | 1u; }  // k

}  // namespace lotus
