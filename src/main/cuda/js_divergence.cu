// js_divergence on CUDA: the divergence of each row, and its gradient with respect to p's logits.
//
// With x = (p - q) / (p + q), a = 1 + x = 2 p / (p + q), b = 1 - x = 2 q / (p + q), neither sum cancels where p and q
// are close, which is where the published tables live; x itself keeps the rounding of two softmaxes, a relative 5e-6 of the
// divergence at a distance of 1e-2 between the logits, 4e-4 at 1e-4:
//   textbook  0.5 p log(p/m) + 0.5 q log(q/m) = 0.25 (p + q) [a log1p(x) + b log1p(-x)]
//   upstream  m L, L = log(m / sqrt(p q))     = -0.5 log1p(-x^2), or -0.5 log(a b) where x^2 is near 1
// Terms are fp32, a quad of them is summed in fp32, quads in fp64.
//
// Slopes d row / d p: textbook 0.5 log1p(x); upstream 0.5 L + (p - q) / (4 p). From them the gradient as
// cpu/js_divergence.cpp derives it: p_c (H_c - sum_j p_j H_j), H the slope, 0 where the clamp acts and in UPSTREAM
// lowered by W = sum over the whole matrix of 0.5 P L.
//
// UPSTREAM divides by the sums of the whole clamped matrices, so it takes two passes over the input: row sums into the
// workspace, one small launch that adds them up in a fixed order, then the rows; and for a gradient, which needs W, a
// third. A row that is not finite adds nothing to those sums, so it spoils itself and the total, but no other row.
#include "common/numeric.cuh"
#include "common/quads.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "js_divergence";
constexpr int kMaxBlockThreads = 512;
constexpr int kSumThreads = 256;
constexpr float kClampLow = 1e-8f;
constexpr float kSmallest = 1.17549435e-38f;  // below: so small that x log x is nothing, and log_positive not for it

// log a, a = 1 + x; 0 where a is 0.
__device__ __forceinline__ float log_of(float a, float x) {
  if (fabsf(x) <= 0x1.555554p-2f) return log1p_small(x);
  return a >= kSmallest ? log_positive(a) : 0.0f;
}

struct Term {
  float value;  // of the divergence
  float slope;  // d value / d p
  float mean;   // upstream: the part of W
};

__device__ __forceinline__ Term term(float p, float q, bool textbook) {
  const float both = p + q;
  if (!(both >= kSmallest)) return {0.0f, 0.0f, 0.0f};
  const float inverse = 1.0f / both;
  const float x = (p - q) * inverse;
  const float a = 2.0f * p * inverse, b = 2.0f * q * inverse;
  if (textbook) {
    const float log_a = log_of(a, x);
    return {0.25f * both * (a * log_a + b * log_of(b, -x)), 0.5f * log_a, 0.0f};
  }
  const float y = x * x;
  const float twice = -(y <= 0x1.555554p-2f ? log1p_small(-y) : log_positive(a * b));  // 2 L
  return {0.25f * both * twice, 0.25f * (twice + (p - q) / p), 0.25f * p * twice};
}

// What a walk over the rows yields. UPSTREAM takes all three, the last for the gradient alone; the other forms one:
// kRows, or with a gradient kGradient, which then writes the rows too.
enum Pass { kSums, kRows, kGradient };

__device__ __forceinline__ bool writes_rows(const JsdArgs& a, Pass pass) {
  return pass == kRows || (pass == kGradient && a.form != LOTUS_JSD_UPSTREAM);
}

// One of the two operands' rows while it is walked: p_c = value_c * scale, clamped and scaled again in upstream's
// forms.
struct Operand {
  float top;    // what logits are shifted by
  float scale;  // 1 / sum, or 1
  float whole;  // 1 / sum of the whole matrix, or 1

  // exp(x - top) or x itself.
  static __device__ __forceinline__ float value(const JsdArgs& a, float x, float top) {
    return a.input_kind == LOTUS_LOGITS ? expf(x - top) : x;
  }

  // 0 for a class beyond C, whose value is 0.
  __device__ __forceinline__ float probability(const JsdArgs& a, float value, bool inside) const {
    const float p = value * scale;
    if (a.form == LOTUS_JSD_TEXTBOOK) return p;
    return inside ? fminf(fmaxf(p, kClampLow), 1.0f) * whole : 0.0f;
  }
};

// Notes +inf in `top` for what the row may not hold: NaN, +inf, a negative probability.
__device__ __forceinline__ void look(const JsdArgs& a, float x, Top& top) {
  if (a.input_kind == LOTUS_LOGITS)
    top.add(x);
  else
    top.add(x >= 0.0f ? 0.0f * x : kInf);  // 0 * inf is NaN, which add() takes for +inf
}

// Whether the row has a distribution at all. Probabilities may sum to anything but 0 and infinity.
__device__ __forceinline__ bool usable(Top top, float sum) { return top.finite() && sum > 0.0f && sum < kInf; }

__device__ __forceinline__ Operand operand(const JsdArgs& a, float top, float sum, float whole) {
  const bool normalise = a.input_kind == LOTUS_LOGITS || a.form == LOTUS_JSD_TEXTBOOK;
  return {top, normalise ? 1.0f / sum : 1.0f, whole};
}

// What UPSTREAM's rows are scaled by (1 before it is known and in the other forms) and, for the gradient, lowered by.
struct Whole {
  float p, q;        // 1 / sum
  float mean_slope;  // W
};
__device__ __forceinline__ Whole whole_matrix(const JsdArgs& a, Pass pass) {
  if (a.form != LOTUS_JSD_UPSTREAM || pass == kSums) return {1.0f, 1.0f, 0.0f};
  const double* at = a.workspace + 2 * a.rows;
  return {static_cast<float>(at[0]), static_cast<float>(at[1]),
          pass == kGradient ? static_cast<float>(at[a.rows + 2]) : 0.0f};
}

// By one thread a row: `sums` as add_quad fills them.
__device__ __forceinline__ void finish(const JsdArgs& a, int64_t b, Pass pass, bool finite,
                                       const Sums<double, 2>& sums) {
  if (pass == kSums) {
    a.workspace[b] = finite ? sums.value[0] : 0.0;
    a.workspace[a.rows + b] = finite ? sums.value[1] : 0.0;
  } else if (writes_rows(a, pass)) {
    a.row_out[b] = finite ? sums.value[0] : static_cast<double>(kNan);
    if (a.form == LOTUS_JSD_UPSTREAM) a.workspace[2 * a.rows + 2 + b] = finite ? sums.value[1] : 0.0;
  }
}

// Makes probabilities of a quad of values and adds it to the row's sums:
//   kSums      the clamped p, q
//   kRows      the divergence, UPSTREAM's part of W
//   kGradient  the divergence, sum p H; p is left as p without clamp, q as H
template <Pass pass>
__device__ __forceinline__ void add_quad(const JsdArgs& a, const Operand& at_p, const Operand& at_q,
                                         float mean_slope, int first_col, int cols, float* p, float* q,
                                         Sums<double, 2>& sums) {
  float first = 0.0f, second = 0.0f;
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const bool inside = first_col + j < cols;
    const float plain = p[j] * at_p.scale;
    p[j] = at_p.probability(a, p[j], inside);
    q[j] = at_q.probability(a, q[j], inside);
    if (pass == kSums) {
      first += p[j];
      second += q[j];
      continue;
    }
    const Term at = term(p[j], q[j], a.form == LOTUS_JSD_TEXTBOOK);
    first += at.value;
    if (pass == kGradient) {
      const bool free = a.form == LOTUS_JSD_TEXTBOOK || plain >= kClampLow;
      p[j] = plain;
      q[j] = free ? at.slope - mean_slope : 0.0f;
      second += p[j] * q[j];
    } else {
      second += at.mean;
    }
  }
  sums.value[0] += first;
  sums.value[1] += second;
}

// A quad of the gradient, in p: factor * p (H - sum p H); NaN in a row that is not finite.
__device__ __forceinline__ void slope_quad(bool finite, float factor, float mean, float* p, const float* q) {
#pragma unroll
  for (int j = 0; j < 4; ++j) p[j] = finite ? factor * (p[j] * (q[j] - mean)) : kNan;
}

// ---- C <= kWarpCols: 32 / lanes rows a warp, Q quads a lane ----
// Blocks a multiprocessor is to hold: left to itself, ptxas spills a register or two of some of these for one more.
constexpr int warp_blocks(int quads) { return quads == 1 ? 8 : quads == 2 ? 6 : quads == 4 ? 4 : 2; }

template <class T, int Q, Pass pass>
__global__ void __launch_bounds__(kWarpBlockThreads, warp_blocks(Q))
    jsd_warp_rows(JsdArgs a, int lanes, int width, float factor) {
  const int in_group = static_cast<int>(threadIdx.x) & (lanes - 1);
  const int rows_per_block = static_cast<int>(blockDim.x) / lanes;
  const int row_in_block = static_cast<int>(threadIdx.x) / lanes;
  const int warp_row = static_cast<int>(threadIdx.x) / kWarp * (kWarp / lanes);
  const float fill = a.input_kind == LOTUS_LOGITS ? -kInf : 0.0f;
  const Whole whole = whole_matrix(a, pass);
  int64_t nonfinite = 0;

  // The bound is the warp's first row, so that all 32 lanes take part in every shuffle.
  for (int64_t base = int64_t{blockIdx.x} * rows_per_block; base + warp_row < a.rows;
       base += int64_t{gridDim.x} * rows_per_block) {
    const int64_t b = base + row_in_block;
    const bool present = b < a.rows;
    const int64_t safe = present ? b : 0;
    const int cols = present ? static_cast<int>(a.cols) : 0;

    float p[4 * Q], q[4 * Q];
    load_quads<Q>(static_cast<const T*>(a.p) + safe * a.p_stride, in_group, lanes, cols, width, fill, p);
    load_quads<Q>(static_cast<const T*>(a.q) + safe * a.q_stride, in_group, lanes, cols, width, fill, q);

    Both<Top, Top> tops;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      look(a, p[i], tops.first);
      look(a, q[i], tops.second);
    }
    tops = group_reduce(tops, lanes);

    Sums<float, 2> totals;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      p[i] = Operand::value(a, p[i], tops.first.value);
      q[i] = Operand::value(a, q[i], tops.second.value);
      totals.value[0] += p[i];
      totals.value[1] += q[i];
    }
    totals = group_reduce(totals, lanes);
    const bool finite = usable(tops.first, totals.value[0]) && usable(tops.second, totals.value[1]);
    const Operand at_p = operand(a, tops.first.value, totals.value[0], whole.p);
    const Operand at_q = operand(a, tops.second.value, totals.value[1], whole.q);

    Sums<double, 2> sums;
#pragma unroll
    for (int i = 0; i < Q; ++i)
      add_quad<pass>(a, at_p, at_q, whole.mean_slope, 4 * (in_group + i * lanes), cols, p + 4 * i, q + 4 * i,
                         sums);
    sums = group_reduce(sums, lanes);

    const bool writes = present && in_group == 0;
    if (writes) finish(a, b, pass, finite, sums);
    if (pass == kGradient) {
      const float mean = static_cast<float>(sums.value[1]);
#pragma unroll
      for (int i = 0; i < Q; ++i) slope_quad(finite, factor * whole.p, mean, p + 4 * i, q + 4 * i);
      store_quads<Q>(static_cast<T*>(a.gradient) + safe * a.gradient_stride, in_group, lanes, cols, width, p);
    }
    nonfinite += __popc(__ballot_sync(kAllLanes, writes && !finite && writes_rows(a, pass)));
  }
  add_count(a.nonfinite_rows, nonfinite);
}

// ---- C > kWarpCols: a block a row, walked twice, for a gradient three times, from the second on out of L2 ----
template <class T, Pass pass>
__global__ void __launch_bounds__(kMaxBlockThreads, pass == kGradient ? 2 : 3)
    jsd_block_rows(JsdArgs a, int width, float factor) {
  __shared__ Slots<Both<Top, Top>> top_slots;
  __shared__ Slots<Sums<float, 2>> total_slots;
  __shared__ Slots<Sums<double, 2>> sum_slots;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  const int cols = static_cast<int>(a.cols), quads = cols / 4 + (cols % 4 != 0);
  const bool logits = a.input_kind == LOTUS_LOGITS;
  const float fill = logits ? -kInf : 0.0f;
  const Whole whole = whole_matrix(a, pass);
  int64_t nonfinite = 0;

  for (int64_t b = blockIdx.x; b < a.rows; b += gridDim.x) {
    const T* row_p = static_cast<const T*>(a.p) + b * a.p_stride;
    const T* row_q = static_cast<const T*>(a.q) + b * a.q_stride;

    OnlineSums online_p, online_q;
    Both<Top, Top> tops;
    Sums<float, 2> totals;
    for (int i = thread; i < quads; i += threads) {
      float p[4], q[4];
      load_quads<1>(row_p, i, threads, cols, width, fill, p);
      load_quads<1>(row_q, i, threads, cols, width, fill, q);
      if (logits) {
        online_p.add(p);
        online_q.add(q);
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          look(a, p[j], tops.first);
          look(a, q[j], tops.second);
        }
        totals.value[0] += (p[0] + p[1]) + (p[2] + p[3]);
        totals.value[1] += (q[0] + q[1]) + (q[2] + q[3]);
      }
    }
    if (logits) tops = {online_p.top, online_q.top};
    tops = block_reduce(tops, top_slots.get());
    if (logits) {
      online_p.rescale(tops.first.value);
      online_q.rescale(tops.second.value);
      totals.value[0] = online_p.sum;
      totals.value[1] = online_q.sum;
    }
    totals = block_reduce(totals, total_slots.get());
    const bool finite = usable(tops.first, totals.value[0]) && usable(tops.second, totals.value[1]);
    const Operand at_p = operand(a, tops.first.value, totals.value[0], whole.p);
    const Operand at_q = operand(a, tops.second.value, totals.value[1], whole.q);

    // The quad's four columns become p and, of the other operand, what add_quad makes of it.
    const auto take_quad = [&](int i, float(&p)[4], float(&q)[4], Sums<double, 2>& sums) {
      load_quads<1>(row_p, i, threads, cols, width, fill, p);
      load_quads<1>(row_q, i, threads, cols, width, fill, q);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        p[j] = Operand::value(a, p[j], at_p.top);
        q[j] = Operand::value(a, q[j], at_q.top);
      }
      add_quad<pass>(a, at_p, at_q, whole.mean_slope, 4 * i, cols, p, q, sums);
    };
    Sums<double, 2> sums;
    for (int i = thread; i < quads; i += threads) {
      float p[4], q[4];
      take_quad(i, p, q, sums);
    }
    sums = block_reduce(sums, sum_slots.get());
    if (thread == 0) {
      finish(a, b, pass, finite, sums);
      nonfinite += !finite && writes_rows(a, pass);
    }
    if (pass != kGradient) continue;
    // In place, a quad is read again and then written by one thread alone.
    T* out = static_cast<T*>(a.gradient) + b * a.gradient_stride;
    const float mean = static_cast<float>(sums.value[1]);
    for (int i = thread; i < quads; i += threads) {
      float p[4], q[4];
      Sums<double, 2> again;
      take_quad(i, p, q, again);
      slope_quad(finite, factor * whole.p, mean, p, q);
      store_quads<1>(out, i, threads, cols, width, p);
    }
  }
  // Thread 0 alone has counted, and is the lane that add_count lets write.
  if (thread < kWarp) add_count(a.nonfinite_rows, nonfinite);
}

// out[k] = sum_b in[k * rows + b] / divisor, or its reciprocal: a block a column k, always the same tree.
__global__ void __launch_bounds__(kSumThreads) column_sums(const double* in, int64_t rows, int64_t columns,
                                                           double divisor, bool reciprocal, double* out) {
  __shared__ Slots<Sums<double, 1>> slots[2];
  int turn = 0;
  for (int64_t k = blockIdx.x; k < columns; k += gridDim.x) {
    Sums<double, 1> sum;
    for (int64_t b = threadIdx.x; b < rows; b += kSumThreads) sum.value[0] += in[k * rows + b];
    sum = block_reduce(sum, slots[turn].get());
    if (threadIdx.x == 0) out[k] = reciprocal ? divisor / sum.value[0] : sum.value[0] / divisor;
    turn ^= 1;
  }
}

double total_divisor(const JsdArgs& a) {
  const double rows = static_cast<double>(a.rows);
  return a.form == LOTUS_JSD_BAD_TEACHING ? rows * static_cast<double>(a.cols) : rows;
}

template <class T, Pass pass>
int32_t rows(const JsdArgs& a) {
  const float factor = static_cast<float>(a.gradient_scale / total_divisor(a));
  const int64_t bytes = element_bytes(a.dtype);
  const int width = AccessWidth(a.cols)
                        .matrix(a.p, a.p_stride, bytes)
                        .matrix(a.q, a.q_stride, bytes)
                        .matrix(a.gradient, a.gradient_stride, bytes)
                        .value();
  if (a.cols > kWarpCols)
    return check(kOp, launch(jsd_block_rows<T, pass>, {a.rows, block_threads(a.cols), 0}, a.stream, a, width, factor));
  const WarpRows shape = warp_rows(a.cols);
  const int64_t rows_per_block = kWarpBlockThreads / shape.lanes;
  return with_quads(shape.quads, [&](auto quads) {
    return check(kOp, launch(jsd_warp_rows<T, decltype(quads)::value, pass>,
                             {(a.rows + rows_per_block - 1) / rows_per_block, kWarpBlockThreads, 0}, a.stream, a,
                             shape.lanes, width, factor));
  });
}

template <Pass pass>
int32_t rows(const JsdArgs& a) {
  return with_dtype(a.dtype, [&](auto type) { return rows<decltype(type), pass>(a); });
}

int32_t sum(const JsdArgs& a, const double* in, int64_t columns, double divisor, bool reciprocal, double* out) {
  return check(kOp, launch(column_sums, {columns, kSumThreads, 0}, a.stream, in, a.rows, columns, divisor, reciprocal,
                           out));
}

}  // namespace

int32_t js_divergence(const JsdArgs& a) {
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  const bool upstream = a.form == LOTUS_JSD_UPSTREAM, gradient = a.gradient != nullptr;
  double* whole = a.workspace + 2 * a.rows;
  int32_t status = LOTUS_OK;
  if (upstream) {
    status = rows<kSums>(a);
    if (status == LOTUS_OK) status = sum(a, a.workspace, 2, 1.0, true, whole);
  }
  if (status == LOTUS_OK && (upstream || !gradient)) status = rows<kRows>(a);
  if (status == LOTUS_OK && upstream && gradient) status = sum(a, whole + 2, 1, 1.0, false, whole + 2 + a.rows);
  if (status == LOTUS_OK && gradient) status = rows<kGradient>(a);
  if (status != LOTUS_OK || a.total == nullptr) return status;
  return sum(a, a.row_out, 1, total_divisor(a), false, a.total);
}

}  // namespace cuda
}  // namespace lotus
