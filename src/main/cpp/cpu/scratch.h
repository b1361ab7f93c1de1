// Scratch memory of a thread: grown once, kept for the next call, so that a step allocates nothing.
#pragma once

#include <stdlib.h>

#include "simd.h"

namespace lotus {
namespace LOTUS_LEVEL {

class Scratch {
 public:
  ~Scratch() { free(memory_); }
  // Room for n floats and a whole vector beyond, aligned to a cache line; null if there is no memory.
  float* floats(int64_t n) {
    const size_t bytes = (static_cast<size_t>(n + 2 * kWidth) * sizeof(float) + 63) / 64 * 64;
    if (bytes > size_) {
      free(memory_);
      memory_ = aligned_alloc(64, bytes);
      size_ = memory_ != nullptr ? bytes : 0;
    }
    return static_cast<float*>(memory_);
  }

 private:
  void* memory_ = nullptr;
  size_t size_ = 0;
};

inline Scratch& thread_scratch() {
  static thread_local Scratch scratch;
  return scratch;
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
