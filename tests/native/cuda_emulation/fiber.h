// A thread of the pretended machine: a stack of its own and the way from one stack to another.
#pragma once

#include <stddef.h>

#if !defined(__x86_64__) || defined(LOTUS_FIBER_UCONTEXT)
#include <ucontext.h>
#define LOTUS_UCONTEXT 1
#endif

namespace emulation {

struct Fiber {
#ifdef LOTUS_UCONTEXT
  ucontext_t context;
#else
  void* stack_pointer;
#endif
  char* stack = nullptr;  // null: the program's own
  size_t usable = 0;      // bytes of it
};

// Makes `fiber` start at `entry`, which calls entered() first and never returns.
void prepare(Fiber& fiber, void (*entry)());
void entered();

// Goes on where `to` left off, until something switches back to `from`. `leaving`: `from` will never run again.
void switch_to(Fiber& from, Fiber& to, bool leaving);

}  // namespace emulation
