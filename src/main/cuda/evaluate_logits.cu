// evaluate_logits on CUDA: everything an evaluation wants from one read of the logits.
//
//   m = max x, at its first class y;   S = sum exp(x_c - m),   T = sum exp(x_c - m) (x_c - m)
//   loss = log S - (x_label - m)       entropy = log S - T / S       correct = [y = label]
//
// Up to kWarpCols a row lives in the registers of a warp or a part of one; beyond, a block walks it once with sums that
// follow the running maximum. Counts are integers and may be added in any order. Sums by class are floating point and
// may not: class_sums.cu.
#include "common/numeric.cuh"
#include "common/quads.cuh"
#include "math/histogram.h"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "evaluate_logits";
constexpr int kMaxBlockThreads = 512;

struct Verdict {
  bool finite, correct;
};

// By one thread a row, from the sums of the whole row.
template <class T>
__device__ __forceinline__ Verdict finish(const EvaluateArgs& a, int64_t b, Best best, float sum, float moment) {
  const int64_t label = a.labels != nullptr ? a.labels[b] : 0;
  const bool finite = best.finite() && label >= 0 && label < a.cols;
  const float log_sum = log_positive(sum);
  if (a.loss != nullptr) {
    const T* row = static_cast<const T*>(a.logits) + b * a.logits_stride;
    a.loss[b] = finite ? log_sum - (widen(row[label]) - best.value) : kNan;
  }
  const float entropy = log_sum - moment / sum;
  if (a.entropy != nullptr) a.entropy[b] = finite ? entropy : kNan;
  if (a.histogram != nullptr && finite)
    atomicAdd(reinterpret_cast<unsigned long long*>(a.histogram) + histogram_bin(entropy, a.low, a.high, a.bins), 1ull);
  return {finite, finite && best.index == label};
}

// ---- C <= kWarpCols: 32 / lanes rows a warp, Q quads a lane ----
template <class T, int Q>
__global__ void __launch_bounds__(kWarpBlockThreads) evaluate_warp_rows(EvaluateArgs a, int lanes, int width) {
  const int in_group = static_cast<int>(threadIdx.x) & (lanes - 1);
  const int rows_per_block = static_cast<int>(blockDim.x) / lanes;
  const int row_in_block = static_cast<int>(threadIdx.x) / lanes;
  const int warp_row = static_cast<int>(threadIdx.x) / kWarp * (kWarp / lanes);
  int64_t correct = 0, nonfinite = 0;

  // The bound is the warp's first row, so that all 32 lanes take part in every shuffle.
  for (int64_t base = int64_t{blockIdx.x} * rows_per_block; base + warp_row < a.rows;
       base += int64_t{gridDim.x} * rows_per_block) {
    const int64_t b = base + row_in_block;
    const bool present = b < a.rows;
    const int cols = present ? static_cast<int>(a.cols) : 0;

    float x[4 * Q];
    load_quads<Q>(static_cast<const T*>(a.logits) + (present ? b : 0) * a.logits_stride, in_group, lanes, cols, width,
                  -kInf, x);
    Best best;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) best.add(x[i], 4 * (in_group + i / 4 * lanes) + i % 4);
    best = group_reduce(best, lanes);

    Sums<float, 2> sums;  // S, T
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      const float d = x[i] - best.value;
      const float e = expf(d);
      sums.value[0] += e;
      sums.value[1] += e > 0.0f ? e * d : 0.0f;  // a masked class: 0 * -inf
    }
    sums = group_reduce(sums, lanes);

    const bool writes = present && in_group == 0;
    Verdict verdict{true, false};
    if (writes) verdict = finish<T>(a, b, best, sums.value[0], sums.value[1]);
    correct += __popc(__ballot_sync(kAllLanes, writes && verdict.correct));
    nonfinite += __popc(__ballot_sync(kAllLanes, writes && !verdict.finite));
  }
  add_count(a.correct, correct);
  add_count(a.nonfinite_rows, nonfinite);
}

// ---- C > kWarpCols: a block a row, read once ----
template <class T>
__global__ void __launch_bounds__(kMaxBlockThreads) evaluate_block_rows(EvaluateArgs a, int width) {
  __shared__ Slots<Best> best_slots;
  __shared__ Slots<Sums<float, 2>> sum_slots;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  const int cols = static_cast<int>(a.cols), quads = cols / 4 + (cols % 4 != 0);
  int64_t correct = 0, nonfinite = 0;

  for (int64_t b = blockIdx.x; b < a.rows; b += gridDim.x) {
    const T* row = static_cast<const T*>(a.logits) + b * a.logits_stride;
    OnlineSums online;
    Best best;
    for (int q = thread; q < quads; q += threads) {
      float x[4];
      load_quads<1>(row, q, threads, cols, width, -kInf, x);
      online.add(x);
#pragma unroll
      for (int j = 0; j < 4; ++j) best.add(x[j], 4 * q + j);
    }
    best = block_reduce(best, best_slots.get());
    online.rescale(best.value);
    Sums<float, 2> sums;
    sums.value[0] = online.sum;
    sums.value[1] = online.moment;
    sums = block_reduce(sums, sum_slots.get());
    if (thread == 0) {
      const Verdict verdict = finish<T>(a, b, best, sums.value[0], sums.value[1]);
      correct += verdict.correct;
      nonfinite += !verdict.finite;
    }
  }
  // Thread 0 alone has counted, and is the lane that add_count lets write.
  if (thread < kWarp) {
    add_count(a.correct, correct);
    add_count(a.nonfinite_rows, nonfinite);
  }
}

template <class T>
int32_t run(const EvaluateArgs& a) {
  const int width = AccessWidth(a.cols).matrix(a.logits, a.logits_stride, element_bytes(a.dtype)).value();
  if (a.cols > kWarpCols)
    return check(kOp,
                 launch(evaluate_block_rows<T>, {a.rows, block_threads(a.cols), 0}, a.stream, a, width));
  const WarpRows shape = warp_rows(a.cols);
  const int64_t rows_per_block = kWarpBlockThreads / shape.lanes;
  return with_quads(shape.quads, [&](auto quads) {
    return check(kOp, launch(evaluate_warp_rows<T, decltype(quads)::value>,
                             {(a.rows + rows_per_block - 1) / rows_per_block, kWarpBlockThreads, 0}, a.stream, a,
                             shape.lanes, width));
  });
}

}  // namespace

int32_t evaluate_logits(const EvaluateArgs& a) {
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  // Where sums by class are all that is asked, they count the rows that are not finite themselves.
  if (a.class_sums != nullptr && a.correct == nullptr && a.loss == nullptr && a.entropy == nullptr)
    return class_sums(a, a.nonfinite_rows);
  const int32_t status = with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); });
  return status == LOTUS_OK && a.class_sums != nullptr ? class_sums(a, nullptr) : status;
}

}  // namespace cuda
}  // namespace lotus
