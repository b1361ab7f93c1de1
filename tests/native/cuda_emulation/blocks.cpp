// Runs the threads of a block, and the blocks of a cluster together, as fibers on this one thread. See cuda_runtime.h for
// what that shows.
#include <link.h>
#include <stdlib.h>

#include <vector>

#include "cuda_runtime.h"
#include "fiber.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

Settings settings;
Seen seen;

namespace {

constexpr int kWarp = 32;
constexpr int kMostThreads = 1024;
constexpr int kMostBlocks = 8;                // of a cluster that every device with clusters must take

enum class State { kReady, kWarpOperation, kBarrier, kClusterBarrier, kDone };

struct Thread {
  Fiber fiber;
  State state;
  Value result;  // of a warp operation
  const char* file;
  int line;  // of a barrier
};

struct Warp {
  Operation operation;
  uint32_t mask, arrived;
  Value values[kWarp];
  int arguments[kWarp];
};

// Numbers of the threads of a block that can run, first come first.
class Ready {
 public:
  bool empty() const { return begin_ == end_; }
  void clear() { begin_ = end_ = 0; }
  void push(int thread) { at(end_++) = thread; }
  int pop_first() { return at(begin_++); }
  int pop_last() { return at(--end_); }
  int pop_any(uint32_t random) {
    int& chosen = at(begin_ + random % (end_ - begin_));
    const int thread = chosen;
    chosen = pop_last();
    return thread;
  }

 private:
  int& at(uint32_t i) { return ring_[i % kMostThreads]; }
  int ring_[kMostThreads];
  uint32_t begin_ = 0, end_ = 0;
};

struct Block {
  uint32_t number;                     // in the grid
  Ready ready;
  int waiting, done;                   // threads at a barrier, ended
  bool started;
  std::vector<unsigned char> fixed;    // its static shared memory, while another block of the cluster runs
  std::vector<unsigned char> dynamic;  // its dynamic shared memory
};

std::vector<Thread> pool;  // thread t of block k of the cluster: k * threads + t
std::vector<Warp> warps;
Block blocks[kMostBlocks];
Fiber scheduler;
int current, running;                // the thread that runs, and its block
int threads, warps_per_block, size;  // of a block, of a block, of the cluster
int waiting_in_cluster;
const std::function<void()>* body;
std::string error;
uint64_t random_state;

uint32_t random_number() {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return static_cast<uint32_t>(random_state >> 33);
}

// ---- Static shared memory: this program's thread-local data, and nothing else is in it ----
struct Piece {
  unsigned char* data = nullptr;
  size_t bytes = 0;
};

int find_local(dl_phdr_info* info, size_t, void* found) {
  const char* self = reinterpret_cast<const char*>(&find_local);
  bool own = false;
  const ElfW(Phdr)* local = nullptr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    const char* begin = reinterpret_cast<const char*>(info->dlpi_addr + part.p_vaddr);
    own |= part.p_type == PT_LOAD && self >= begin && self < begin + part.p_memsz;
    if (part.p_type == PT_TLS) local = &part;
  }
  if (!own) return 0;
  if (local != nullptr && info->dlpi_tls_data != nullptr)
    *static_cast<Piece*>(found) = {static_cast<unsigned char*>(info->dlpi_tls_data), local->p_memsz};
  return 1;
}

const Piece& fixed_shared() {
  static const Piece piece = [] {
    Piece found;
    dl_iterate_phdr(find_local, &found);
    return found;
  }();
  return piece;
}

// Puts the static shared memory of block k in its place.
void enter_block(int k) {
  if (k == running) return;
  const Piece& fixed = fixed_shared();
  memcpy(blocks[running].fixed.data(), fixed.data, fixed.bytes);
  memcpy(fixed.data, blocks[k].fixed.data(), fixed.bytes);
  running = k;
  blockIdx = dim3(blocks[k].number);
}

// ---- Choice of the next thread ----
// A block runs until none of its threads can; at random, the other blocks of a cluster may come between.
bool choose_block() {
  const bool random = settings.schedule == Schedule::kRandom;
  int start = running, step = settings.schedule == Schedule::kBackward ? size - 1 : 1;
  if (random && size > 1 && (blocks[running].ready.empty() || random_number() % 64 == 0))
    start = static_cast<int>(random_number() % static_cast<uint32_t>(size));
  for (int i = 0, k = start; i < size; ++i, k = (k + step) % size) {
    if (blocks[k].ready.empty()) continue;
    enter_block(k);
    return true;
  }
  return false;
}

// Switches to a thread that can run, or back to run_cluster().
void go_on(Fiber& from, bool leaving) {
  if (!error.empty() || !choose_block()) {
    if (&from != &scheduler) switch_to(from, scheduler, leaving);
    return;
  }
  Block& block = blocks[running];
  current = settings.schedule == Schedule::kForward    ? block.ready.pop_first()
            : settings.schedule == Schedule::kBackward ? block.ready.pop_last()
                                                       : block.ready.pop_any(random_number());
  block.started = true;
  threadIdx = dim3(static_cast<uint32_t>(current - running * threads));
  switch_to(from, pool[static_cast<size_t>(current)].fiber, leaving);
}

void yield(State state) {
  Thread& self = pool[static_cast<size_t>(current)];
  self.state = state;
  go_on(self.fiber, state == State::kDone);
}

struct Broken {};  // unwinds a thread up to start()

[[noreturn]] void fail(const std::string& text) {
  if (error.empty()) error = text;
  throw Broken{};
}

void wake(int number) {
  pool[static_cast<size_t>(number)].state = State::kReady;
  blocks[number / threads].ready.push(number);
}

void start() {
  entered();
  try {
    (*body)();
    ++blocks[running].done;
  } catch (const Broken&) {
  }
  yield(State::kDone);
  abort();
}

std::string where(int number) {
  const Thread& thread = pool[static_cast<size_t>(number)];
  const std::string name = (size > 1 ? "block " + std::to_string(number / threads) + " " : std::string()) + "thread " +
                           std::to_string(number % threads);
  switch (thread.state) {
    case State::kDone:
      return name + " has ended";
    case State::kBarrier:
    case State::kClusterBarrier:
      return name + " waits at " + thread.file + ":" + std::to_string(thread.line);
    case State::kWarpOperation:
      return name + " waits in a warp operation";
    default:
      return name + " can run";
  }
}

// Nothing can run, not all have ended: says who waits for whom.
std::string deadlock() {
  std::string text = "deadlock in block " + std::to_string(blocks[0].number) + ": " + where(0);
  for (int i = 1; i < size * threads; ++i)
    if (pool[static_cast<size_t>(i)].state != pool[static_cast<size_t>(i - 1)].state) text += "; " + where(i);
  return text;
}

bool run_cluster(uint32_t first_block, size_t shared) {
  warps.assign(static_cast<size_t>(size * warps_per_block), Warp{});
  waiting_in_cluster = running = 0;
  const Piece& fixed = fixed_shared();
  for (int k = 0; k < size; ++k) {
    Block& block = blocks[k];
    block.number = first_block + static_cast<uint32_t>(k);
    block.waiting = block.done = 0;
    block.started = false;
    if (size > 1) block.fixed.assign(fixed.bytes, 0xff);
    block.dynamic.assign(shared, 0xff);
    block.ready.clear();
    for (int t = 0; t < threads; ++t) {
      prepare(pool[static_cast<size_t>(k * threads + t)].fiber, start);
      wake(k * threads + t);
    }
  }
  memset(fixed.data, 0xff, fixed.bytes);
  blockIdx = dim3(first_block);
  go_on(scheduler, false);
  int done = 0;
  for (int k = 0; k < size; ++k) done += blocks[k].done;
  if (error.empty() && done < size * threads) error = deadlock();
  return error.empty();
}

// The last of `all` threads to arrive lets the others go.
void wait_for_all(State state, int& waiting, int begin, int end, const char* file, int line) {
  Thread& self = pool[static_cast<size_t>(current)];
  self.file = file;
  self.line = line;
  if (++waiting < end - begin) {
    yield(state);
    return;
  }
  for (int i = begin; i < end; ++i) {
    const Thread& other = pool[static_cast<size_t>(i)];
    if (i != current && (other.line != line || strcmp(other.file, file) != 0))
      fail("threads are at different barriers: " + where(i) + ", thread " + std::to_string(current % threads) + " at " +
           file + ":" + std::to_string(line));
  }
  waiting = 0;
  for (int i = begin; i < end; ++i)
    if (i != current) wake(i);
}

}  // namespace

Value collective(Operation operation, uint32_t mask, const Value& value, int argument) {
  const int thread = current - running * threads, lane = thread % kWarp, first = current - lane;
  Warp& warp = warps[static_cast<size_t>(running * warps_per_block + thread / kWarp)];
  if ((mask >> lane & 1u) == 0) fail("lane " + std::to_string(lane) + " is not in the mask that it gives");
  if (warp.arrived == 0) {
    warp.operation = operation;
    warp.mask = mask;
  } else if (warp.operation != operation || warp.mask != mask) {
    fail("lanes of a warp are at different warp operations (thread " + std::to_string(thread) + ")");
  }
  warp.values[lane] = value;
  warp.arguments[lane] = argument;
  warp.arrived |= 1u << lane;
  if (warp.arrived != mask) {
    yield(State::kWarpOperation);
    return pool[static_cast<size_t>(current)].result;
  }
  uint32_t ballot = 0;
  for (int l = 0; l < kWarp; ++l)
    if (mask >> l & 1u) ballot |= (warp.values[l].words[0] != 0 ? 1u : 0u) << l;
  for (int l = 0; l < kWarp; ++l) {
    if ((mask >> l & 1u) == 0) continue;
    int from = l;
    if (operation == Operation::kShuffleXor) from = l ^ warp.arguments[l];
    if (operation == Operation::kShuffleDown && l + warp.arguments[l] < kWarp) from = l + warp.arguments[l];
    if (operation == Operation::kShuffle) from = warp.arguments[l] % kWarp;
    if (from < 0 || from >= kWarp || (mask >> from & 1u) == 0)
      fail("lane " + std::to_string(l) + " shuffles from lane " + std::to_string(from) + ", which takes no part");
    pool[static_cast<size_t>(first + l)].result = operation == Operation::kBallot ? Value{{ballot}} : warp.values[from];
    if (l != lane) wake(first + l);
  }
  warp.arrived = 0;
  return pool[static_cast<size_t>(current)].result;
}

void barrier(const char* file, int line) {
  wait_for_all(State::kBarrier, blocks[running].waiting, running * threads, (running + 1) * threads, file, line);
}

void cluster_barrier(const char* file, int line) {
  wait_for_all(State::kClusterBarrier, waiting_in_cluster, 0, size * threads, file, line);
}

void read_cluster_shared(const void* own, int rank, void* to, size_t bytes) {
  if (rank < 0 || rank >= size) fail("there is no block " + std::to_string(rank) + " in the cluster");
  const Block& block = blocks[rank];
  if (!block.started) fail("block " + std::to_string(rank) + " of the cluster has not started");
  if (block.done == threads) fail("block " + std::to_string(rank) + " of the cluster has ended, its shared memory with it");
  const unsigned char* from = static_cast<const unsigned char*>(own);
  const Piece& fixed = fixed_shared();
  const std::vector<unsigned char>& dynamic = blocks[running].dynamic;
  if (from >= fixed.data && from + bytes <= fixed.data + fixed.bytes)
    from = rank == running ? from : block.fixed.data() + (from - fixed.data);
  else if (from >= dynamic.data() && from + bytes <= dynamic.data() + dynamic.size())
    from = block.dynamic.data() + (from - dynamic.data());
  else
    fail("an address that is not in shared memory");
  memcpy(to, from, bytes);
}

void* dynamic_shared() { return blocks[running].dynamic.data(); }

const std::string& message() { return error; }

cudaError_t launch(const std::function<void()>& thread, dim3 grid, dim3 block, size_t shared, int cluster) {
  error.clear();
  if (settings.next_launch != cudaSuccess) {
    const cudaError_t status = settings.next_launch;
    settings.next_launch = cudaSuccess;
    return status;
  }
  if (block.x == 0 || block.x > kMostThreads || grid.x == 0 ||
      shared > static_cast<size_t>(settings.shared_per_block_optin))
    return cudaErrorInvalidValue;
  if (cluster < 1 || cluster > kMostBlocks || grid.x % static_cast<uint32_t>(cluster) != 0 ||
      (cluster > 1 && settings.capability < 90))
    return cudaErrorInvalidValue;
  ++seen.launches;
  seen.clusters += cluster > 1;
  threads = static_cast<int>(block.x);
  warps_per_block = (threads + kWarp - 1) / kWarp;
  size = cluster;
  if (pool.size() < static_cast<size_t>(size * threads)) pool.resize(static_cast<size_t>(size * threads));
  body = &thread;
  random_state = settings.seed;
  blockDim = block;
  gridDim = grid;
  for (uint32_t i = 0; i < grid.x; i += static_cast<uint32_t>(cluster))
    if (!run_cluster(i, shared)) return cudaErrorLaunchFailure;
  return cudaSuccess;
}

}  // namespace emulation
