#include "fiber.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define LOTUS_ASAN 1
#endif

namespace emulation {

namespace {

constexpr size_t kStackBytes = 64 * 1024;
// Stacks begin at different places of their pages: all at the same one would share a few lines of the cache.
constexpr size_t kStagger = 5 * 64, kStaggers = 48;
size_t made;  // stacks so far

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
const void* own_stack;  // the program's
size_t own_size;
bool from_own;  // the switch that a new fiber finishes came from there
#endif

}  // namespace

void prepare(Fiber& fiber, void (*entry)()) {
  if (fiber.stack == nullptr) {
    fiber.stack = static_cast<char*>(
        mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (fiber.stack == MAP_FAILED) abort();
    fiber.usable = kStackBytes - made++ % kStaggers * kStagger;
  }
#ifdef LOTUS_ASAN
  __asan_unpoison_memory_region(fiber.stack, kStackBytes);  // frames that the last thread here never returned from
#endif
#ifdef LOTUS_UCONTEXT
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack;
  fiber.context.uc_stack.ss_size = fiber.usable;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, entry, 0);
#else
  // As a call would leave it: the entry's address to return to, above it a return address nobody uses, aligned to 16.
  void** top = reinterpret_cast<void**>(fiber.stack + fiber.usable) - 1;
  *top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  fiber.stack_pointer = top;
#endif
}

void entered() {
#ifdef LOTUS_ASAN
  const void* stack;
  size_t size;
  __sanitizer_finish_switch_fiber(nullptr, &stack, &size);
  if (from_own) own_stack = stack, own_size = size;
#endif
}

void switch_to(Fiber& from, Fiber& to, bool leaving) {
#ifdef LOTUS_ASAN
  void* fake = nullptr;
  from_own = from.stack == nullptr;
  const bool to_own = to.stack == nullptr;
  __sanitizer_start_switch_fiber(leaving ? nullptr : &fake, to_own ? own_stack : to.stack,
                                 to_own ? own_size : kStackBytes);
#else
  (void)leaving;
#endif
#ifdef LOTUS_UCONTEXT
  swapcontext(&from.context, &to.context);
#else
  lotus_switch_fiber(&from.stack_pointer, to.stack_pointer);
#endif
#ifdef LOTUS_ASAN
  // Back in `from`; a new fiber finishes its first switch in entered().
  const void* stack;
  size_t size;
  __sanitizer_finish_switch_fiber(fake, &stack, &size);
#endif
}

}  // namespace emulation
