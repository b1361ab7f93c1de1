// Runs an operation on the rows of logit matrices. An operation is a struct `Op` that says what becomes of ONE row; the
// loops over rows, the counters and the launches are here.
//
//   Args, kCountsCorrect          the call's struct; whether it counts right answers too (Args::correct)
//   C <= kWarpCols: 32 / lanes rows a warp, Q quads a lane, in registers
//     warp_row<Q>(a, place)       -> Verdict, that of the row's first lane counts
//     warp_blocks_per_sm(Q)       blocks that an SM must hold at once: bounds the registers
//   beyond: a team of blocks a row (team.cuh), walked once or twice
//     Op(a, b)                    of row b, in every thread
//     First first(team)           the thread's share of what the whole row is needed for
//     join(First, lanes)          reduces over groups of lanes; First{} changes nothing
//     Second second(team, first, again)  the rest, knowing the whole row's First; Second is added up. Nothing: no second
//                                 reduction. `again`: what the first walk kept in shared memory is gone
//     finish(first, second)       -> Verdict, by one thread
//     kKeeps, kTeamBlocksPerSm    whether first() has use for team.kept
#pragma once

#include <type_traits>

#include "common/numeric.cuh"
#include "common/team.cuh"

namespace lotus {
namespace cuda {

struct Verdict {
  bool finite = true, correct = false;
};

// The Second of an operation that has none.
struct Nothing {};

// ---- C <= kWarpCols ----
struct WarpPlace {
  int64_t b;         // the row; 0 beyond the last one, where the lanes compute and keep quiet
  bool present;      // whether b is a row of theirs
  int lane, lanes;   // of the row's
  int cols, width;   // cols is 0 beyond the last row
  __device__ bool leads() const { return present && lane == 0; }
  // The class of value i of the lane's 4 Q.
  __device__ int column(int i) const { return 4 * (lane + i / 4 * lanes) + i % 4; }
};

template <class Op, int Q>
constexpr int kWarpBlocksPerSm = Op::warp_blocks_per_sm(Q);

template <class Op, int Q>
__global__ void __launch_bounds__(kWarpBlockThreads, kWarpBlocksPerSm<Op, Q>)
    rows_by_warp(typename Op::Args a, int lanes, int width) {
  const int rows_per_block = static_cast<int>(blockDim.x) / lanes;
  const int row_in_block = static_cast<int>(threadIdx.x) / lanes;
  const int warp_row = static_cast<int>(threadIdx.x) / kWarp * (kWarp / lanes);
  int64_t correct = 0, nonfinite = 0;

  // The bound is the warp's first row, so that all 32 lanes take part in every shuffle.
  for (int64_t base = int64_t{blockIdx.x} * rows_per_block; base + warp_row < a.rows;
       base += int64_t{gridDim.x} * rows_per_block) {
    const int64_t b = base + row_in_block;
    const bool present = b < a.rows;
    const WarpPlace place{present ? b : 0, present, static_cast<int>(threadIdx.x) & (lanes - 1), lanes,
                          present ? static_cast<int>(a.cols) : 0, width};
    const Verdict verdict = Op::template warp_row<Q>(a, place);
    nonfinite += __popc(__ballot_sync(kAllLanes, place.leads() && !verdict.finite));
    if constexpr (Op::kCountsCorrect) correct += __popc(__ballot_sync(kAllLanes, place.leads() && verdict.correct));
  }
  add_count(a.nonfinite_rows, nonfinite);
  if constexpr (Op::kCountsCorrect) add_count(a.correct, correct);
}

// ---- C > kWarpCols ----
enum class Phase { kWhole, kFirst, kSecond, kFinish };

// Which part of the work a launch does, and where the parts meet: [rows, size] results of blocks.
template <class Op>
struct TeamWork {
  Phase phase;
  int size, width;
  bool keep;  // Team::kept is there
  typename Op::First* firsts;
  typename Op::Second* seconds;
};

template <class Op>
__global__ void __launch_bounds__(kMaxBlockThreads, Op::kTeamBlocksPerSm)
    rows_by_team(typename Op::Args a, TeamWork<Op> work) {
  using First = typename Op::First;
  using Second = typename Op::Second;
  constexpr bool kTwice = !std::is_empty<Second>::value;
  // Two sets that take turns from row to row, for operations and phases with one reduction a row: see block_reduce.
  __shared__ TeamSlots<First> first_slots[2];
  __shared__ TeamSlots<Second> second_slots[2];
  const Phase phase = work.phase;
  const int blocks = phase == Phase::kFinish ? 1 : work.size;  // that walk a row in this launch
  const int thread = static_cast<int>(threadIdx.x);
  Team team;
  team.size = work.size;
  team.rank = static_cast<int>(blockIdx.x) % blocks;
  team.cols = static_cast<int>(a.cols);
  team.quads = team.cols / 4 + (team.cols % 4 != 0);
  team.first = team.rank * static_cast<int>(blockDim.x) + thread;
  team.step = team.size * static_cast<int>(blockDim.x);
  team.width = work.width;
  team.kept = work.keep ? dynamic_shared<float4>() + thread : nullptr;
  int64_t correct = 0, nonfinite = 0;
  int turn = 0;

  // The same number of rows for every block of a team, so that all meet at every barrier.
  for (int64_t b = blockIdx.x / blocks; b < a.rows; b += gridDim.x / blocks, turn ^= 1) {
    Op op(a, b);
    const auto join = [&](const First& v, int lanes) { return op.join(v, lanes); };
    First first;
    if (phase == Phase::kWhole || phase == Phase::kFirst) {
      first = block_reduce(op.first(team), first_slots[turn].warps.get(), join);
      if (phase == Phase::kFirst) {
        if (thread == 0) work.firsts[b * team.size + team.rank] = first;
        continue;
      }
      if (team.size > 1) first = cluster_reduce(first, team.size, first_slots[turn], join);
    } else {
      first = join_blocks(team.size, [&](int k) { return work.firsts[b * team.size + k]; }, join);
    }

    Second second{};
    if (phase != Phase::kFinish) second = op.second(team, first);
    if constexpr (kTwice) {
      if (phase == Phase::kFinish) {
        second = join_blocks(team.size, [&](int k) { return work.seconds[b * team.size + k]; }, Merge{});
      } else {
        second = block_reduce(second, second_slots[turn].warps.get());
        if (phase == Phase::kSecond) {
          if (thread == 0) work.seconds[b * team.size + team.rank] = second;
          continue;
        }
        if (team.size > 1) second = cluster_reduce(second, team.size, second_slots[turn], Merge{});
      }
    }
    if (team.leads()) {
      const Verdict verdict = op.finish(first, second);
      nonfinite += !verdict.finite;
      correct += verdict.correct;
    }
  }
  // One thread of the team has counted, and is the lane that add_count lets write.
  if (thread < kWarp) {
    add_count(a.nonfinite_rows, nonfinite);
    if constexpr (Op::kCountsCorrect) add_count(a.correct, correct);
  }
  // Without it a block could end, and its shared memory with it, while another still reads the last row's result there.
  if (phase == Phase::kWhole && team.size > 1) cluster_barrier();
}

// ---- Launches ----
template <class Op>
int32_t run_teams(const char* name, const typename Op::Args& a, int width) {
  using First = typename Op::First;
  using Second = typename Op::Second;
  const int64_t quads = (a.cols + 3) / 4;
  const int size = team_size(a.cols), threads = block_threads(a.cols);
  TeamWork<Op> work{Phase::kWhole, size, width, false, nullptr, nullptr};
  Shape shape{a.rows, threads, 0, size, size > 1};
  if (Op::kKeeps) {
    const size_t bytes = static_cast<size_t>((quads + size * threads - 1) / (size * threads) * threads) * sizeof(float4);
    work.keep = allow_shared(rows_by_team<Op>, bytes);
    shape.shared = work.keep ? bytes : 0;
  }
  if (size == 1 || can_cluster(rows_by_team<Op>, shape))
    return check(name, launch(rows_by_team<Op>, shape, a.stream, a, work));

  // Blocks that may not run at the same time: a launch for each part.
  const size_t results = static_cast<size_t>(a.rows * size);
  const size_t first_bytes = (results * sizeof(First) + 15) / 16 * 16;
  const StreamMemory memory(first_bytes + results * sizeof(Second), a.stream);
  LOTUS_CUDA_TRY(name, memory.status());
  work.firsts = static_cast<First*>(memory.data());
  work.seconds = reinterpret_cast<Second*>(static_cast<char*>(memory.data()) + first_bytes);
  work.keep = false;
  shape = {a.rows, threads, 0, size, false};
  work.phase = Phase::kFirst;
  LOTUS_CUDA_TRY(name, launch(rows_by_team<Op>, shape, a.stream, a, work));
  work.phase = Phase::kSecond;
  LOTUS_CUDA_TRY(name, launch(rows_by_team<Op>, shape, a.stream, a, work));
  if (std::is_empty<Second>::value) return LOTUS_OK;
  work.phase = Phase::kFinish;
  shape = {a.rows, kWarp, 0};
  return check(name, launch(rows_by_team<Op>, shape, a.stream, a, work));
}

// `width` of an access: see AccessWidth.
template <class Op>
int32_t run_rows(const char* name, const typename Op::Args& a, int width) {
  if (a.cols > kWarpCols) return run_teams<Op>(name, a, width);
  const WarpRows shape = warp_rows(a.cols);
  const int64_t rows_per_block = kWarpBlockThreads / shape.lanes;
  return with_quads(shape.quads, [&](auto quads) {
    return check(name, launch(rows_by_warp<Op, decltype(quads)::value>,
                              {(a.rows + rows_per_block - 1) / rows_per_block, kWarpBlockThreads, 0}, a.stream, a,
                              shape.lanes, width));
  });
}

}  // namespace cuda
}  // namespace lotus
