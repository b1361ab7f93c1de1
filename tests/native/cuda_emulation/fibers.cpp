// Runs a block's threads as fibers on this one thread. See cuda_runtime.h for what that shows.
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vector>

#include "cuda_runtime.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define LOTUS_ASAN 1
#endif
#if !defined(__x86_64__) || defined(LOTUS_FIBER_UCONTEXT)
#include <ucontext.h>
#define LOTUS_UCONTEXT 1
#endif

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

Settings settings;

namespace {

constexpr size_t kStackBytes = 64 * 1024;
constexpr int kWarp = 32;
constexpr int kMostThreads = 1024;
constexpr size_t kStaticShared = 48 * 1024;  // of an architecture

enum class State { kReady, kWarpOperation, kBarrier, kDone };

struct Fiber {
#ifdef LOTUS_UCONTEXT
  ucontext_t context;
#else
  void* stack_pointer;
#endif
  char* stack = nullptr;
  dim3 index;
  State state;
  uint64_t result;  // of a warp operation
  const char* file;
  int line;  // of a barrier
};

struct Warp {
  Operation operation;
  uint32_t mask, arrived;
  uint64_t values[kWarp];
  int arguments[kWarp];
};

std::vector<Fiber> fibers;
std::vector<Warp> warps;
std::vector<int> ready;  // numbers of the fibers that can run
std::vector<unsigned char> dynamic;
Fiber scheduler;
int current, threads, waiting, done;
const std::function<void()>* body;
std::string error;
uint64_t random_state;

#ifndef LOTUS_UCONTEXT
// Saves what a called function must keep, exchanges stacks, restores.
asm(R"(
.text
.type lotus_switch_fiber, @function
lotus_switch_fiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size lotus_switch_fiber, .-lotus_switch_fiber
)");
extern "C" void lotus_switch_fiber(void** save, void* load);
#endif

#ifdef LOTUS_ASAN
const void* scheduler_stack;
size_t scheduler_size;
#endif

// `leaving`: the fiber will never run again.
void switch_to(Fiber& from, Fiber& to, bool leaving) {
#ifdef LOTUS_ASAN
  const bool back = &to == &scheduler;
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(leaving ? nullptr : &fake, back ? scheduler_stack : to.stack,
                                 back ? scheduler_size : kStackBytes);
#else
  (void)leaving;
#endif
#ifdef LOTUS_UCONTEXT
  swapcontext(&from.context, &to.context);
#else
  lotus_switch_fiber(&from.stack_pointer, to.stack_pointer);
#endif
#ifdef LOTUS_ASAN
  // Back in `from`; a new fiber finishes its first switch in start().
  const void* stack;
  size_t size;
  __sanitizer_finish_switch_fiber(fake, &stack, &size);
#endif
}

void yield(State state) {
  Fiber& self = fibers[current];
  self.state = state;
  switch_to(self, scheduler, state == State::kDone);
}

struct Broken {};  // unwinds a thread up to start()

[[noreturn]] void fail(const std::string& text) {
  if (error.empty()) error = text;
  throw Broken{};
}

void wake(int number) {
  fibers[number].state = State::kReady;
  ready.push_back(number);
}

void start() {
#ifdef LOTUS_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_size);
#endif
  try {
    (*body)();
    ++done;
  } catch (const Broken&) {
  }
  yield(State::kDone);
  abort();
}

void prepare(Fiber& fiber, int number) {
  if (fiber.stack == nullptr) {
    fiber.stack = static_cast<char*>(
        mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (fiber.stack == MAP_FAILED) abort();
  }
#ifdef LOTUS_ASAN
  __asan_unpoison_memory_region(fiber.stack, kStackBytes);  // frames that the last thread here never returned from
#endif
  fiber.index = dim3(static_cast<uint32_t>(number), 0, 0);
  fiber.state = State::kReady;
#ifdef LOTUS_UCONTEXT
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack;
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, start, 0);
#else
  // As a call would leave it: start's address to return to, above it a return address nobody uses, aligned to 16.
  void** top = reinterpret_cast<void**>(fiber.stack + kStackBytes) - 1;
  *top = nullptr;
  *--top = reinterpret_cast<void*>(&start);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  fiber.stack_pointer = top;
#endif
}

int next() {
  size_t at = 0;
  if (settings.schedule == Schedule::kBackward) at = ready.size() - 1;
  if (settings.schedule == Schedule::kRandom) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    at = (random_state >> 33) % ready.size();
  }
  const int number = ready[at];
  if (settings.schedule == Schedule::kRandom) {
    ready[at] = ready.back();
    ready.pop_back();
  } else {
    ready.erase(ready.begin() + static_cast<ptrdiff_t>(at));
  }
  return number;
}

// The static shared memory of all kernels: this program's thread-local data.
int poison_module(dl_phdr_info* info, size_t, void* found) {
  const char* self = reinterpret_cast<const char*>(&poison_module);
  bool own = false;
  const ElfW(Phdr)* local = nullptr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    const char* begin = reinterpret_cast<const char*>(info->dlpi_addr + part.p_vaddr);
    own |= part.p_type == PT_LOAD && self >= begin && self < begin + part.p_memsz;
    if (part.p_type == PT_TLS) local = &part;
  }
  if (!own) return 0;
  if (local != nullptr && info->dlpi_tls_data != nullptr) {
    if (local->p_memsz > kStaticShared) abort();
    memset(info->dlpi_tls_data, 0xff, local->p_memsz);
    *static_cast<size_t*>(found) = local->p_memsz;
  }
  return 1;
}

std::string where(const Fiber& fiber) {
  const std::string thread = "thread " + std::to_string(fiber.index.x);
  switch (fiber.state) {
    case State::kDone:
      return thread + " has ended";
    case State::kBarrier:
      return thread + " waits at " + fiber.file + ":" + std::to_string(fiber.line);
    case State::kWarpOperation:
      return thread + " waits in a warp operation";
    default:
      return thread + " can run";
  }
}

// Nothing can run, not all have ended: says who waits for whom.
std::string deadlock() {
  std::string text = "deadlock in block " + std::to_string(blockIdx.x) + ": " + where(fibers[0]);
  for (int i = 1; i < threads; ++i)
    if (fibers[i].state != fibers[i - 1].state) text += "; " + where(fibers[i]);
  return text;
}

bool run_block() {
  ready.clear();
  warps.assign(static_cast<size_t>((threads + kWarp - 1) / kWarp), Warp{});
  for (int i = 0; i < threads; ++i) {
    prepare(fibers[i], i);
    ready.push_back(i);
  }
  waiting = done = 0;
  size_t poisoned = 0;
  dl_iterate_phdr(poison_module, &poisoned);
  dynamic.assign(dynamic.size(), 0xff);
  while (error.empty() && !ready.empty()) {
    current = next();
    threadIdx = fibers[current].index;
    switch_to(scheduler, fibers[current], false);
  }
  if (error.empty() && done < threads) error = deadlock();
  return error.empty();
}

}  // namespace

uint64_t collective(Operation operation, uint32_t mask, uint64_t value, int argument) {
  const int lane = current % kWarp, first = current - lane;
  Warp& warp = warps[static_cast<size_t>(current / kWarp)];
  if ((mask >> lane & 1u) == 0) fail("lane " + std::to_string(lane) + " is not in the mask that it gives");
  if (warp.arrived == 0) {
    warp.operation = operation;
    warp.mask = mask;
  } else if (warp.operation != operation || warp.mask != mask) {
    fail("lanes of a warp are at different warp operations (thread " + std::to_string(current) + ")");
  }
  warp.values[lane] = value;
  warp.arguments[lane] = argument;
  warp.arrived |= 1u << lane;
  if (warp.arrived != mask) {
    yield(State::kWarpOperation);
    return fibers[current].result;
  }
  uint32_t ballot = 0;
  for (int l = 0; l < kWarp; ++l)
    if (mask >> l & 1u) ballot |= (warp.values[l] != 0 ? 1u : 0u) << l;
  for (int l = 0; l < kWarp; ++l) {
    if ((mask >> l & 1u) == 0) continue;
    int from = l;
    if (operation == Operation::kShuffleXor) from = l ^ warp.arguments[l];
    if (operation == Operation::kShuffleDown && l + warp.arguments[l] < kWarp) from = l + warp.arguments[l];
    if (operation == Operation::kShuffle) from = warp.arguments[l] % kWarp;
    if (from < 0 || from >= kWarp || (mask >> from & 1u) == 0)
      fail("lane " + std::to_string(l) + " shuffles from lane " + std::to_string(from) + ", which takes no part");
    fibers[first + l].result = operation == Operation::kBallot ? ballot : warp.values[from];
    if (l != lane) wake(first + l);
  }
  warp.arrived = 0;
  return fibers[current].result;
}

void barrier(const char* file, int line) {
  Fiber& self = fibers[current];
  self.file = file;
  self.line = line;
  ++waiting;
  if (waiting < threads) {
    yield(State::kBarrier);
    return;
  }
  for (int i = 0; i < threads; ++i)
    if (i != current && (fibers[i].line != line || strcmp(fibers[i].file, file) != 0))
      fail("threads of a block are at different barriers: " + where(fibers[i]) + ", thread " +
           std::to_string(current) + " at " + file + ":" + std::to_string(line));
  waiting = 0;
  for (int i = 0; i < threads; ++i)
    if (i != current) wake(i);
}

void* dynamic_shared() { return dynamic.data(); }

const std::string& message() { return error; }

cudaError_t launch(const std::function<void()>& thread, dim3 grid, dim3 block, size_t shared) {
  error.clear();
  if (settings.next_launch != cudaSuccess) {
    const cudaError_t status = settings.next_launch;
    settings.next_launch = cudaSuccess;
    return status;
  }
  if (block.x == 0 || block.x > kMostThreads || grid.x == 0 ||
      shared > static_cast<size_t>(settings.shared_per_block_optin))
    return cudaErrorInvalidValue;
  threads = static_cast<int>(block.x);
  if (fibers.size() < kMostThreads) fibers.resize(kMostThreads);
  dynamic.assign(shared, 0xff);
  body = &thread;
  random_state = settings.seed;
  blockDim = block;
  gridDim = grid;
  for (uint32_t i = 0; i < grid.x; ++i) {
    blockIdx = dim3(i, 0, 0);
    if (!run_block()) return cudaErrorLaunchFailure;
  }
  return cudaSuccess;
}

}  // namespace emulation
