// Scores of a row, logits + Gumbel noise: all of them, or only where the largest is. Noise is made a piece of a row at
// a time, so that it stays in the first-level cache.
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

// The first largest score of those seen, lane by lane.
struct FirstLargest {
  F score = splat(-kInfinity);
  I index = splat(int32_t{-1});
  I invalid{};

  // z = scores of the classes from `first` on; classes come in order.
  void see(F z, int64_t first) {
    const I better = z > score;
    score = better ? z : score;
    index = better ? splat(static_cast<int32_t>(first)) + lane_index() : index;
    invalid |= ~(z < kInfinity);
  }
  // The class; -1 where there is none, or NaN or +inf was seen.
  int64_t get() const {
    int64_t target = -1;
    float target_score = -kInfinity;
    for (int lane = 0; lane < kWidth; ++lane) {
      const bool earlier = score[lane] == target_score && index[lane] < target;
      if (index[lane] >= 0 && (score[lane] > target_score || earlier)) {
        target = index[lane];
        target_score = score[lane];
      }
    }
    return any(invalid) ? -1 : target;
  }
};

// argmax(x + noise) where the noise is made here. A class that cannot beat the best so far costs its word and a bound,
// and where no noise is large enough not even the word: most classes never see a logarithm. The result is the same to
// the bit: the bound is not below the noise, and rounding t + g keeps the order.
template <class T>
inline int64_t drawn_argmax(const T* x, int64_t cols, const NoiseKey& key) {
  constexpr int64_t kChunk = 4 * kNoiseStep;
  constexpr float kMostNoise = 17.4f;  // -log(-log(1 - 2^-25)) = 17.33
  const PhiloxRow row(key);
  alignas(64) uint32_t words[kChunk];
  FirstLargest largest;
  float best = -kInfinity;
  for (int64_t c = 0; c < cols; c += kChunk) {
    const int64_t n = cols - c < kChunk ? cols - c : kChunk;
    const float hopeless = best - kMostNoise;
    I open{};
    for_vectors(n, [&](int64_t i, auto lanes) { open |= ~(load(x + c + i, lanes, -kInfinity) <= hopeless); });
    if (!any(open)) continue;  // NaN is open
    fill_words(row, c, n, words);
    for_vectors(n, [&](int64_t i, auto lanes) {
      U word;
      __builtin_memcpy(&word, words + i, sizeof word);
      const F t = load(x + c + i, lanes, -kInfinity);
      if (!any(~(t + gumbel_bound(word) <= best))) return;
      largest.see(t + gumbel(word), c + i);
      best = max(largest.score);
    });
  }
  return largest.get();
}

// argmax(x + noise), the first of equal scores; -1 where the row is not finite.
template <class T>
inline int64_t noisy_argmax(const T* x, int64_t cols, const float* ready, const NoiseKey* key) {
  if (ready == nullptr && key != nullptr) return drawn_argmax(x, cols, *key);
  FirstLargest largest;
  for_noise_pieces(cols, ready, key, [&](int64_t c, int64_t n, const float* noise) {
    for_vectors(n, [&](int64_t i, auto lanes) {
      largest.see(load(x + c + i, lanes, -kInfinity) + load(noise + i, lanes, 0.0f), c + i);
    });
  });
  return largest.get();
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
