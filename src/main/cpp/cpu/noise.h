// Philox words and Gumbel noise for a run of classes of one row, two vectors at a time.
#pragma once

#include "math/philox.h"
#include "simd.h"

namespace lotus {
namespace LOTUS_LEVEL {

constexpr int kNoiseStep = 2 * kWidth;  // classes that PhiloxRow yields at once
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
  return (U64)_mm_mul_epu32((__m128i)x, _mm_set1_epi64x(m));
#endif
}

// The words of one row. Only the counter's first word changes along it, so half of the first two rounds is done once.
class PhiloxRow {
 public:
  explicit PhiloxRow(const NoiseKey& key) {
    uint32_t k0 = static_cast<uint32_t>(key.seed), k1 = static_cast<uint32_t>(key.seed >> 32);
    for (int round = 0; round < kPhiloxRounds; ++round) {
      key0_[round] = k0;
      key1_[round] = k1;
      k0 += kPhiloxW0;
      k1 += kPhiloxW1;
    }
    const uint64_t s = static_cast<uint64_t>(key.sample);
    const uint32_t x2 = static_cast<uint32_t>(s >> 32) << 8 | key.stream_id;
    const uint64_t b = static_cast<uint64_t>(x2) * kPhiloxM1;
    const uint32_t x0 = static_cast<uint32_t>(b >> 32) ^ static_cast<uint32_t>(s) ^ key0_[0];
    const uint64_t a = static_cast<uint64_t>(x0) * kPhiloxM0;
    key1_[0] ^= key.step;
    key0_[1] ^= static_cast<uint32_t>(b);
    key1_[1] ^= static_cast<uint32_t>(a >> 32);
    key1_[2] ^= static_cast<uint32_t>(a);
  }

  // Classes 4 block .. 4 block + kNoiseStep - 1.
  Words words(uint32_t block) const {
    // Lane 2 j has block j, lane 2 j + 1 the block half a vector on: then an interleave of pairs ends in order.
    U64 lane;
    for (int i = 0; i < kBlocks; ++i) lane[i] = i / 2 + i % 2 * (kBlocks / 2);
    U64 a = multiply_low(lane + block, kPhiloxM0);
    U64 b = multiply_low((a >> 32) ^ key1(0), kPhiloxM1);
    U64 x0 = (b >> 32) ^ key0(1), x1 = b, x2 = a ^ key1(1), x3;
    a = multiply_low(x0, kPhiloxM0);
    b = multiply_low(x2, kPhiloxM1);
    x0 = (b >> 32) ^ (x1 ^ key0(2));
    x1 = b;
    x2 = (a >> 32) ^ key1(2);
    x3 = a;
#pragma GCC unroll 16
    for (int round = 3; round < kPhiloxRounds - 1; ++round) {
      a = multiply_low(x0, kPhiloxM0);
      b = multiply_low(x2, kPhiloxM1);
      x0 = (b >> 32) ^ (x1 ^ key0(round));
      x1 = b;
      x2 = (a >> 32) ^ (x3 ^ key1(round));
      x3 = a;
    }
    a = multiply_low(x0, kPhiloxM0);
    b = multiply_low(x2, kPhiloxM1);
    // The last round leaves words 0 and 1 side by side in a lane, and words 2 and 3.
    const U64 even = swap_halves(b) ^ ((x1 ^ key0(kPhiloxRounds - 1)) & 0xffffffffu);
    const U64 odd = swap_halves(a) ^ ((x3 ^ key1(kPhiloxRounds - 1)) & 0xffffffffu);
    U64 low, high;
    for (int i = 0; i < kBlocks; ++i) {
      low[i] = i / 2 * 2 + i % 2 * kBlocks;
      high[i] = low[i] + 1;
    }
    return {(U)__builtin_shuffle(even, odd, low), (U)__builtin_shuffle(even, odd, high)};
  }

 private:
  U64 key0(int round) const { return U64{} + key0_[round]; }
  U64 key1(int round) const { return U64{} + key1_[round]; }
  static U64 swap_halves(U64 x) {
    U order;
    for (int i = 0; i < kWidth; ++i) order[i] = i ^ 1;
    return (U64)__builtin_shuffle((U)x, order);
  }

  uint64_t key0_[kPhiloxRounds], key1_[kPhiloxRounds];  // what a round's halves are xored with
};

// g = -log(-log u), from exact floats on either side of u = sqrt(1/2) (math/philox.h): within 5e-7 + 2e-7 |g|.
inline F gumbel(U word) {
  constexpr int32_t kSqrtHalf = 0x3f3504f3;
  const I k = (I)(word >> 7 | 1u);  // u = k 2^-25 = 2^e (1 + r), e <= 0
  const I bits = as_int(to_float(k)) - (kSqrtHalf + (25 << 23));
  const F far = as_float((bits & 0x7fffff) + kSqrtHalf) - 1.0f;
  const F near_one = to_float(k - static_cast<int32_t>(kUniformOne)) * kUniformUnit;
  const F r = bits < 0 ? far : near_one;
  // log2(1 + r) / r, relative error 1.7e-7: -log u must be so exact, for g is its logarithm.
  F y = splat(-0.14581169f);
  y = y * r + 0.23404238f;
  y = y * r + -0.24887687f;
  y = y * r + 0.2870987f;
  y = y * r + -0.36023962f;
  y = y * r + 0.48092324f;
  y = y * r + -0.7213528f;
  y = y * r + 1.4426949f;
  const F exponential = -(y * r) - to_float(bits >> 23);  // -log2 u; its factor ln 2 comes back below
  const Reduced x = reduce(exponential);
  // -log(1 + r) / r; absolute error of the product 2e-7.
  F z = splat(-0.11827482f);
  z = z * x.r + 0.1890198f;
  z = z * x.r + -0.20604673f;
  z = z * x.r + 0.24881339f;
  z = z * x.r + -0.333033f;
  z = z * x.r + 0.50001967f;
  z = z * x.r + -1.0000032f;
  constexpr float kMinusLogLn2 = 0.36651292f;
  return (z * x.r + kMinusLogLn2) - x.e * 0.69314718f;
}

// Not below gumbel(word), seldom above it by more than 0.07, at a tenth of the price: -log(-log u) <= -log(1 - u), and
// log2 of 2^e (1 + f) is at least e + f, which is what a float's own bits say.
inline F gumbel_bound(U word) {
  constexpr float kSlack = 1e-4f;  // roundings here and in gumbel()
  const F one_minus_u = to_float((I)(~word >> 7));  // times 2^25, rounded down to the step below
  return (152 * 0.69314718f + kSlack) - to_float(as_int(one_minus_u)) * (0.69314718f * 0x1p-23f);
}

// Noise of classes [first, first + n); `first` is a multiple of 4; out has room for n rounded up to kNoiseStep.
inline void fill_gumbel(const NoiseKey& key, int64_t first, int64_t n, float* out) {
  const PhiloxRow row(key);
  for (int64_t i = 0; i < n; i += kNoiseStep) {
    const Words words = row.words(static_cast<uint32_t>((first + i) / 4));
    store(out + i, gumbel(words.low), Whole{});
    if (i + kWidth < n) store(out + i + kWidth, gumbel(words.high), Whole{});
  }
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
