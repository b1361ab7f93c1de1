// What the timing programs share: device memory, timing by events over rotating sets of buffers, CSV rows.
#pragma once

#include <cuda_runtime.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "ops.h"

namespace timing {

// Bytes that the rotating sets add up to: several times the L2 cache, so that nothing is read warm.
constexpr size_t kRotate = size_t{512} << 20;

inline void must(cudaError_t status) {
  if (status == cudaSuccess) return;
  fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(status));
  exit(1);
}
inline void must(int32_t status) {
  if (status != LOTUS_OK) exit(1);  // the text has been printed
}

const lotus::Backend& backend();

struct Times {
  double p20, p50, p80;  // device, microseconds
  double host;           // median of a call and its wait
};

// call(i) does the work on set i of `sets`.
Times measure(const std::function<void(int)>& call, int sets);

// Prints a row; `bytes` are those that the operation must move.
void row(const std::string& op, const char* dtype, int64_t rows, int64_t cols, const Times& t, double bytes);

// Zeroed device memory, freed with the object.
class Memory {
 public:
  explicit Memory(size_t bytes) {
    must(cudaMalloc(&data_, std::max<size_t>(bytes, 1)));
    must(cudaMemset(data_, 0, bytes));
  }
  template <class T>
  explicit Memory(const std::vector<T>& host) : Memory(host.size() * sizeof(T)) {
    must(cudaMemcpy(data_, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice));
  }
  Memory(Memory&& other) noexcept : data_(other.data_) { other.data_ = nullptr; }
  Memory(const Memory&) = delete;
  ~Memory() { cudaFree(data_); }
  template <class T = void>
  T* at(size_t index = 0) const {
    if constexpr (std::is_void_v<T>) {
      return data_;
    } else {
      return static_cast<T*>(data_) + index;
    }
  }

 private:
  void* data_ = nullptr;
};

inline int sets_for(size_t bytes) {
  return static_cast<int>(std::min<size_t>(64, std::max<size_t>(2, kRotate / std::max<size_t>(bytes, 1))));
}

// Values spread like logits, [-2, 2), in `dtype`.
void fill(const Memory& memory, size_t n, int32_t dtype, uint32_t seed);

// One group of operations each.
void time_logits();
void time_weights();
void time_images();

}  // namespace timing
