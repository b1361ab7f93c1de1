// top_k_mask on CUDA: an exact selection by the bits of |x|, which order non-negative floats as integers.
//
// Three times: histogram of the leading 11, the next 10, the last 10 bits of the keys that agree with the threshold so
// far (shared counters a block, then integer atomics: no order can show), and one block that picks the digit in which
// the k-th largest key lies. Then the equals of that key are counted a slot (common/tensors.cuh), the counts turned into
// those before each slot, and the mask is written: an equal is in it while fewer than `left` lie before it.
// No number ever comes to the host.
#include "common/tensors.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "top_k_mask";
constexpr int kBins = 2048;
constexpr int kSlots = 4096;

struct Workspace {
  int64_t bins[kBins];
  int64_t key;   // the threshold's leading bits so far, in the end all of them
  int64_t left;  // how many elements of this prefix belong to the mask
  int64_t equal_before[kSlots];
};
static_assert(sizeof(Workspace) <= LOTUS_TOP_K_WORKSPACE * sizeof(int64_t), "the caller's workspace");

struct Digit {
  int shift, bits;
};
constexpr Digit kDigits[] = {{20, 11}, {10, 10}, {0, 10}};

__device__ __forceinline__ uint32_t key_of(float x) {
  const uint32_t bits = __float_as_uint(x) & 0x7fffffffu;
  return bits > 0x7f800000u ? 0u : bits;  // NaN counts as 0
}

__global__ void __launch_bounds__(kTensorThreads) start(Workspace* work, int64_t k) {
  for (int i = static_cast<int>(threadIdx.x); i < kBins; i += kTensorThreads) work->bins[i] = 0;
  for (int i = static_cast<int>(threadIdx.x); i < kSlots; i += kTensorThreads) work->equal_before[i] = 0;
  if (threadIdx.x == 0) {
    work->key = 0;
    work->left = k;
  }
}

__global__ void __launch_bounds__(kTensorThreads)
    count_digits(const __grid_constant__ TensorTable table, Digit digit, Workspace* work) {
  __shared__ uint32_t bins[kBins];  // a block meets fewer than 2^32 elements: max_blocks share the list
  for (int i = static_cast<int>(threadIdx.x); i < kBins; i += kTensorThreads) bins[i] = 0;
  const uint32_t prefix = static_cast<uint32_t>(work->key);
  __syncthreads();  // without it counts would be added to bins that are still to be cleared
  for_quads(table, [&](const TensorEntry& t, const Quad& quad) {
    float x[4];
    quad.load(t.first, x);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const uint32_t key = key_of(x[j]);
      // In two steps, for the first digit has all 31 bits below its end.
      if (j < quad.n && key >> digit.shift >> digit.bits == prefix)
        atomicAdd(&bins[key >> digit.shift & ((1u << digit.bits) - 1)], 1u);
    }
  });
  __syncthreads();  // without it a bin would be handed over before all are counted
  for (int i = static_cast<int>(threadIdx.x); i < kBins; i += kTensorThreads)
    if (bins[i] != 0)
      atomicAdd(reinterpret_cast<unsigned long long*>(&work->bins[i]), static_cast<unsigned long long>(bins[i]));
}

// One block. Bins from the largest down, kOwn consecutive ones a thread.
__global__ void __launch_bounds__(kTensorThreads) choose_digit(Workspace* work, int bits) {
  constexpr int kOwn = kBins / kTensorThreads;
  __shared__ int64_t sums[kTensorThreads];
  const int thread = static_cast<int>(threadIdx.x);
  int64_t own[kOwn], sum = 0;
#pragma unroll
  for (int i = 0; i < kOwn; ++i) {
    own[i] = work->bins[kBins - 1 - (thread * kOwn + i)];
    sum += own[i];
    work->bins[kBins - 1 - (thread * kOwn + i)] = 0;  // for the next digit
  }
  sums[thread] = sum;
  const int64_t left = work->left, key = work->key;
  __syncthreads();  // without it sums would be read before they are there, and `left` after it was changed below
  int64_t before = 0;
  for (int i = 0; i < thread; ++i) before += sums[i];
  // One thread has the k-th largest; k = 0 asks for none, which the very largest digit and left = 0 say.
  if (left == 0 ? thread != 0 : before >= left || before + sum < left) return;
  int64_t rest = left - before;
  int digit = kBins - 1 - thread * kOwn;
  bool found = false;
#pragma unroll
  for (int i = 0; i < kOwn; ++i) {
    found = found || own[i] >= rest;
    rest -= found ? 0 : own[i];
    digit -= found ? 0 : 1;
  }
  work->left = rest;
  work->key = key << bits | (digit & ((1 << bits) - 1));
}

__global__ void __launch_bounds__(kTensorThreads)
    count_equal(const __grid_constant__ TensorTable table, SlotRange range, Workspace* work) {
  __shared__ Slots<Sums<int64_t, 1>> shared[2];  // in turn, so that block_reduce's one barrier is enough
  const uint32_t threshold = static_cast<uint32_t>(work->key);
  int turn = 0;
  for (int64_t slot = range.first_slot + blockIdx.x; slot < range.end_slot; slot += gridDim.x, turn ^= 1) {
    Sums<int64_t, 1> equal;
    for_quads(table, range.begin(slot), range.end(slot, table.chunks), 1, [&](const TensorEntry& t, const Quad& quad) {
      float x[4];
      quad.load(t.first, x);
#pragma unroll
      for (int j = 0; j < 4; ++j) equal.value[0] += j < quad.n && key_of(x[j]) == threshold;
    });
    equal = block_reduce(equal, shared[turn].get());
    if (threadIdx.x == 0) work->equal_before[slot] += equal.value[0];
  }
}

// One block: counts a slot become counts before the slot.
__global__ void __launch_bounds__(kTensorThreads) add_up(Workspace* work) {
  constexpr int kOwn = kSlots / kTensorThreads;
  __shared__ int64_t sums[kTensorThreads];
  const int thread = static_cast<int>(threadIdx.x);
  int64_t* own = work->equal_before + thread * kOwn;
  int64_t sum = 0;
  for (int i = 0; i < kOwn; ++i) sum += own[i];
  sums[thread] = sum;
  __syncthreads();  // without it sums would be read before they are there
  int64_t before = 0;
  for (int i = 0; i < thread; ++i) before += sums[i];
  for (int i = 0; i < kOwn; ++i) {
    const int64_t count = own[i];
    own[i] = before;
    before += count;
  }
}

__global__ void __launch_bounds__(kTensorThreads)
    write_mask(const __grid_constant__ TensorTable table, SlotRange range, Workspace* work) {
  constexpr int kWarps = kTensorThreads / kWarp;
  __shared__ int equals[2][kWarps];  // of each warp, in this round; two sets in turn
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
  const uint32_t threshold = static_cast<uint32_t>(work->key), lower_lanes = (1u << lane) - 1;
  const int64_t left = work->left;
  int turn = 0;
  for (int64_t slot = range.first_slot + blockIdx.x; slot < range.end_slot; slot += gridDim.x) {
    int64_t before = work->equal_before[slot];
    const int64_t end = range.end(slot, table.chunks);
    for (int64_t chunk = range.begin(slot); chunk < end; ++chunk) {
      const TensorEntry& t = table.entries[tensor_of(table, static_cast<int>(chunk))];
      // Every thread takes part in every round, with or without a quad: ballots and barriers.
      for (int round = 0; round < kRounds; ++round, turn ^= 1) {
        const Quad quad = quad_of(t, static_cast<int>(chunk), round);
        float x[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (quad.n > 0) quad.load(t.first, x);
        bool equal[4], taken[4];
        int lower = 0, in_warp = 0;  // equals in the lower lanes, in the warp
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          equal[j] = j < quad.n && key_of(x[j]) == threshold;
          const uint32_t ballot = __ballot_sync(kAllLanes, equal[j]);
          lower += __popc(ballot & lower_lanes);
          in_warp += __popc(ballot);
        }
        if (lane == 0) equals[turn][warp] = in_warp;
        __syncthreads();  // without it a warp would miss the equals of those before it
        int64_t rank = before + lower;
#pragma unroll
        for (int i = 0; i < kWarps; ++i) {
          rank += i < warp ? equals[turn][i] : 0;
          before += equals[turn][i];
        }
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          taken[j] = key_of(x[j]) > threshold || (equal[j] && rank < left);
          rank += equal[j];
        }
        if (quad.n > 0) quad.store(t.mask, taken);
        // The other set serves the next round; this one is written again only behind that round's barrier.
      }
    }
    // The launch's last slot may go on in the next launch. The others have read the old number before a barrier above.
    if (slot + 1 == range.end_slot && thread == 0) work->equal_before[slot] = before;
  }
}

}  // namespace

int32_t top_k_mask(const TopKArgs& a) {
  const DeviceScope scope(a.list.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  Workspace* work = reinterpret_cast<Workspace*>(a.workspace);
  void* stream = a.list.stream;
  LOTUS_CUDA_TRY(kOp, launch(start, tensor_shape(1), stream, work, a.k));
  for (const Digit& digit : kDigits) {
    const int32_t status = for_launches(a.list, [&](const TensorTable& table) {
      return check(kOp, launch(count_digits, tensor_shape(table.chunks), stream, table, digit, work));
    });
    if (status != LOTUS_OK) return status;
    LOTUS_CUDA_TRY(kOp, launch(choose_digit, tensor_shape(1), stream, work, digit.bits));
  }
  const auto over_slots = [&](void (*kernel)(TensorTable, SlotRange, Workspace*)) {
    return for_slot_launches(a.list, kSlots, [&](const TensorTable& table, const SlotRange& range) {
      return check(kOp, launch(kernel, tensor_shape(range.end_slot - range.first_slot), stream, table, range, work));
    });
  };
  const int32_t status = over_slots(count_equal);
  if (status != LOTUS_OK) return status;
  LOTUS_CUDA_TRY(kOp, launch(add_up, tensor_shape(1), stream, work));
  return over_slots(write_mask);
}

}  // namespace cuda
}  // namespace lotus
