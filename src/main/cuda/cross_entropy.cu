// cross_entropy on CUDA: loss, gradient and correct count from one pass over the logits.
//
//   m = max x, at its first class y*;   R = sum over the others of exp(x_c - m),   log S = log1p R
//   C' = classes not masked,   target_c = (1 - e) w_y [c = y] + e / C' w_c [c not masked],   K = sum target
//   loss = K log S - sum target_c (x_c - m)         gradient_c = scale (K exp(x_c - m) / S - target_c)
//
// Leaving the largest class's own 1 out of R keeps the loss of a certain row, which fp32 would round to 0. A label at a
// masked class costs an infinite loss unless its weight is 0.
//
// Up to kWarpCols a row lives in registers; beyond, a team of blocks walks it twice: first maximum, R, C' and the sum of
// weights; then, the logits coming from L2, loss and gradient. In place: a logit is last read by the thread that then
// overwrites it, and only that thread reads it.
#include "common/rows.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

// Of a part of a row, or of the whole.
struct Found {
  Best best;
  Sums<float, 3> sums;  // R relative to best, classes not masked, their weights
};

template <class T>
struct CrossEntropy {
  using Args = CrossEntropyArgs;
  static constexpr bool kCountsCorrect = true, kKeeps = false;
  static constexpr int warp_blocks_per_sm(int quads) { return quads == 8 ? 3 : quads == 4 ? 5 : 8; }
  static constexpr int kTeamBlocksPerSm = 2;

  const Args& a;
  int64_t b;
  int label;  // or -1 where it is no class
  const T* logits;

  __device__ __forceinline__ CrossEntropy(const Args& args, int64_t row) : a(args), b(row) {
    const int64_t given = a.labels[b];
    label = given >= 0 && given < a.cols ? static_cast<int>(given) : -1;
    logits = static_cast<const T*>(a.logits) + b * a.logits_stride;
  }

  __device__ __forceinline__ void load_weights(int q, int step, int cols, int width, float (&w)[4]) const {
    if (a.class_weight != nullptr) {
      load_quads<1>(a.class_weight, q, step, cols, width, 0.0f, w);
    } else {
      w[0] = w[1] = w[2] = w[3] = 1.0f;
    }
  }

  // What the whole row has to say to each class.
  struct Whole {
    bool finite, correct;
    float top, log_sum;
    float at_label, smooth;    // (1 - e) w_y, e / C'
    float mass;                // K
    float student, target;     // factors of the gradient

    // target_c of logit x.
    __device__ __forceinline__ float of_class(float x, int c, int label, float weight) const {
      return (c == label ? at_label : 0.0f) + (smooth > 0.0f && x > -kInf ? smooth * weight : 0.0f);
    }
  };
  __device__ __forceinline__ Whole whole(const Found& found) const {
    Whole w;
    w.finite = label >= 0 && found.best.finite();
    w.correct = w.finite && found.best.index == label;
    w.top = found.best.value;
    w.log_sum = log_one_plus(found.sums.value[0]);
    w.at_label = (1.0f - a.label_smoothing) * (label >= 0 && a.class_weight != nullptr ? a.class_weight[label] : 1.0f);
    w.smooth = a.label_smoothing / found.sums.value[1];
    // Without smoothing no other class's weight counts, not even an infinite one.
    w.mass = w.smooth > 0.0f ? fmaf(w.smooth, found.sums.value[2], w.at_label) : w.at_label;
    w.target = w.finite ? a.gradient_scale * (a.row_weight != nullptr ? a.row_weight[b] : 1.0f) : kNan;
    w.student = w.target * w.mass / (1.0f + found.sums.value[0]);
    return w;
  }

  __device__ __forceinline__ Verdict finish(const Whole& w, float dot) const {
    if (a.loss != nullptr) a.loss[b] = w.finite ? fmaf(w.mass, w.log_sum, -dot) : kNan;
    return {w.finite, w.correct};
  }

  template <int Q>
  static __device__ __forceinline__ Verdict warp_row(const Args& a, const WarpPlace& place) {
    const CrossEntropy row(a, place.b);
    float x[4 * Q];
    load_quads<Q>(row.logits, place.lane, place.lanes, place.cols, place.width, -kInf, x);
    Found found;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) found.best.add(x[i], place.column(i));
    found.best = group_reduce(found.best, place.lanes);
#pragma unroll
    for (int i = 0; i < Q; ++i) {
      float w[4];
      row.load_weights(place.lane + i * place.lanes, place.lanes, place.cols, place.width, w);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float v = x[4 * i + j];
        found.sums.value[0] += place.column(4 * i + j) != found.best.index ? expf(v - found.best.value) : 0.0f;
        found.sums.value[1] += v > -kInf ? 1.0f : 0.0f;
        found.sums.value[2] += v > -kInf ? w[j] : 0.0f;
      }
    }
    found.sums = group_reduce(found.sums, place.lanes);

    const Whole whole = row.whole(found);
    Sums<float, 1> dot;
#pragma unroll
    for (int i = 0; i < Q; ++i) {
      float w[4];
      row.load_weights(place.lane + i * place.lanes, place.lanes, place.cols, place.width, w);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        float& v = x[4 * i + j];
        const float target = whole.of_class(v, place.column(4 * i + j), row.label, w[j]), d = v - whole.top;
        dot.value[0] += target != 0.0f ? target * d : 0.0f;
        v = expf(d) * whole.student - target * whole.target;
      }
    }
    dot = group_reduce(dot, place.lanes);
    if (a.gradient != nullptr)
      store_quads<Q>(static_cast<T*>(a.gradient) + place.b * a.gradient_stride, place.lane, place.lanes, place.cols,
                     place.width, x);
    return place.leads() ? row.finish(whole, dot.value[0]) : Verdict{};
  }

  using First = Found;
  using Second = Sums<float, 1>;  // sum target_c (x_c - m)

  __device__ __forceinline__ First first(const Team& team) const {
    First v;
    for (int q = team.first; q < team.quads; q += team.step) {
      float x[4], w[4];
      load_quads<1>(logits, q, team.step, team.cols, team.width, -kInf, x);
      load_weights(q, team.step, team.cols, team.width, w);
      const Best before = v.best;
#pragma unroll
      for (int j = 0; j < 4; ++j) v.best.add(x[j], 4 * q + j);
      const float base = shift(v.best.value);
      // A best that is one no more joins the others.
      float rest = rescaled(v.sums.value[0], before.value, v.best.value);
      if (before.index != v.best.index) rest += expf(before.value - base);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        rest += 4 * q + j != v.best.index ? expf(x[j] - base) : 0.0f;
        v.sums.value[1] += x[j] > -kInf ? 1.0f : 0.0f;
        v.sums.value[2] += x[j] > -kInf ? w[j] : 0.0f;
      }
      v.sums.value[0] = rest;
    }
    return v;
  }

  __device__ __forceinline__ First join(const First& v, int lanes) const {
    First out;
    out.best = group_reduce(v.best, lanes);
    out.sums = v.sums;
    out.sums.value[0] = rescaled(v.sums.value[0], v.best.value, out.best.value);
    if (v.best.index != out.best.index) out.sums.value[0] += expf(v.best.value - shift(out.best.value));
    out.sums = group_reduce(out.sums, lanes);
    return out;
  }

  __device__ __forceinline__ Second second(const Team& team, const First& found) const {
    const Whole whole = this->whole(found);
    const bool label_alone = a.gradient == nullptr && a.label_smoothing == 0.0f;
    Second dot;
    for (int q = team.first; q < team.quads; q += team.step) {
      if (label_alone && q != label / 4) continue;
      float x[4], w[4];
      load_quads<1>(logits, q, team.step, team.cols, team.width, -kInf, x);
      load_weights(q, team.step, team.cols, team.width, w);
      float partial = 0.0f;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float target = whole.of_class(x[j], 4 * q + j, label, w[j]), d = x[j] - whole.top;
        partial += target != 0.0f ? target * d : 0.0f;
        x[j] = expf(d) * whole.student - target * whole.target;
      }
      dot.value[0] += partial;
      if (a.gradient != nullptr)
        store_quads<1>(static_cast<T*>(a.gradient) + b * a.gradient_stride, q, team.step, team.cols, team.width, x);
    }
    return dot;
  }

  __device__ __forceinline__ Verdict finish(const First& found, const Second& dot) const {
    return finish(whole(found), dot.value[0]);
  }
};

}  // namespace

int32_t cross_entropy(const CrossEntropyArgs& a) {
  constexpr const char* kOp = "cross_entropy";
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  const int64_t bytes = element_bytes(a.dtype);
  const int width = AccessWidth(a.cols)
                        .matrix(a.logits, a.logits_stride, bytes)
                        .matrix(a.gradient, a.gradient_stride, bytes)
                        .matrix(a.class_weight, 0, 4)
                        .value();
  return with_dtype(a.dtype, [&](auto type) { return run_rows<CrossEntropy<decltype(type)>>(kOp, a, width); });
}

}  // namespace cuda
}  // namespace lotus
