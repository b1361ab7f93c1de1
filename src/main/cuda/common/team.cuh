// A TEAM of blocks shares a row that is too long for one: up to kTeamCols columns one block, then 2, 4, 8. Thread k of
// the team's n threads owns quads k, k + n, k + 2 n ..., as everywhere (quads.cuh). How many blocks depends on C alone,
// not on the device nor on the batch, so the order of summation does too.
//
// From sm_90 on a team is a thread block cluster: its blocks run at the same time and read each other's shared memory.
// Elsewhere it is blocks that happen to share a row, and each reduction ends the kernel: partial results go to memory,
// and the next launch reads them. Both join the same partial results in the same tree: the same bits.
#pragma once

#include "common/quads.cuh"
#include "common/reduce.cuh"

namespace lotus {
namespace cuda {

constexpr int kTeamCols = 8192;
constexpr int kMaxTeam = 8;  // the largest cluster that every device with clusters takes
constexpr int kMaxBlockThreads = 512;

inline int team_size(int64_t cols) {
  int size = 1;
  while (size < kMaxTeam && cols > int64_t{kTeamCols} * size) size *= 2;
  return size;
}

// ---- Cluster ----
// Waits for every thread of the cluster; what they wrote to memory and shared memory before is seen after.
#ifdef LOTUS_CUDA_EMULATION
inline void cluster_barrier(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  emulation::cluster_barrier(file, line);
}
#else
__device__ __forceinline__ void cluster_barrier() {
#if __CUDA_ARCH__ >= 900
  asm volatile(
      "barrier.cluster.arrive.release;\n\t"
      "barrier.cluster.wait.acquire;" ::
          : "memory");  // not .aligned: a warp may come here from a branch of one lane
#else
  __trap();  // can_cluster() keeps clusters from code for older devices
#endif
}
#endif

// The value that `own`, in shared memory, has in block `rank` of the cluster.
template <class V>
__device__ __forceinline__ V read_of_block(const V* own, int rank) {
  V v{};
#ifdef LOTUS_CUDA_EMULATION
  emulation::read_cluster_shared(own, rank, &v, sizeof v);
#elif __CUDA_ARCH__ >= 900
  uint32_t words[sizeof(V) / 4];
  uint32_t address;
  asm("mapa.shared::cluster.u32 %0, %1, %2;"
      : "=r"(address)
      : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(own))), "r"(rank));
#pragma unroll
  for (uint32_t i = 0; i < sizeof(V) / 4; ++i)
    asm volatile("ld.shared::cluster.u32 %0, [%1];" : "=r"(words[i]) : "r"(address + 4 * i) : "memory");
  memcpy(&v, words, sizeof v);
#else
  __trap();
#endif
  return v;
}

// ---- A thread's place in a team ----
struct Team {
  int size, rank;   // blocks, this block's number among them
  int cols, quads;  // of the row
  int first, step;  // of the thread's quads
  int width;        // of an access
  float4* kept;     // dynamic shared memory for a value a class, or null; the thread's n-th quad has its place at
                    // kept[n * blockDim.x], which no other thread touches: no barrier
  __device__ bool leads() const { return rank == 0 && threadIdx.x == 0; }
};

// Shared memory of a reduction over a team.
template <class V>
struct TeamSlots {
  Slots<V> warps;
  __align__(8) unsigned char block[sizeof(V)];  // this block's result, for the others
  __device__ V* result() { return reinterpret_cast<V*>(block); }
};

// What the blocks of a row have found, joined: `of_block(k)` is block k's result. The same in every lane.
template <class OfBlock, class Join>
__device__ __forceinline__ auto join_blocks(int size, OfBlock of_block, Join join) {
  const int k = static_cast<int>(threadIdx.x) % kMaxTeam;
  using V = decltype(of_block(0));
  return join(k < size ? of_block(k) : V{}, kMaxTeam);
}

// Over a team that is a cluster, from each block's own result. Not the slots of the reduction just before this one: the
// barrier of the one between lets no block write its result again before all have read it.
template <class V, class Join>
__device__ __forceinline__ V cluster_reduce(const V& of_block, int size, TeamSlots<V>& slots, Join join) {
  if (threadIdx.x == 0) *slots.result() = of_block;
  cluster_barrier();  // without it a block would read results that the others have not written yet
  return join_blocks(size, [&](int k) { return read_of_block(slots.result(), k); }, join);
}

}  // namespace cuda
}  // namespace lotus
