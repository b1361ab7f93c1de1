// Philox words and Gumbel noise for a run of classes of one row, two vectors at a time.
#pragma once

#include "math/philox.h"
#include "simd.h"

namespace lotus {
namespace LOTUS_LEVEL {

constexpr int kNoiseStep = 2 * kWidth;  // classes a call of philox_words yields
constexpr int kBlocks = kWidth / 2;     // counters side by side, one a 64-bit lane

struct NoiseKey {
  uint64_t seed;
  uint32_t step, stream_id;
  int64_t sample;
};

struct Words {
  U low, high;  // classes 4 block .. 4 block + kWidth - 1, and the kWidth after them
};

// 64-bit lanes times a 32-bit constant: only the lower half of each lane is read (vpmuludq), so rubbish above it
// needs no masking; that is why words live in 64-bit lanes until the end.
inline U64 multiply_low(U64 x, uint32_t m) {
#if defined(__AVX512F__)
  return (U64)_mm512_mul_epu32((__m512i)x, _mm512_set1_epi64(m));
#elif defined(__AVX2__)
  return (U64)_mm256_mul_epu32((__m256i)x, _mm256_set1_epi64x(m));
#else
  return (x & 0xffffffffu) * static_cast<uint64_t>(m);
#endif
}

inline Words philox_words(const NoiseKey& key, uint32_t block) {
  U64 x0;
  for (int i = 0; i < kBlocks; ++i) x0[i] = static_cast<uint32_t>(block + i);
  const uint64_t s = static_cast<uint64_t>(key.sample);
  U64 x1 = U64{} + static_cast<uint32_t>(s);
  U64 x2 = U64{} + static_cast<uint32_t>(static_cast<uint32_t>(s >> 32) << 8 | key.stream_id);
  U64 x3 = U64{} + key.step;
  uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const U64 a = multiply_low(x0, kPhiloxM0);
    const U64 b = multiply_low(x2, kPhiloxM1);
    x0 = (b >> 32) ^ x1 ^ static_cast<uint64_t>(k0);
    x1 = b;
    x2 = (a >> 32) ^ x3 ^ static_cast<uint64_t>(k1);
    x3 = a;
    k0 += kPhiloxW0;
    k1 += kPhiloxW1;
  }
  // Lane i holds words 4 i .. 4 i + 3 in x0 .. x3; put them side by side.
  const U64 even = (x0 & 0xffffffffu) | x1 << 32;
  const U64 odd = (x2 & 0xffffffffu) | x3 << 32;
  U64 first, second;
  for (int i = 0; i < kBlocks; ++i) {
    first[i] = i;
    second[i] = i;
  }
  for (int i = 0; i < kBlocks / 2; ++i) {
    first[2 * i] = i;
    first[2 * i + 1] = i + kBlocks;
    second[2 * i] = i + kBlocks / 2;
    second[2 * i + 1] = i + kBlocks / 2 + kBlocks;
  }
  return {(U)__builtin_shuffle(even, odd, first), (U)__builtin_shuffle(even, odd, second)};
}

// g = -log(-log u), from exact floats on either side of u = 1/2 (math/philox.h).
inline F gumbel(U word) {
  const I k = (I)(word >> 7 | 1u);
  const Reduced low = reduce(to_float(k));
  // 1 - u = d: for 1 - d >= sqrt(1/2) the reduced argument is -d itself, below it 2 (1 - d) - 1 with exponent -1.
  const F d = to_float(static_cast<int32_t>(kUniformOne) - k) * kUniformUnit;
  const I near_one = d < 0.29289f;
  const F high_r = near_one ? -d : 1.0f - 2.0f * d;
  const F high_e = near_one ? F{} : splat(-1.0f);
  const I upper = k >= static_cast<int32_t>(kUniformHalf);
  const F exponential = -log_reduced(upper ? high_r : low.r, upper ? high_e : low.e - 25.0f);
  return -log_positive(exponential);
}

// Noise of classes [first, first + n); `first` is a multiple of 4; out has room for n rounded up to kNoiseStep.
inline void fill_gumbel(const NoiseKey& key, int64_t first, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += kNoiseStep) {
    const Words words = philox_words(key, static_cast<uint32_t>((first + i) / 4));
    store(out + i, gumbel(words.low), Whole{});
    if (i + kWidth < n) store(out + i + kWidth, gumbel(words.high), Whole{});
  }
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
