// distillation on CUDA: KL divergence of tempered softmaxes, and its gradient.
//
//   p = softmax(t / T),  q = softmax(s / T),  d_c = log(q_c / p_c) = ((s_c - t_c) - (max s - max t)) / T - log(Ss / St)
//   loss = sum p log(p / q) = sum (q - p - p d) = sum p (exp d - 1 - d)         gradient = scale (q - p) / T
//
// The terms of the last sum are never negative, so nothing cancels where student and teacher nearly agree; and an error
// e common to all d (that of log Ss / St) moves the sum by e^2 / 2 only, for sum q = sum p. Where d is small exp d - 1 - d
// and q - p = p (exp d - 1) come from the series of exp; elsewhere q is its own exponential, which cannot overflow.
//
// Up to kWarpCols a row lives in registers; beyond, a team of blocks walks it twice: first both maxima and sums, then,
// both operands coming from L2, loss and gradient. In place: a student value is last read by the thread that then
// overwrites it, and only that thread reads it.
#include "common/rows.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

// What the whole row has to say to each class.
struct Agreement {
  float top_s, top_t, inverse_t;  // 1 / T
  float scale_s, scale_t;         // 1 / sums of exponentials
  float log_ratio;                // log Ss - log St

  __device__ __forceinline__ Agreement(float largest_s, float largest_t, float sum_s, float sum_t, float inverse)
      : top_s(largest_s), top_t(largest_t), inverse_t(inverse), scale_s(1.0f / sum_s), scale_t(1.0f / sum_t),
        log_ratio(log_positive(sum_s / sum_t)) {}

  // One class: its term of the loss, and q - p.
  __device__ __forceinline__ float term(float s, float t, float& difference) const {
    const float p = expf((t - top_t) * inverse_t) * scale_t;
    float apart = (s - t) - (top_s - top_t);  // exact where the two are close
    if (!(fabsf(apart) < kInf)) apart = (s - top_s) - (t - top_t);
    const float d = fmaf(apart, inverse_t, -log_ratio);
    if (fabsf(d) <= 0.5f) {
      float r = fmaf(d, 2.4801587e-5f, 1.9841270e-4f);  // 1 / 8!, 1 / 7! ...
      r = fmaf(r, d, 1.3888889e-3f);
      r = fmaf(r, d, 8.3333333e-3f);
      r = fmaf(r, d, 4.1666667e-2f);
      r = fmaf(r, d, 1.6666667e-1f);
      r = fmaf(r, d, 0.5f);
      const float h = r * d * d;
      difference = p * (d + h);
      return p * h;
    }
    const float q = expf((s - top_s) * inverse_t) * scale_s;
    difference = q - p;
    if (!(s > -kInf) && t > -kInf) return kInf;  // also where p underflows
    return p > 0.0f ? difference - p * d : q;    // d is infinite or NaN where the teacher masks
  }
};

template <class T>
struct Distillation {
  using Args = DistillationArgs;
  static constexpr bool kCountsCorrect = false, kKeeps = false;
  // Q = 8 holds two operands of 32 values a lane and spills at 168 registers; two blocks keep 64 KiB an SM in flight.
  static constexpr int warp_blocks_per_sm(int quads) { return quads == 8 ? 2 : quads == 4 ? 4 : 6; }
  static constexpr int kTeamBlocksPerSm = 2;

  const Args& a;
  int64_t b;
  const T* student;
  const T* teacher;

  __device__ __forceinline__ Distillation(const Args& args, int64_t row) : a(args), b(row) {
    student = static_cast<const T*>(a.student) + b * a.student_stride;
    teacher = a.use_other != nullptr && a.use_other[b] != 0
                  ? static_cast<const T*>(a.other_teacher) + b * a.other_stride
                  : static_cast<const T*>(a.teacher) + b * a.teacher_stride;
  }

  // Of q - p.
  __device__ __forceinline__ float scale(bool finite, float inverse_t) const {
    return finite ? a.gradient_scale * (a.row_weight != nullptr ? a.row_weight[b] : 1.0f) * inverse_t : kNan;
  }

  // `spare`: registers that nobody needs any more.
  template <int Q>
  __device__ __forceinline__ void write_gradient(int first, int step, int cols, int width, float scale,
                                                 float (&difference)[4 * Q], float (&spare)[4 * Q]) const {
    T* gradient = static_cast<T*>(a.gradient) + b * a.gradient_stride;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) difference[i] *= scale;
    if (a.accumulate) {
      load_quads<Q>(gradient, first, step, cols, width, 0.0f, spare);
#pragma unroll
      for (int i = 0; i < 4 * Q; ++i) difference[i] += spare[i];
    }
    store_quads<Q>(gradient, first, step, cols, width, difference);
  }

  template <int Q>
  static __device__ __forceinline__ Verdict warp_row(const Args& a, const WarpPlace& place) {
    const Distillation row(a, place.b);
    const float inverse_t = inverse(a.temperature);
    float s[4 * Q], t[4 * Q];
    load_quads<Q>(row.student, place.lane, place.lanes, place.cols, place.width, -kInf, s);
    load_quads<Q>(row.teacher, place.lane, place.lanes, place.cols, place.width, -kInf, t);
    Both<Top, Top> tops;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      tops.first.add(s[i]);
      tops.second.add(t[i]);
    }
    tops = group_reduce(tops, place.lanes);
    Sums<float, 2> sums;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      sums.value[0] += expf((s[i] - tops.first.value) * inverse_t);
      sums.value[1] += expf((t[i] - tops.second.value) * inverse_t);
    }
    sums = group_reduce(sums, place.lanes);

    const bool finite = tops.first.finite() && tops.second.finite();
    const Agreement agreement(tops.first.value, tops.second.value, sums.value[0], sums.value[1], inverse_t);
    Sums<float, 1> loss;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      float difference;
      loss.value[0] += agreement.term(s[i], t[i], difference);
      s[i] = difference;
    }
    loss = group_reduce(loss, place.lanes);
    if (place.leads() && a.loss != nullptr) a.loss[place.b] = finite ? loss.value[0] : kNan;
    if (a.gradient != nullptr)
      row.template write_gradient<Q>(place.lane, place.lanes, place.cols, place.width, row.scale(finite, inverse_t), s,
                                     t);
    return {finite, false};
  }

  struct First {
    Top top_s, top_t;
    Sums<float, 2> sums;  // Ss, St, relative to them
    __device__ bool finite() const { return top_s.finite() && top_t.finite(); }
  };
  using Second = Sums<float, 1>;  // the loss

  __device__ __forceinline__ First first(const Team& team) const {
    const float inverse_t = inverse(a.temperature);
    First v;
    for (int q = team.first; q < team.quads; q += team.step) {
      float s[4], t[4];
      load_quads<1>(student, q, team.step, team.cols, team.width, -kInf, s);
      load_quads<1>(teacher, q, team.step, team.cols, team.width, -kInf, t);
      const float before_s = v.top_s.value, before_t = v.top_t.value;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        v.top_s.add(s[j]);
        v.top_t.add(t[j]);
      }
      v.sums.value[0] = add_exponentials(v.sums.value[0], before_s, v.top_s.value, s, inverse_t);
      v.sums.value[1] = add_exponentials(v.sums.value[1], before_t, v.top_t.value, t, inverse_t);
    }
    return v;
  }

  __device__ __forceinline__ First join(const First& v, int lanes) const {
    const float inverse_t = inverse(a.temperature);
    First out;
    out.top_s = group_reduce(v.top_s, lanes);
    out.top_t = group_reduce(v.top_t, lanes);
    out.sums.value[0] = rescaled(v.sums.value[0], v.top_s.value, out.top_s.value, inverse_t);
    out.sums.value[1] = rescaled(v.sums.value[1], v.top_t.value, out.top_t.value, inverse_t);
    out.sums = group_reduce(out.sums, lanes);
    return out;
  }

  __device__ __forceinline__ Second second(const Team& team, const First& whole) const {
    const float inverse_t = inverse(a.temperature), scale = this->scale(whole.finite(), inverse_t);
    const Agreement agreement(whole.top_s.value, whole.top_t.value, whole.sums.value[0], whole.sums.value[1], inverse_t);
    Second loss;
    for (int q = team.first; q < team.quads; q += team.step) {
      float s[4], t[4], difference[4];
      load_quads<1>(student, q, team.step, team.cols, team.width, -kInf, s);
      load_quads<1>(teacher, q, team.step, team.cols, team.width, -kInf, t);
      float partial = 0.0f;
#pragma unroll
      for (int j = 0; j < 4; ++j) partial += agreement.term(s[j], t[j], difference[j]);
      loss.value[0] += partial;
      if (a.gradient != nullptr) write_gradient<1>(q, team.step, team.cols, team.width, scale, difference, t);
    }
    return loss;
  }

  __device__ __forceinline__ Verdict finish(const First& whole, const Second& loss) const {
    if (a.loss != nullptr) a.loss[b] = whole.finite() ? loss.value[0] : kNan;
    return {whole.finite(), false};
  }
};

}  // namespace

int32_t distillation(const DistillationArgs& a) {
  constexpr const char* kOp = "distillation";
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  const int64_t bytes = element_bytes(a.dtype);
  const int width = AccessWidth(a.cols)
                        .matrix(a.student, a.student_stride, bytes)
                        .matrix(a.teacher, a.teacher_stride, bytes)
                        .matrix(a.other_teacher, a.other_stride, bytes)
                        .matrix(a.gradient, a.gradient_stride, bytes)
                        .value();
  return with_dtype(a.dtype, [&](auto type) { return run_rows<Distillation<decltype(type)>>(kOp, a, width); });
}

}  // namespace cuda
}  // namespace lotus
