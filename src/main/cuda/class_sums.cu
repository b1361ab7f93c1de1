// The sums of evaluate_logits: softmax(row) added to row class_slot[label] of a [K, C] fp64 matrix, row after row.
//
// Floating point sums depend on their order, so no atomics: a block owns a slot, walks the labels in order, a chunk of
// kThreads at a time, and gathers the chunk's rows of its slot. Its warps then find those rows' maxima and sums of
// exponentials (a warp a row), and last its threads add down the columns (a thread a column, its rows in order). A row
// has one label, so every row of logits is read by one block alone, from memory once and then from the cache; the
// labels are read K times, 8 bytes a row.
#include "common/numeric.cuh"
#include "common/quads.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

__device__ __forceinline__ bool bad_label(const EvaluateArgs& a, int64_t b) {
  return b < a.rows && (a.labels[b] < 0 || a.labels[b] >= a.cols);
}

__device__ __forceinline__ bool belongs(const EvaluateArgs& a, int64_t b, int64_t slot) {
  if (b >= a.rows || bad_label(a, b)) return false;
  const int64_t label = a.labels[b];
  return (a.class_slot != nullptr ? a.class_slot[label] : label) == slot;
}

template <class T>
__global__ void __launch_bounds__(kThreads) class_sums_by_slot(EvaluateArgs a, int width, int64_t* nonfinite) {
  __shared__ int matches[kWarps];      // rows of the slot in each warp's part of the chunk
  __shared__ int list[kThreads];       // those rows, in order, counted from the chunk's first
  __shared__ float top[kThreads];      // of each listed row
  __shared__ float inverse[kThreads];  // 1 / sum of exponentials; 0: the row is not finite and is left out
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
  const int cols = static_cast<int>(a.cols), quads = cols / 4 + (cols % 4 != 0);
  const T* logits = static_cast<const T*>(a.logits);

  for (int64_t slot = blockIdx.x; slot < a.slots; slot += gridDim.x) {
    double* sums = a.class_sums + slot * a.class_sums_stride;
    int64_t count = 0, left_out = 0;
    for (int64_t first = 0; first < a.rows; first += kThreads) {
      const bool mine = belongs(a, first + thread, slot);
      const uint32_t ballot = __ballot_sync(kAllLanes, mine);
      if (lane == 0) matches[warp] = __popc(ballot);
      __syncthreads();  // without it the places in the list would be counted from matches not yet written
      int place = __popc(ballot & ((1u << lane) - 1)), total = 0;
#pragma unroll
      for (int i = 0; i < kWarps; ++i) {
        place += i < warp ? matches[i] : 0;
        total += matches[i];
      }
      if (mine) list[place] = thread;
      __syncthreads();  // without it a warp would take rows from a list still being written

      for (int i = warp; i < total; i += kWarps) {
        const T* row = logits + (first + list[i]) * a.logits_stride;
        OnlineSums online;
        for (int q = lane; q < quads; q += kWarp) {
          float x[4];
          load_quads<1>(row, q, kWarp, cols, width, -kInf, x);
          online.add(x);
        }
        const Top largest = group_reduce(online.top, kWarp);
        online.rescale(largest.value);
        Sums<float, 1> sum;
        sum.value[0] = online.sum;
        sum = group_reduce(sum, kWarp);
        if (lane == 0) {
          top[i] = largest.value;
          inverse[i] = largest.finite() ? 1.0f / sum.value[0] : 0.0f;
        }
      }
      __syncthreads();  // without it columns would be added with maxima of rows that another warp has not done

      for (int c = thread; total > 0 && c < cols; c += kThreads) {
        double sum = sums[c];
        for (int i = 0; i < total; ++i) {
          const float x = widen(logits[(first + list[i]) * a.logits_stride + c]);
          if (inverse[i] > 0.0f) sum += static_cast<double>(expf(x - top[i]) * inverse[i]);
        }
        sums[c] = sum;
      }
      for (int i = 0; thread == 0 && i < total; ++i) {
        count += inverse[i] > 0.0f;
        left_out += !(inverse[i] > 0.0f);
      }
      // Rows with a bad label are nobody's; the first slot's block counts them, a warp its part of the chunk.
      if (nonfinite != nullptr && slot == 0)
        add_count(nonfinite, __popc(__ballot_sync(kAllLanes, bad_label(a, first + thread))));
      // No barrier here: the next chunk writes the list, top and inverse only behind its first barrier, which every
      // thread reaches after adding; and matches, written before that, is last read before the barriers above.
    }
    if (thread == 0) a.class_counts[slot] += count;
    // Thread 0 alone has counted, and is the lane that add_count lets write.
    if (thread < kWarp) add_count(nonfinite, left_out);
  }
}

template <class T>
int32_t run(const EvaluateArgs& a, int64_t* nonfinite) {
  const int width = AccessWidth(a.cols).matrix(a.logits, a.logits_stride, element_bytes(a.dtype)).value();
  return check("evaluate_logits", launch(class_sums_by_slot<T>, {a.slots, kThreads, 0}, a.stream, a, width, nonfinite));
}

}  // namespace

int32_t class_sums(const EvaluateArgs& a, int64_t* nonfinite) {
  return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a, nonfinite); });
}

}  // namespace cuda
}  // namespace lotus
