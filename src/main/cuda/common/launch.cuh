// The host side that every operation shares: the current device, launches, errors, launch shapes.
#pragma once

#include <cuda_runtime.h>
#include <stdint.h>

#include "cuda_library.h"

namespace lotus {
namespace cuda {

// Given by lotus_cuda_table; takes the text of a failing call.
extern SetError set_error;

// Most blocks a launch may have; kernels walk on from there. A variable, so that tests can show that no result
// depends on it.
extern int64_t max_blocks;

constexpr int kWarp = 32;

// Makes `device` current for one call and puts the caller's back: libraries beside us keep their own.
class DeviceScope {
 public:
  explicit DeviceScope(int32_t device) {
    status_ = cudaGetDevice(&before_);
    if (status_ == cudaSuccess && before_ != device) {
      status_ = cudaSetDevice(device);
      changed_ = status_ == cudaSuccess;
    }
  }
  ~DeviceScope() {
    if (changed_) cudaSetDevice(before_);
  }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;
  cudaError_t status() const { return status_; }

 private:
  cudaError_t status_;
  int before_ = 0;
  bool changed_ = false;
};

inline int32_t check(const char* op, cudaError_t status) {
  if (status == cudaSuccess) return LOTUS_OK;
  cudaGetLastError();  // leaves no error behind for whoever asks next
  return set_error(LOTUS_DEVICE_ERROR, "%s: CUDA: %s (%s)", op, cudaGetErrorString(status), cudaGetErrorName(status));
}

#define LOTUS_CUDA_TRY(op, call)                                              \
  do {                                                                        \
    const int32_t lotus_status = ::lotus::cuda::check(op, call);              \
    if (lotus_status != LOTUS_OK) return lotus_status;                        \
  } while (0)

template <class T>
struct Same {
  using Type = T;
};

struct Shape {
  int64_t blocks;  // may exceed max_blocks; the kernel loops
  int threads;
  size_t shared;  // dynamic shared memory, bytes
};

// The one place where a kernel starts.
template <class... P>
cudaError_t launch(void (*kernel)(P...), Shape shape, void* stream, typename Same<P>::Type... arguments) {
  const dim3 grid(static_cast<unsigned>(shape.blocks < max_blocks ? shape.blocks : max_blocks));
  const dim3 block(static_cast<unsigned>(shape.threads));
#ifdef LOTUS_CUDA_EMULATION
  (void)stream;
  return emulation::launch([=] { kernel(arguments...); }, grid, block, shape.shared);
#else
  kernel<<<grid, block, shape.shared, static_cast<cudaStream_t>(stream)>>>(arguments...);
  return cudaGetLastError();
#endif
}

// ---- Dynamic shared memory ----
template <class T>
__device__ T* dynamic_shared() {
#ifdef LOTUS_CUDA_EMULATION
  return static_cast<T*>(emulation::dynamic_shared());
#else
  extern __shared__ __align__(16) unsigned char lotus_dynamic_shared[];
  return reinterpret_cast<T*>(lotus_dynamic_shared);
#endif
}

// Lets `kernel` use `bytes` of dynamic shared memory if this device has that much; false if not.
template <class... P>
bool allow_shared(void (*kernel)(P...), size_t bytes) {
  int device = 0, most = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) != cudaSuccess)
    return false;
  constexpr size_t kStatic = 2048;  // more than the callers use beside it
  if (bytes + kStatic > static_cast<size_t>(most)) return false;
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                              static_cast<int>(bytes)) == cudaSuccess;
}

}  // namespace cuda
}  // namespace lotus
