// Scores of a row, logits + Gumbel noise: all of them, or only where the largest is. Noise is made a piece of a row at a
// time, so that it stays in the first-level cache.
#pragma once

#include "noise.h"

namespace lotus {
namespace LOTUS_LEVEL {

constexpr int64_t kNoisePiece = 512;

// Calls body(c, n, noise) for pieces of [0, cols): noise of classes c .. c + n - 1, or zeros where none is wanted.
template <class Body>
inline void for_noise_pieces(int64_t cols, const float* ready, const NoiseKey* key, Body body) {
  alignas(64) float made[kNoisePiece];
  if (ready == nullptr && key == nullptr) __builtin_memset(made, 0, sizeof made);
  for (int64_t c = 0; c < cols; c += kNoisePiece) {
    const int64_t n = cols - c < kNoisePiece ? cols - c : kNoisePiece;
    if (ready == nullptr && key != nullptr) fill_gumbel(*key, c, n, made);
    body(c, n, ready != nullptr ? ready + c : made);
  }
}

// out = x + noise; returns the largest.
template <class T>
inline float noisy_scores(const T* x, int64_t cols, const float* ready, const NoiseKey* key, float* out) {
  F top = splat(-kInfinity);
  for_noise_pieces(cols, ready, key, [&](int64_t c, int64_t n, const float* noise) {
    for_vectors(n, [&](int64_t i, auto lanes) {
      const F z = load(x + c + i, lanes, -kInfinity) + load(noise + i, lanes, 0.0f);
      store(out + c + i, z, lanes);
      top = max(z, top);
    });
  });
  return max(top);
}

// argmax(x + noise), the first of equal scores; -1 where the row is not finite.
template <class T>
inline int64_t noisy_argmax(const T* x, int64_t cols, const float* ready, const NoiseKey* key) {
  F best = splat(-kInfinity);
  I index = splat(int32_t{-1});
  I invalid{};
  for_noise_pieces(cols, ready, key, [&](int64_t c, int64_t n, const float* noise) {
    for_vectors(n, [&](int64_t i, auto lanes) {
      const F z = load(x + c + i, lanes, -kInfinity) + load(noise + i, lanes, 0.0f);
      const I better = z > best;
      best = better ? z : best;
      index = better ? splat(static_cast<int32_t>(c + i)) + lane_index() : index;
      invalid |= ~(z < kInfinity);
    });
  });
  int64_t target = -1;
  float target_score = -kInfinity;
  bool finite = true;
  for (int lane = 0; lane < kWidth; ++lane) {
    finite &= invalid[lane] == 0;
    const bool earlier = best[lane] == target_score && index[lane] < target;
    if (index[lane] >= 0 && (best[lane] > target_score || earlier)) {
      target = index[lane];
      target_score = best[lane];
    }
  }
  return finite ? target : -1;
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
