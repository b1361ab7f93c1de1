// gumbel_softmax on CUDA: out_c = w_c / W with w_c = exp((x_c + g_c - max) / tau), or [c = the first of the largest].
//
// Up to kWarpCols a row lives in registers; beyond, a team of blocks walks it twice: first maximum and W on line, then
// the output, with the scores from shared memory where they fit. In place: a logit is last read by the thread that then
// overwrites it, and only that thread reads it.
#include "common/scores.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

template <class T>
struct GumbelSoftmax {
  using Args = GumbelSoftmaxArgs;
  static constexpr bool kCountsCorrect = false, kKeeps = true;
  static constexpr int warp_blocks_per_sm(int quads) { return quads == 8 ? 4 : 8; }
  static constexpr int kTeamBlocksPerSm = 2;

  const Args& a;
  T* out;
  Scores<T> scores;

  __device__ __forceinline__ GumbelSoftmax(const Args& args, int64_t b) : a(args) {
    out = static_cast<T*>(a.out) + b * a.out_stride;
    scores.draws = true;
    scores.logits = static_cast<const T*>(a.logits) + b * a.logits_stride;
    scores.noise = a.noise != nullptr ? a.noise + b * a.noise_stride : nullptr;
    scores.key = {a.seed, a.step, a.stream_id, a.samples != nullptr ? a.samples[b] : b};
  }

  __device__ __forceinline__ Target target(Best best) const { return {best, inverse(a.tau), a.hard}; }

  template <int Q>
  static __device__ __forceinline__ Verdict warp_row(const Args& a, const WarpPlace& place) {
    const GumbelSoftmax row(a, place.b);
    float w[4 * Q];
    row.scores.template load<Q>(place.lane, place.lanes, place.cols, place.width, w);
    Best best;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) best.add(w[i], place.column(i));
    best = group_reduce(best, place.lanes);

    const Target target = row.target(best);
    Sums<float, 1> sum;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      w[i] = target.weight(w[i], place.column(i));
      sum.value[0] += w[i];
    }
    sum = group_reduce(sum, place.lanes);
    const float scale = best.finite() ? 1.0f / sum.value[0] : kNan;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) w[i] *= scale;
    store_quads<Q>(row.out, place.lane, place.lanes, place.cols, place.width, w);
    return {best.finite(), false};
  }

  struct First {
    Best best;
    Sums<float, 1> sum;  // W, relative to it
  };
  using Second = Nothing;

  __device__ __forceinline__ First first(const Team& team) const {
    First v;
    const float inverse_tau = inverse(a.tau);
    for (int q = team.first, n = 0; q < team.quads; q += team.step, n += static_cast<int>(blockDim.x)) {
      float x[4];
      scores.make(team, q, n, x);
      const float before = v.best.value;
#pragma unroll
      for (int j = 0; j < 4; ++j) v.best.add(x[j], 4 * q + j);
      if (!a.hard) v.sum.value[0] = add_exponentials(v.sum.value[0], before, v.best.value, x, inverse_tau);
    }
    return v;
  }

  __device__ __forceinline__ First join(const First& v, int lanes) const {
    First out;
    out.best = group_reduce(v.best, lanes);
    out.sum.value[0] = rescaled(v.sum.value[0], v.best.value, out.best.value, inverse(a.tau));
    out.sum = group_reduce(out.sum, lanes);
    return out;
  }

  __device__ __forceinline__ Second second(const Team& team, const First& whole) const {
    const Target target = this->target(whole.best);
    const float scale = !whole.best.finite() ? kNan : a.hard ? 1.0f : 1.0f / whole.sum.value[0];
    for (int q = team.first, n = 0; q < team.quads; q += team.step, n += static_cast<int>(blockDim.x)) {
      float w[4] = {};
      if (!a.hard) scores.again(team, q, n, w);
#pragma unroll
      for (int j = 0; j < 4; ++j) w[j] = target.weight(w[j], 4 * q + j) * scale;
      store_quads<1>(out, q, team.step, team.cols, team.width, w);
    }
    return {};
  }

  __device__ __forceinline__ Verdict finish(const First& whole, const Second&) const {
    return {whole.best.finite(), false};
  }
};

}  // namespace

int32_t gumbel_softmax(const GumbelSoftmaxArgs& a) {
  constexpr const char* kOp = "gumbel_softmax";
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  const int64_t bytes = element_bytes(a.dtype);
  const int width = AccessWidth(a.cols)
                        .matrix(a.logits, a.logits_stride, bytes)
                        .matrix(a.out, a.out_stride, bytes)
                        .matrix(a.noise, a.noise_stride, 4)
                        .value();
  return with_dtype(a.dtype, [&](auto type) { return run_rows<GumbelSoftmax<decltype(type)>>(kOp, a, width); });
}

}  // namespace cuda
}  // namespace lotus
