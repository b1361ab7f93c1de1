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
  size_t shared;         // dynamic shared memory, bytes
  int team = 1;          // blocks that work together, next to each other in the grid; `blocks` counts teams
  bool cluster = false;  // launched as a cluster each: sm_90 and later
};

#ifndef LOTUS_CUDA_EMULATION
// What cudaLaunchKernelEx takes.
struct Launch {
  cudaLaunchConfig_t config = {};
  cudaLaunchAttribute attribute = {};

  Launch(const Shape& shape, void* stream) {
    const int64_t teams = shape.blocks < max_blocks ? shape.blocks : max_blocks;
    config.gridDim = dim3(static_cast<unsigned>(teams * shape.team));
    config.blockDim = dim3(static_cast<unsigned>(shape.threads));
    config.dynamicSmemBytes = shape.shared;
    config.stream = static_cast<cudaStream_t>(stream);
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = static_cast<unsigned>(shape.team);
    attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
    config.attrs = &attribute;
    config.numAttrs = shape.cluster ? 1 : 0;
  }
  Launch(const Launch&) = delete;  // config points into it
  Launch& operator=(const Launch&) = delete;
};
#endif

// The one place where a kernel starts.
template <class... P>
cudaError_t launch(void (*kernel)(P...), const Shape& shape, void* stream, typename Same<P>::Type... arguments) {
#ifdef LOTUS_CUDA_EMULATION
  (void)stream;
  const int64_t teams = shape.blocks < max_blocks ? shape.blocks : max_blocks;
  return emulation::launch([=] { kernel(arguments...); }, dim3(static_cast<unsigned>(teams * shape.team)),
                           dim3(static_cast<unsigned>(shape.threads)), shape.shared, shape.cluster ? shape.team : 1);
#else
  const Launch how(shape, stream);
  return cudaLaunchKernelEx(&how.config, kernel, arguments...);
#endif
}

// Whether `kernel` can run as clusters of that shape here: its code must be of compute capability 9 or later (a build for
// an older one also runs on a new device, by way of PTX), and the device must have room for one cluster.
template <class... P>
bool can_cluster(void (*kernel)(P...), const Shape& shape) {
  cudaFuncAttributes attributes;
  bool can = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(kernel)) == cudaSuccess &&
             attributes.ptxVersion >= 90;
#ifndef LOTUS_CUDA_EMULATION
  int clusters = 0;
  const Launch how(shape, nullptr);
  can = can && cudaOccupancyMaxActiveClusters(&clusters, kernel, &how.config) == cudaSuccess && clusters > 0;
#else
  (void)shape;
#endif
  if (!can) cudaGetLastError();  // the launch that follows must not find the error of a question
  return can;
}

// Memory of the device for the kernels of one call, taken and given back in the order of the stream (so that a captured
// graph may hold it, and no call waits).
class StreamMemory {
 public:
  StreamMemory(size_t bytes, void* stream) : stream_(static_cast<cudaStream_t>(stream)) {
    status_ = cudaMallocAsync(&data_, bytes, stream_);
  }
  ~StreamMemory() {
    if (status_ == cudaSuccess) cudaFreeAsync(data_, stream_);
  }
  StreamMemory(const StreamMemory&) = delete;
  StreamMemory& operator=(const StreamMemory&) = delete;
  cudaError_t status() const { return status_; }
  void* data() const { return data_; }

 private:
  cudaStream_t stream_;
  void* data_ = nullptr;
  cudaError_t status_;
};

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

// Lets `kernel` use `bytes` of dynamic shared memory if this device has that much; false if not. The limit belongs to the
// kernel, not to the launch: every caller sets the same one, the most there is, so that none lowers another's.
template <class... P>
bool allow_shared(void (*kernel)(P...), size_t bytes) {
  int device = 0, most = 0;
  if (cudaGetDevice(&device) != cudaSuccess ||
      cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) != cudaSuccess)
    return false;
  constexpr int kStatic = 4096;  // more than the callers use beside it
  if (bytes + kStatic > static_cast<size_t>(most)) return false;
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                              most - kStatic) == cudaSuccess;
}

}  // namespace cuda
}  // namespace lotus
