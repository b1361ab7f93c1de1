// Noisy scores t_c + g_c, their maximum, and weights exp((t_c + g_c - max) / tau): what gumbel_softmax returns and the
// target of gumbel_cross_entropy.
//
// Subtracting before dividing by tau keeps the exponent exact near the maximum, where the mass lies, and cannot overflow
// however small tau is.
#pragma once

#include "common/rows.cuh"

namespace lotus {
namespace cuda {

// A row of scores as it is made: noise ready-made, drawn here, or none.
template <class T>
struct Scores {
  const T* logits;
  const float* noise;  // ready-made, or null
  NoiseKey key;
  bool draws;

  // Of Q quads.
  template <int Q>
  __device__ __forceinline__ void load(int first, int step, int cols, int width, float (&x)[4 * Q]) const {
    load_quads<Q>(logits, first, step, cols, width, -kInf, x);
    if (noise != nullptr) {
#pragma unroll
      for (int i = 0; i < Q; ++i) {  // a quad at a time: four registers, not 4 Q
        float g[4];
        load_quads<1>(noise, first + i * step, step, cols, width, 0.0f, g);
#pragma unroll
        for (int j = 0; j < 4; ++j) x[4 * i + j] += g[j];
      }
    } else if (draws) {
#pragma unroll
      for (int i = 0; i < Q; ++i)
        if (4 * (first + i * step) < cols) add_gumbel(key, first + i * step, x + 4 * i);
    }
  }

  // The thread's n-th quad q for the first time; kept, because making the noise again costs more than the rest of the
  // second walk.
  __device__ __forceinline__ void make(const Team& team, int q, int n, float (&x)[4]) const {
    load<1>(q, team.step, team.cols, team.width, x);
    if (team.kept != nullptr) team.kept[n] = make_float4(x[0], x[1], x[2], x[3]);
  }

  // The same again, with the same bits.
  __device__ __forceinline__ void again(const Team& team, int q, int n, float (&x)[4]) const {
    if (team.kept != nullptr) {
      const float4 kept = team.kept[n];
      x[0] = kept.x, x[1] = kept.y, x[2] = kept.z, x[3] = kept.w;
    } else {
      load<1>(q, team.step, team.cols, team.width, x);
    }
  }
};

// A target while its row is walked: y the first class of the largest score; hard = onehot(y).
struct Target {
  Best best;
  float inverse_tau;
  bool hard;

  // The weight of score x of class c; the target is weight / sum of the weights.
  __device__ __forceinline__ float weight(float x, int c) const {
    return hard ? (c == best.index ? 1.0f : 0.0f) : expf((x - best.value) * inverse_tau);
  }
};

}  // namespace cuda
}  // namespace lotus
