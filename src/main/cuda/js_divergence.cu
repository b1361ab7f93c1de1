// js_divergence on CUDA.
//
// With x = (p - q) / (p + q), a = 1 + x = 2 p / (p + q), b = 1 - x = 2 q / (p + q), neither form cancels where p and q
// are close, which is where the published tables live:
//   textbook  0.5 p log(p/m) + 0.5 q log(q/m) = 0.25 (p + q) [a log1p(x) + b log1p(-x)]
//   upstream  m log(m / sqrt(p q))            = -0.25 (p + q) log1p(-x^2), or log(a b) where x^2 is near 1
// Terms are fp32, a quad of them is summed in fp32, quads in fp64.
//
// UPSTREAM divides by the sums of the whole clamped matrices, so it takes two passes over the input: row sums into the
// workspace, one small launch that adds them up in a fixed order, then the rows. A row that is not finite adds nothing
// to those sums, so it spoils itself and the total, but no other row.
#include "common/numeric.cuh"
#include "common/quads.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "js_divergence";
constexpr int kMaxBlockThreads = 512;
constexpr int kSumThreads = 256;
constexpr float kSmallest = 1.17549435e-38f;  // below: so small that x log x is nothing, and log_positive not for it

__device__ __forceinline__ float times_log(float a, float x) {
  if (fabsf(x) <= 0x1.555554p-2f) return a * log1p_small(x);
  return a >= kSmallest ? a * log_positive(a) : 0.0f;
}

__device__ __forceinline__ float term(float p, float q, bool textbook) {
  const float both = p + q;
  if (!(both >= kSmallest)) return 0.0f;
  const float inverse = 1.0f / both;
  const float x = (p - q) * inverse;
  const float a = 2.0f * p * inverse, b = 2.0f * q * inverse;
  if (textbook) return 0.25f * both * (times_log(a, x) + times_log(b, -x));
  const float y = x * x;
  return -0.25f * both * (y <= 0x1.555554p-2f ? log1p_small(-y) : log_positive(a * b));
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
    return inside ? fminf(fmaxf(p, 1e-8f), 1.0f) * whole : 0.0f;
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

__device__ __forceinline__ Operand operand(const JsdArgs& a, float top, float sum, double whole_sum) {
  const bool normalise = a.input_kind == LOTUS_LOGITS || a.form == LOTUS_JSD_TEXTBOOK;
  return {top, normalise ? 1.0f / sum : 1.0f, static_cast<float>(1.0 / whole_sum)};
}

// The two sums that UPSTREAM's rows are divided by; 1 before they are known and in the other forms.
struct Whole {
  double p, q;
};
__device__ __forceinline__ Whole whole_sums(const JsdArgs& a, bool sums_only) {
  if (a.form != LOTUS_JSD_UPSTREAM || sums_only) return {1.0, 1.0};
  return {a.workspace[2 * a.rows], a.workspace[2 * a.rows + 1]};
}

// By one thread a row: `sums` holds the two clamped sums, or the divergence and nothing.
__device__ __forceinline__ void finish(const JsdArgs& a, int64_t b, bool sums_only, bool finite,
                                       const Sums<double, 2>& sums) {
  if (sums_only) {
    a.workspace[b] = finite ? sums.value[0] : 0.0;
    a.workspace[a.rows + b] = finite ? sums.value[1] : 0.0;
  } else {
    a.row_out[b] = finite ? sums.value[0] : static_cast<double>(kNan);
  }
}

// Adds a quad of probabilities to the row's sums.
__device__ __forceinline__ void add_quad(const JsdArgs& a, bool sums_only, const float* p, const float* q,
                                         Sums<double, 2>& sums) {
  float first = 0.0f, second = 0.0f;
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    first += sums_only ? p[j] : term(p[j], q[j], a.form == LOTUS_JSD_TEXTBOOK);
    second += sums_only ? q[j] : 0.0f;
  }
  sums.value[0] += first;
  sums.value[1] += second;
}

// ---- C <= kWarpCols: 32 / lanes rows a warp, Q quads a lane ----
template <class T, int Q>
__global__ void __launch_bounds__(kWarpBlockThreads) jsd_warp_rows(JsdArgs a, int lanes, int width, bool sums_only) {
  const int in_group = static_cast<int>(threadIdx.x) & (lanes - 1);
  const int rows_per_block = static_cast<int>(blockDim.x) / lanes;
  const int row_in_block = static_cast<int>(threadIdx.x) / lanes;
  const int warp_row = static_cast<int>(threadIdx.x) / kWarp * (kWarp / lanes);
  const float fill = a.input_kind == LOTUS_LOGITS ? -kInf : 0.0f;
  const Whole whole = whole_sums(a, sums_only);
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
    for (int i = 0; i < Q; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const bool inside = 4 * (in_group + i * lanes) + j < cols;
        p[4 * i + j] = at_p.probability(a, p[4 * i + j], inside);
        q[4 * i + j] = at_q.probability(a, q[4 * i + j], inside);
      }
      add_quad(a, sums_only, p + 4 * i, q + 4 * i, sums);
    }
    sums = group_reduce(sums, lanes);

    const bool writes = present && in_group == 0;
    if (writes) finish(a, b, sums_only, finite, sums);
    nonfinite += __popc(__ballot_sync(kAllLanes, writes && !finite && !sums_only));
  }
  add_count(a.nonfinite_rows, nonfinite);
}

// ---- C > kWarpCols: a block a row, walked twice, the second time from L2 ----
template <class T>
__global__ void __launch_bounds__(kMaxBlockThreads, 3) jsd_block_rows(JsdArgs a, int width, bool sums_only) {
  __shared__ Slots<Both<Top, Top>> top_slots;
  __shared__ Slots<Sums<float, 2>> total_slots;
  __shared__ Slots<Sums<double, 2>> sum_slots;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  const int cols = static_cast<int>(a.cols), quads = cols / 4 + (cols % 4 != 0);
  const bool logits = a.input_kind == LOTUS_LOGITS;
  const float fill = logits ? -kInf : 0.0f;
  const Whole whole = whole_sums(a, sums_only);
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

    Sums<double, 2> sums;
    for (int i = thread; i < quads; i += threads) {
      float p[4], q[4];
      load_quads<1>(row_p, i, threads, cols, width, fill, p);
      load_quads<1>(row_q, i, threads, cols, width, fill, q);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const bool inside = 4 * i + j < cols;
        p[j] = at_p.probability(a, Operand::value(a, p[j], at_p.top), inside);
        q[j] = at_q.probability(a, Operand::value(a, q[j], at_q.top), inside);
      }
      add_quad(a, sums_only, p, q, sums);
    }
    sums = block_reduce(sums, sum_slots.get());
    if (thread == 0) {
      finish(a, b, sums_only, finite, sums);
      nonfinite += !finite && !sums_only;
    }
  }
  // Thread 0 alone has counted, and is the lane that add_count lets write.
  if (thread < kWarp) add_count(a.nonfinite_rows, nonfinite);
}

// out[k] = sum_b in[k * rows + b] / divisor: a block a column k, always the same tree.
__global__ void __launch_bounds__(kSumThreads) column_sums(const double* in, int64_t rows, int64_t columns,
                                                           double divisor, double* out) {
  __shared__ Slots<Sums<double, 1>> slots[2];
  int turn = 0;
  for (int64_t k = blockIdx.x; k < columns; k += gridDim.x) {
    Sums<double, 1> sum;
    for (int64_t b = threadIdx.x; b < rows; b += kSumThreads) sum.value[0] += in[k * rows + b];
    sum = block_reduce(sum, slots[turn].get());
    if (threadIdx.x == 0) out[k] = sum.value[0] / divisor;
    turn ^= 1;
  }
}

template <class T>
int32_t rows(const JsdArgs& a, bool sums_only) {
  const int64_t bytes = element_bytes(a.dtype);
  const int width = AccessWidth(a.cols).matrix(a.p, a.p_stride, bytes).matrix(a.q, a.q_stride, bytes).value();
  if (a.cols > kWarpCols)
    return check(kOp, launch(jsd_block_rows<T>, {a.rows, block_threads(a.cols), 0}, a.stream, a, width, sums_only));
  const WarpRows shape = warp_rows(a.cols);
  const int64_t rows_per_block = kWarpBlockThreads / shape.lanes;
  return with_quads(shape.quads, [&](auto quads) {
    return check(kOp, launch(jsd_warp_rows<T, decltype(quads)::value>,
                             {(a.rows + rows_per_block - 1) / rows_per_block, kWarpBlockThreads, 0}, a.stream, a,
                             shape.lanes, width, sums_only));
  });
}

int32_t rows(const JsdArgs& a, bool sums_only) {
  return with_dtype(a.dtype, [&](auto type) { return rows<decltype(type)>(a, sums_only); });
}

int32_t sum(const JsdArgs& a, const double* in, int64_t columns, double divisor, double* out) {
  return check(kOp, launch(column_sums, {columns, kSumThreads, 0}, a.stream, in, a.rows, columns, divisor, out));
}

}  // namespace

int32_t js_divergence(const JsdArgs& a) {
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  int32_t status = LOTUS_OK;
  if (a.form == LOTUS_JSD_UPSTREAM) {
    status = rows(a, true);
    if (status == LOTUS_OK) status = sum(a, a.workspace, 2, 1.0, a.workspace + 2 * a.rows);
  }
  if (status == LOTUS_OK) status = rows(a, false);
  if (status != LOTUS_OK || a.total == nullptr) return status;
  const double b = static_cast<double>(a.rows);
  return sum(a, a.row_out, 1, a.form == LOTUS_JSD_BAD_TEACHING ? b * static_cast<double>(a.cols) : b, a.total);
}

}  // namespace cuda
}  // namespace lotus
