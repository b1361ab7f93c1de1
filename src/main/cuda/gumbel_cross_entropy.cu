// gumbel_cross_entropy on CUDA: noise, target, loss and gradient in one pass over the two logit matrices.
//
//   a_c = t_c + g_c,   A = max a,   y = the first c with a_c = A
//   forget row   w_c = exp((a_c - A) / tau)       retain row   w_c = [c = y]
//   m = max s,   S = sum exp(s_c - m),   W = sum w_c,   D = sum w_c (s_c - m)
//   loss = log S - D / W                          gradient_c = scale (exp(s_c - m) / S - w_c / W)
//
// Subtracting m inside D keeps the loss exact where log-sum-exp and the dot product would cancel. A target on a class
// that the student masks (s = -inf) costs an infinite loss, as the formula says.
//
// Up to kWarpCols a row lives in registers: one read, one write, no barrier. Beyond, a team of blocks walks it twice:
// first both maxima, S and W on line; then, the student coming from L2, D and the gradient. In between a_c waits in
// shared memory where it fits (4 C bytes over the team's blocks: 24 KiB each at C = 21,841, 128 KiB at 262,144).
//
// In place: a student value is last read by the thread that then overwrites it, and only that thread reads it.
#include "common/scores.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

template <class T>
struct GumbelCrossEntropy {
  using Args = GumbelArgs;
  static constexpr bool kCountsCorrect = false, kKeeps = true;
  // 168 registers a thread for Q = 8 and 102 for Q = 4. Without it ptxas saves registers at Q = 4 and spills; asked for
  // more at Q = 8 it spills too, and the 64 values of a lane already keep 96 KiB an SM in flight.
  static constexpr int warp_blocks_per_sm(int quads) { return quads == 8 ? 3 : quads == 4 ? 5 : 6; }
  static constexpr int kTeamBlocksPerSm = 2;

  const Args& a;
  int64_t b;
  bool forget;
  float tau;
  const T* student;
  T* gradient;  // or null
  Scores<T> scores;

  __device__ __forceinline__ GumbelCrossEntropy(const Args& args, int64_t row) : a(args), b(row) {
    forget = a.is_forget[b] != 0;
    tau = a.draw != nullptr ? a.draw->tau : a.tau;
    student = static_cast<const T*>(a.student) + b * a.student_stride;
    gradient = a.gradient != nullptr ? static_cast<T*>(a.gradient) + b * a.gradient_stride : nullptr;
    scores.draws = forget ? a.forget_target == LOTUS_FORGET_GUMBEL_SOFTMAX : a.retain_target == LOTUS_RETAIN_GUMBEL_HARD;
    scores.logits = static_cast<const T*>(a.teacher) + b * a.teacher_stride;
    scores.noise = scores.draws && a.noise != nullptr ? a.noise + b * a.noise_stride : nullptr;
    scores.key = {a.seed, a.draw != nullptr ? a.draw->step : a.step,
                  static_cast<uint32_t>(forget ? LOTUS_STREAM_FORGET_TARGET : LOTUS_STREAM_RETAIN_TARGET),
                  a.samples != nullptr ? a.samples[b] : b};
  }

  __device__ __forceinline__ Target target(Best best) const { return {best, inverse(tau), !forget}; }

  __device__ __forceinline__ void write_loss(bool finite, float sum, float weight, float dot) const {
    if (a.loss != nullptr) a.loss[b] = finite ? log_positive(sum) - dot / weight : kNan;
  }

  // Turns exp(s - m) into the gradient.
  struct Scale {
    float student, target;
    __device__ __forceinline__ float gradient(float e, float weight) const { return e * student - weight * target; }
  };
  __device__ __forceinline__ Scale scale(bool finite, float sum, float weight) const {
    return {finite ? a.gradient_scale / sum : kNan, finite ? a.gradient_scale / weight : kNan};
  }

  template <int Q>
  static __device__ __forceinline__ Verdict warp_row(const Args& a, const WarpPlace& place) {
    const GumbelCrossEntropy row(a, place.b);
    float s[4 * Q], w[4 * Q];
    load_quads<Q>(row.student, place.lane, place.lanes, place.cols, place.width, -kInf, s);
    row.scores.template load<Q>(place.lane, place.lanes, place.cols, place.width, w);

    Both<Top, Best> largest;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      largest.first.add(s[i]);
      largest.second.add(w[i], place.column(i));
    }
    largest = group_reduce(largest, place.lanes);
    const bool finite = largest.first.finite() && largest.second.finite();
    const Target target = row.target(largest.second);

    Sums<float, 3> sums;  // S, W, D
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      w[i] = target.weight(w[i], place.column(i));
      const float d = s[i] - largest.first.value;
      s[i] = expf(d);
      sums.value[0] += s[i];
      sums.value[1] += w[i];
      sums.value[2] += w[i] > 0.0f ? w[i] * d : 0.0f;
    }
    sums = group_reduce(sums, place.lanes);

    if (place.leads()) row.write_loss(finite, sums.value[0], sums.value[1], sums.value[2]);
    if (row.gradient != nullptr) {
      const Scale scale = row.scale(finite, sums.value[0], sums.value[1]);
#pragma unroll
      for (int i = 0; i < 4 * Q; ++i) s[i] = scale.gradient(s[i], w[i]);
      store_quads<Q>(row.gradient, place.lane, place.lanes, place.cols, place.width, s);
    }
    return {finite, false};
  }

  struct First {
    Top top;    // of the student
    Best best;  // of the scores
    Sums<float, 2> sums;  // S, W, relative to them; W is 1 of a retain row
    __device__ bool finite() const { return top.finite() && best.finite(); }
  };
  using Second = Sums<float, 1>;  // D

  __device__ __forceinline__ First first(const Team& team) const {
    First v;
    const float inverse_tau = inverse(tau);
    for (int q = team.first, n = 0; q < team.quads; q += team.step, n += static_cast<int>(blockDim.x)) {
      float s[4], x[4];
      load_quads<1>(student, q, team.step, team.cols, team.width, -kInf, s);
      scores.make(team, q, n, x);
      const float top = v.top.value, best = v.best.value;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        v.top.add(s[j]);
        v.best.add(x[j], 4 * q + j);
      }
      v.sums.value[0] = add_exponentials(v.sums.value[0], top, v.top.value, s);
      if (forget) v.sums.value[1] = add_exponentials(v.sums.value[1], best, v.best.value, x, inverse_tau);
    }
    return v;
  }

  __device__ __forceinline__ First join(const First& v, int lanes) const {
    First out;
    out.top = group_reduce(v.top, lanes);
    out.best = group_reduce(v.best, lanes);
    out.sums.value[0] = rescaled(v.sums.value[0], v.top.value, out.top.value);
    out.sums.value[1] = rescaled(v.sums.value[1], v.best.value, out.best.value, inverse(tau));
    out.sums = group_reduce(out.sums, lanes);
    return out;
  }

  __device__ __forceinline__ float weight(const First& whole) const { return forget ? whole.sums.value[1] : 1.0f; }

  __device__ __forceinline__ Second second(const Team& team, const First& whole) const {
    const Target target = this->target(whole.best);
    const Scale scale = this->scale(whole.finite(), whole.sums.value[0], weight(whole));
    Second dot;
    for (int q = team.first, n = 0; q < team.quads; q += team.step, n += static_cast<int>(blockDim.x)) {
      float s[4], w[4] = {};
      load_quads<1>(student, q, team.step, team.cols, team.width, -kInf, s);
      if (forget) scores.again(team, q, n, w);
      float partial = 0.0f;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        w[j] = target.weight(w[j], 4 * q + j);
        const float d = s[j] - whole.top.value;
        partial += w[j] > 0.0f ? w[j] * d : 0.0f;
        s[j] = scale.gradient(expf(d), w[j]);
      }
      dot.value[0] += partial;
      if (gradient != nullptr) store_quads<1>(gradient, q, team.step, team.cols, team.width, s);
    }
    return dot;
  }

  __device__ __forceinline__ Verdict finish(const First& whole, const Second& dot) const {
    write_loss(whole.finite(), whole.sums.value[0], weight(whole), dot.value[0]);
    return {whole.finite(), false};
  }
};

}  // namespace

int32_t gumbel_cross_entropy(const GumbelArgs& a) {
  constexpr const char* kOp = "gumbel_cross_entropy";
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  const int64_t bytes = element_bytes(a.dtype);
  const int width = AccessWidth(a.cols)
                        .matrix(a.student, a.student_stride, bytes)
                        .matrix(a.teacher, a.teacher_stride, bytes)
                        .matrix(a.gradient, a.gradient_stride, bytes)
                        .matrix(a.noise, a.noise_stride, 4)
                        .value();
  return with_dtype(a.dtype, [&](auto type) { return run_rows<GumbelCrossEntropy<decltype(type)>>(kOp, a, width); });
}

}  // namespace cuda
}  // namespace lotus
