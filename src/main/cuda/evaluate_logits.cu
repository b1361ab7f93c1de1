// evaluate_logits on CUDA: everything an evaluation wants from one read of the logits.
//
//   m = max x, at its first class y;   S = sum exp(x_c - m),   T = sum exp(x_c - m) (x_c - m)
//   loss = log S - (x_label - m)       entropy = log S - T / S       correct = [y = label]
//
// Up to kWarpCols a row lives in the registers of a warp or a part of one; beyond, a team of blocks walks it once with
// sums that follow the running maximum. Counts are integers and may be added in any order. Sums by class are floating
// point and may not: class_sums.cu.
#include "common/rows.cuh"
#include "math/histogram.h"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

template <class T>
struct EvaluateLogits {
  using Args = EvaluateArgs;
  static constexpr bool kCountsCorrect = true, kKeeps = false;
  static constexpr int warp_blocks_per_sm(int quads) { return quads == 8 ? 6 : 8; }
  static constexpr int kTeamBlocksPerSm = 3;

  const Args& a;
  int64_t b;
  const T* logits;

  __device__ __forceinline__ EvaluateLogits(const Args& args, int64_t row)
      : a(args), b(row), logits(static_cast<const T*>(args.logits) + row * args.logits_stride) {}

  // By one thread a row, from the sums of the whole row.
  __device__ __forceinline__ Verdict verdict(Best best, float sum, float moment) const {
    const int64_t label = a.labels != nullptr ? a.labels[b] : 0;
    const bool finite = best.finite() && label >= 0 && label < a.cols;
    const float log_sum = log_positive(sum);
    if (a.loss != nullptr) a.loss[b] = finite ? log_sum - (widen(logits[label]) - best.value) : kNan;
    const float entropy = log_sum - moment / sum;
    if (a.entropy != nullptr) a.entropy[b] = finite ? entropy : kNan;
    if (a.histogram != nullptr && finite)
      atomicAdd(reinterpret_cast<unsigned long long*>(a.histogram) + histogram_bin(entropy, a.low, a.high, a.bins), 1ull);
    return {finite, finite && best.index == label};
  }

  template <int Q>
  static __device__ __forceinline__ Verdict warp_row(const Args& a, const WarpPlace& place) {
    const EvaluateLogits row(a, place.b);
    float x[4 * Q];
    load_quads<Q>(row.logits, place.lane, place.lanes, place.cols, place.width, -kInf, x);
    Best best;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) best.add(x[i], place.column(i));
    best = group_reduce(best, place.lanes);

    Sums<float, 2> sums;  // S, T
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      const float d = x[i] - best.value;
      const float e = expf(d);
      sums.value[0] += e;
      sums.value[1] += e > 0.0f ? e * d : 0.0f;  // a masked class: 0 * -inf
    }
    sums = group_reduce(sums, place.lanes);
    return place.leads() ? row.verdict(best, sums.value[0], sums.value[1]) : Verdict{};
  }

  struct First {
    Best best;
    Sums<float, 2> sums;  // S, T, relative to it
  };
  using Second = Nothing;

  __device__ __forceinline__ First first(const Team& team) const {
    OnlineSums online;
    First v;
    for (int q = team.first; q < team.quads; q += team.step) {
      float x[4];
      load_quads<1>(logits, q, team.step, team.cols, team.width, -kInf, x);
      online.add(x);
#pragma unroll
      for (int j = 0; j < 4; ++j) v.best.add(x[j], 4 * q + j);
    }
    v.sums.value[0] = online.sum, v.sums.value[1] = online.moment;
    return v;
  }

  __device__ __forceinline__ First join(const First& v, int lanes) const {
    First out;
    out.best = group_reduce(v.best, lanes);
    OnlineSums online{{v.best.value}, v.sums.value[0], v.sums.value[1]};
    online.rescale(out.best.value);
    out.sums.value[0] = online.sum, out.sums.value[1] = online.moment;
    out.sums = group_reduce(out.sums, lanes);
    return out;
  }

  __device__ __forceinline__ Second second(const Team&, const First&) const { return {}; }

  __device__ __forceinline__ Verdict finish(const First& whole, const Second&) const {
    return verdict(whole.best, whole.sums.value[0], whole.sums.value[1]);
  }
};

}  // namespace

int32_t evaluate_logits(const EvaluateArgs& a) {
  constexpr const char* kOp = "evaluate_logits";
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  // Where sums by class are all that is asked, they count the rows that are not finite themselves.
  if (a.class_sums != nullptr && a.correct == nullptr && a.loss == nullptr && a.entropy == nullptr)
    return class_sums(a, a.nonfinite_rows);
  const int width = AccessWidth(a.cols).matrix(a.logits, a.logits_stride, element_bytes(a.dtype)).value();
  const int32_t status =
      with_dtype(a.dtype, [&](auto type) { return run_rows<EvaluateLogits<decltype(type)>>(kOp, a, width); });
  return status == LOTUS_OK && a.class_sums != nullptr ? class_sums(a, nullptr) : status;
}

}  // namespace cuda
}  // namespace lotus
