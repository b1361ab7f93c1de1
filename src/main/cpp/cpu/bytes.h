// Vectors of bytes and their weighted sums: what the vector extensions have no operator for. A register of
// LOTUS_SIMD_BYTES bytes; instructions that shuffle or pack work within its 16-byte lanes, kLanes of them.
#pragma once

#include "cpu/simd.h"

namespace lotus {
namespace LOTUS_LEVEL {

constexpr int kBytes = LOTUS_SIMD_BYTES, kLanes = LOTUS_SIMD_BYTES / 16;

#if defined(__AVX512BW__)
#define LOTUS_VECTOR(name) _mm512_##name
#define LOTUS_WHOLE(name) _mm512_##name##_si512
typedef __m512i V;
#elif defined(__AVX2__)
#define LOTUS_VECTOR(name) _mm256_##name
#define LOTUS_WHOLE(name) _mm256_##name##_si256
typedef __m256i V;
#else
#define LOTUS_VECTOR(name) _mm_##name
#define LOTUS_WHOLE(name) _mm_##name##_si128
typedef __m128i V;
#endif

inline V zero() { return LOTUS_WHOLE(setzero)(); }
inline V splat_words(int32_t pair) { return (V)splat(pair); }
inline V load_vector(const uint8_t* p) { return LOTUS_WHOLE(loadu)(reinterpret_cast<const V*>(p)); }
inline void store_vector(uint8_t* p, V x) { LOTUS_WHOLE(storeu)(reinterpret_cast<V*>(p), x); }
inline V low_bytes(V a, V b) { return LOTUS_VECTOR(unpacklo_epi8)(a, b); }
inline V high_bytes(V a, V b) { return LOTUS_VECTOR(unpackhi_epi8)(a, b); }
inline V add(V a, V b) { return (V)((I)a + (I)b); }
// Words in pairs: a0 b0 + a1 b1.
inline V dot(V a, V b) { return LOTUS_VECTOR(madd_epi16)(a, b); }
inline V shift_left(V a, int bits) { return (V)((I)a << bits); }
inline V shift_right(V a, int bits) { return (V)((I)a >> bits); }
// 32-bit values of four vectors to bytes, saturated.
inline V pack(V a, V b, V c, V d) {
  return LOTUS_VECTOR(packus_epi16)(LOTUS_VECTOR(packs_epi32)(a, b), LOTUS_VECTOR(packs_epi32)(c, d));
}

#if defined(__AVX2__)
#define LOTUS_HAS_SHUFFLE 1
// Under AVX-512 the forms with a mask: GCC 12 warns of the others in its own header.
constexpr uint16_t kAll = 0xffff;
inline V shuffle(V x, V places) { return LOTUS_VECTOR(shuffle_epi8)(x, places); }
inline __m128i load_lane(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
// The same 16 bytes in every lane.
inline V lanes_of(const int8_t* p) {
  const __m128i lane = load_lane(reinterpret_cast<const uint8_t*>(p));
#if defined(__AVX512BW__)
  return _mm512_maskz_broadcast_i32x4(kAll, lane);
#else
  return _mm256_broadcastsi128_si256(lane);
#endif
}
// 16 bytes from each of kLanes lines.
inline V load_lanes(const uint8_t* const* lines, int64_t at) {
#if defined(__AVX512BW__)
  V x = _mm512_zextsi128_si512(load_lane(lines[0] + at));
  x = _mm512_maskz_inserti32x4(kAll, x, load_lane(lines[1] + at), 1);
  x = _mm512_maskz_inserti32x4(kAll, x, load_lane(lines[2] + at), 2);
  return _mm512_maskz_inserti32x4(kAll, x, load_lane(lines[3] + at), 3);
#else
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_lane(lines[0] + at)), load_lane(lines[1] + at), 1);
#endif
}
// The first four bytes of each lane to lines[lane] + at, the next four `step` bytes on, and so on, C times.
template <int C>
inline void store_lane(__m128i x, uint8_t* to, int64_t step) {
  const int32_t words[4] = {_mm_extract_epi32(x, 0), _mm_extract_epi32(x, 1), _mm_extract_epi32(x, 2),
                            _mm_extract_epi32(x, 3)};
  for (int c = 0; c < C; ++c) __builtin_memcpy(to + c * step, words + c, 4);
}
template <int C>
inline void store_lanes(V x, uint8_t* const* lines, int64_t at, int64_t step) {
#if defined(__AVX512BW__)
  store_lane<C>(_mm512_maskz_extracti32x4_epi32(0xf, x, 0), lines[0] + at, step);
  store_lane<C>(_mm512_maskz_extracti32x4_epi32(0xf, x, 1), lines[1] + at, step);
  store_lane<C>(_mm512_maskz_extracti32x4_epi32(0xf, x, 2), lines[2] + at, step);
  store_lane<C>(_mm512_maskz_extracti32x4_epi32(0xf, x, 3), lines[3] + at, step);
#else
  store_lane<C>(_mm256_castsi256_si128(x), lines[0] + at, step);
  store_lane<C>(_mm256_extracti128_si256(x, 1), lines[1] + at, step);
#endif
}
#endif

}  // namespace LOTUS_LEVEL
}  // namespace lotus
