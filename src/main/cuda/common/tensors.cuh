// How blocks meet a list of tensors. The list travels as a kernel parameter, which may be 32,764 bytes (CUDA 12.1, sm_70):
// nothing is copied to the device first, and a captured graph keeps it. Longer lists take several launches.
//
// A tensor is cut into CHUNKS of kChunk elements; the chunks of a launch are numbered through, and a block finds the
// tensor of its chunk by a search among the tensors' first chunks. A QUAD is four consecutive elements of a chunk:
// thread k has quads k, k + kThreads, ... It is moved by one access an array (16 bytes of fp32) where every array of the
// tensor starts on a multiple of its quad, else element by element. Who has which element depends on neither.
#pragma once

#include "common/quads.cuh"
#include "common/reduce.cuh"

namespace lotus {
namespace cuda {

constexpr int kTensorThreads = 256;
constexpr int kChunk = 4096;
constexpr int kChunkQuads = kChunk / 4;

struct TensorEntry {
  float* weight;
  const void* gradient;
  float* first;
  float* second;
  uint8_t* mask;
  uint16_t* shadow;
  int64_t count;
  int32_t first_chunk;
  int32_t aligned;  // every array that is there starts on a multiple of its quad
};

#ifdef LOTUS_CUDA_EMULATION
constexpr int kTensorsPerLaunch = 24;  // a fiber's stack is small, and tests want lists of several launches
#else
constexpr int kTensorsPerLaunch = 500;
#endif

struct TensorTable {
  TensorEntry entries[kTensorsPerLaunch];
  int32_t tensors;
  int32_t chunks;
};
constexpr size_t kMostParameterBytes = 32764;
constexpr size_t kOtherParameterBytes = 512;  // room that the kernels' other parameters have
static_assert(sizeof(TensorTable) + kOtherParameterBytes <= kMostParameterBytes, "a kernel's parameters");

// ---- Host: calls body(table) for each launch, until one fails ----
inline bool quad_aligned(const void* data, int64_t element_bytes) {
  return reinterpret_cast<uintptr_t>(data) % static_cast<uint64_t>(4 * element_bytes) == 0;
}

inline int64_t chunks_of(int64_t count) { return (count + kChunk - 1) / kChunk; }

inline int64_t chunks_of(const TensorList& list) {
  int64_t chunks = 0;
  for (int64_t i = 0; i < list.count; ++i) chunks += chunks_of(list.tensors[i].count);
  return chunks;
}

template <class Body>
int32_t for_launches(const TensorList& list, Body body) {
  constexpr int64_t kMostChunks = INT32_MAX;
  TensorTable table;
  for (int64_t i = 0; i < list.count;) {
    table.tensors = table.chunks = 0;
    for (; i < list.count && table.tensors < kTensorsPerLaunch; ++i) {
      const lotus_tensor& t = list.tensors[i];
      if (t.count == 0) continue;
      const int64_t chunks = chunks_of(t.count);
      if (table.tensors > 0 && table.chunks + chunks > kMostChunks) break;
      const bool aligned = quad_aligned(t.weight, 4) && quad_aligned(t.gradient, element_bytes(list.dtype)) &&
                           quad_aligned(t.first, 4) && quad_aligned(t.second, 4) && quad_aligned(t.mask, 1) &&
                           quad_aligned(t.shadow, 2);
      table.entries[table.tensors++] = {t.weight, t.gradient, t.first, t.second,     t.mask,
                                        t.shadow, t.count,    table.chunks, aligned};
      table.chunks += static_cast<int32_t>(chunks);
    }
    if (table.tensors == 0) continue;
    const int32_t status = body(table);
    if (status != LOTUS_OK) return status;
  }
  return LOTUS_OK;
}

// ---- Device ----
// The tensor that a chunk of the launch belongs to: the last whose first chunk is not beyond it.
__device__ __forceinline__ int tensor_of(const TensorTable& table, int chunk) {
  int low = 0, high = table.tensors;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table.entries[middle].first_chunk <= chunk)
      low = middle;
    else
      high = middle;
  }
  return low;
}

// Four elements of one tensor, from `at` on.
struct Quad {
  int64_t at;
  int n;       // how many of the four there are
  bool whole;  // n is 4 and all arrays are aligned: one access

  template <class T>
  __device__ __forceinline__ void load(const T* from, float (&x)[4]) const {
    if (whole) {
      read<4>(from + at, x);
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j) x[j] = j < n ? widen(from[at + j]) : 0.0f;
    }
  }
  template <class T>
  __device__ __forceinline__ void store(T* to, const float (&x)[4]) const {
    if (whole) {
      write<4>(x, to + at);
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j)
        if (j < n) narrow(x[j], to[at + j]);
    }
  }
  __device__ __forceinline__ void load(const uint8_t* from, bool (&x)[4]) const {
    if (whole) {
      const uint32_t word = *reinterpret_cast<const uint32_t*>(from + at);
#pragma unroll
      for (int j = 0; j < 4; ++j) x[j] = (word >> (8 * j) & 0xffu) != 0;
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j) x[j] = j < n && from[at + j] != 0;
    }
  }
  __device__ __forceinline__ void store(uint8_t* to, const bool (&x)[4]) const {
    if (whole) {
      uint32_t word = 0;
#pragma unroll
      for (int j = 0; j < 4; ++j) word |= static_cast<uint32_t>(x[j]) << (8 * j);
      *reinterpret_cast<uint32_t*>(to + at) = word;
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j)
        if (j < n) to[at + j] = x[j] ? 1 : 0;
    }
  }
};

// The quad of this thread in round `round` of a chunk; n may be 0.
__device__ __forceinline__ Quad quad_of(const TensorEntry& t, int chunk, int round) {
  Quad quad;
  quad.at = int64_t{chunk - t.first_chunk} * kChunk + 4 * (round * kTensorThreads + static_cast<int>(threadIdx.x));
  const int64_t left = t.count - quad.at;
  quad.n = left >= 4 ? 4 : left > 0 ? static_cast<int>(left) : 0;
  quad.whole = quad.n == 4 && t.aligned != 0;
  return quad;
}
constexpr int kRounds = kChunkQuads / kTensorThreads;

// Calls body(tensor, quad) for this thread's quads of the chunks first, first + step, ... below `end`.
template <class Body>
__device__ __forceinline__ void for_quads(const TensorTable& table, int64_t first, int64_t end, int64_t step,
                                          Body body) {
  for (int64_t chunk = first; chunk < end; chunk += step) {
    const TensorEntry& t = table.entries[tensor_of(table, static_cast<int>(chunk))];
#pragma unroll 1
    for (int round = 0; round < kRounds; ++round) {
      const Quad quad = quad_of(t, static_cast<int>(chunk), round);
      if (quad.n > 0) body(t, quad);
    }
  }
}
template <class Body>
__device__ __forceinline__ void for_quads(const TensorTable& table, Body body) {
  for_quads(table, blockIdx.x, table.chunks, gridDim.x, body);
}

inline Shape tensor_shape(int64_t blocks) { return {blocks, kTensorThreads, 0}; }

// ---- Slots: all chunks of the list, numbered through its launches, in at most `most` groups of consecutive ones ----
// What is counted or summed a slot comes out the same on any grid; a slot that two launches share is carried on by the
// second.
struct SlotRange {
  int64_t size;         // chunks a slot
  int64_t first_chunk;  // of this launch, among all
  // The slots that have chunks in this launch: first_slot, ... below end_slot.
  int64_t first_slot, end_slot;

  static int64_t size_for(int64_t all_chunks, int64_t most) { return (all_chunks + most - 1) / most; }
  static SlotRange of(int64_t size, int64_t first_chunk, int32_t chunks) {
    return {size, first_chunk, first_chunk / size, (first_chunk + chunks - 1) / size + 1};
  }
  // The launch's own numbers of a slot's chunks.
  __device__ int64_t begin(int64_t slot) const {
    const int64_t chunk = slot * size - first_chunk;
    return chunk > 0 ? chunk : 0;
  }
  __device__ int64_t end(int64_t slot, int64_t chunks) const {
    const int64_t chunk = (slot + 1) * size - first_chunk;
    return chunk < chunks ? chunk : chunks;
  }
  // Whether the launch before has begun the slot.
  __device__ bool carried_on(int64_t slot) const { return slot * size < first_chunk; }
};

// As for_launches, with body(table, slots).
template <class Body>
int32_t for_slot_launches(const TensorList& list, int64_t most, Body body) {
  const int64_t size = SlotRange::size_for(chunks_of(list), most);
  int64_t first_chunk = 0;
  return for_launches(list, [&](const TensorTable& table) {
    const SlotRange slots = SlotRange::of(size, first_chunk, table.chunks);
    first_chunk += table.chunks;
    return body(table, slots);
  });
}

// What a gradient is multiplied by so that its norm stays within max_norm, as torch's clip_grad_norm_: a norm of NaN
// makes every gradient NaN. Read on the device: the host does not wait for the norm. By one thread of the block, for
// double division is slow on many devices.
__device__ __forceinline__ float clip_factor(const Clipping& clip, float* shared) {
  if (clip.norm == nullptr) return 1.0f;
  if (threadIdx.x == 0) {
    const double factor = clip.max_norm / (*clip.norm + 1e-6);
    *shared = factor > 1.0 ? 1.0f : static_cast<float>(factor);
  }
  __syncthreads();  // without it the others would read the factor before it is there
  return *shared;
}

}  // namespace cuda
}  // namespace lotus
