// Philox words and Gumbel noise for a run of classes of one row. A round waits for the one before it, and so does a
// step of a polynomial: several counters go side by side, and polynomials are split, so that the units have work
// meanwhile.
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

  // N steps from class 4 block on, in order.
  template <int N>
  void words(uint32_t block, U (&out)[2 * N]) const {
    // Lane 2 j has block j, lane 2 j + 1 the block half a vector on: then an interleave of pairs ends in order.
    U64 lane;
    for (int i = 0; i < kBlocks; ++i) lane[i] = i / 2 + i % 2 * (kBlocks / 2);
    U64 a[N], b[N], x0[N], x1[N], x2[N], x3[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      a[j] = multiply_low(lane + static_cast<uint32_t>(block + j * kBlocks), kPhiloxM0);
      x1[j] = multiply_low((a[j] >> 32) ^ key1(0), kPhiloxM1);
      x0[j] = (x1[j] >> 32) ^ key0(1);
      x2[j] = a[j] ^ key1(1);
    }
#pragma GCC unroll 16
    for (int round = 2; round < kPhiloxRounds - 1; ++round) {
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) a[j] = multiply_low(x0[j], kPhiloxM0);
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) b[j] = multiply_low(x2[j], kPhiloxM1);
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) {
        x0[j] = (b[j] >> 32) ^ (x1[j] ^ key0(round));
        x2[j] = (a[j] >> 32) ^ (round == 2 ? key1(round) : x3[j] ^ key1(round));
        x1[j] = b[j];
        x3[j] = a[j];
      }
    }
    U64 low, high;
    for (int i = 0; i < kBlocks; ++i) {
      low[i] = i / 2 * 2 + i % 2 * kBlocks;
      high[i] = low[i] + 1;
    }
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      // The last round leaves words 0 and 1 side by side in a lane, and words 2 and 3.
      const U64 even = swap_halves(multiply_low(x2[j], kPhiloxM1)) ^ ((x1[j] ^ key0(kPhiloxRounds - 1)) & 0xffffffffu);
      const U64 odd = swap_halves(multiply_low(x0[j], kPhiloxM0)) ^ ((x3[j] ^ key1(kPhiloxRounds - 1)) & 0xffffffffu);
      out[2 * j] = (U)__builtin_shuffle(even, odd, low);
      out[2 * j + 1] = (U)__builtin_shuffle(even, odd, high);
    }
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

struct Words {
  U low, high;  // classes 4 block .. 4 block + kWidth - 1, and the kWidth after them
};

// One step of a row of which no more is wanted.
inline Words philox_words(const NoiseKey& key, uint32_t block) {
  U words[2];
  PhiloxRow(key).words<1>(block, words);
  return {words[0], words[1]};
}

// Words of classes [first, first + n); `first` is a multiple of 4; out has room for n rounded up to kNoiseStep.
inline void fill_words(const PhiloxRow& row, int64_t first, int64_t n, uint32_t* out) {
  constexpr int kSteps = 4;
  int64_t i = 0;
  for (; n - i > (kSteps - 1) * kNoiseStep; i += kSteps * kNoiseStep) {
    U words[2 * kSteps];
    row.words<kSteps>(static_cast<uint32_t>((first + i) / 4), words);
    __builtin_memcpy(out + i, words, sizeof words);
  }
  for (; i < n; i += kNoiseStep) {
    U words[2];
    row.words<1>(static_cast<uint32_t>((first + i) / 4), words);
    __builtin_memcpy(out + i, words, sizeof words);
  }
}

// g = -log(-log u), from exact floats on either side of u = sqrt(1/2) (math/philox.h): within 5e-7 + 2e-7 |g|.
inline F gumbel(U word) {
  constexpr int32_t kSqrtHalf = 0x3f3504f3;
  const I k = (I)(word >> 7 | 1u);  // u = k 2^-25 = 2^e (1 + r), e <= 0
  const I bits = as_int(to_float(k)) - (kSqrtHalf + (25 << 23));
  const F far = as_float((bits & 0x7fffff) + kSqrtHalf) - 1.0f;
  const F near_one = to_float(k - static_cast<int32_t>(kUniformOne)) * kUniformUnit;
  const F r = bits < 0 ? far : near_one;
  // -log2 u, relative error 2e-7: g is its logarithm. Its factor ln 2 comes back below.
  const F r2 = r * r;
  F y = (-0.14581169f * r + 0.23404238f) * r2 + (-0.24887687f * r + 0.2870987f);
  y = y * r2 + (-0.36023962f * r + 0.48092324f);
  y = y * r2 + (-0.7213528f * r + 1.4426949f);
  const Reduced x = reduce(-(y * r) - to_float(bits >> 23));
  // -log of it, absolute error 2e-7.
  constexpr float kMinusLogLn2 = 0.36651292f, kLn2 = 0.69314718f;
  const F x2 = x.r * x.r;
  F z = (-0.11827482f * x.r + 0.1890198f) * x2 + (-0.20604673f * x.r + 0.24881339f);
  z = z * x2 + (-0.333033f * x.r + 0.50001967f);
  return z * x2 + ((-1.0000032f * x.r + kMinusLogLn2) - x.e * kLn2);
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
  constexpr int64_t kBlock = 512;  // words wait in the first-level cache
  const PhiloxRow row(key);
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = n - begin < kBlock ? n - begin : kBlock;
    alignas(64) uint32_t words[kBlock];
    fill_words(row, first + begin, count, words);
    for (int64_t i = 0; i < count; i += kWidth) {
      U word;
      __builtin_memcpy(&word, words + i, sizeof word);
      store(out + begin + i, gumbel(word), Whole{});
    }
  }
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
