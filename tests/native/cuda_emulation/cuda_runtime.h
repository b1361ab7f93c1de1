// Stands in for CUDA's header of this name when g++ compiles src/main/cuda for tests without a GPU
// (LOTUS_CUDA_EMULATION): the language as far as those files use it, and a runtime whose device memory is the host's.
//
// A block's threads are fibers, one running at a time, blocks one after another (fibers.cpp). A thread runs until it
// waits at a barrier or a warp operation, so kernels see every interleaving that a schedule makes at those points;
// the schedule is chosen by the test, and a result that depends on it is a race. Reported as errors
// (cudaErrorLaunchFailure, text in emulation::message()):
//   - threads of a block at different barriers, or some at a barrier and the rest gone
//   - lanes of a warp at different warp operations or with different masks, a lane outside its own mask, a shuffle that
//     reads a lane outside the mask
//   - a deadlock of any other kind
// Shared memory, static and dynamic, holds NaN patterns (0xff) when a block starts. Accesses that are not aligned trap
// (the tests compile with -fsanitize=alignment); out-of-bounds ones are AddressSanitizer's (LOTUS_SANITIZE).
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <functional>
#include <string>

#ifndef LOTUS_CUDA_EMULATION
#error "this header is for tests; put CUDA's own on the include path"
#endif

// ---- Language ----
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
// Thread-local, because the linker then keeps all of them, and nothing else, in one piece that can be poisoned.
#define __shared__ static thread_local

struct alignas(8) uint2 {
  uint32_t x, y;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) { return {x, y, z, w}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

struct dim3 {
  uint32_t x, y, z;
  explicit dim3(uint32_t x_ = 1, uint32_t y_ = 1, uint32_t z_ = 1) : x(x_), y(y_), z(z_) {}
};

extern dim3 threadIdx, blockIdx, blockDim, gridDim;  // of the fiber that runs

// ---- Runtime ----
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDeviceFunction = 98,
  cudaErrorInvalidDevice = 101,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorUnsupportedPtxVersion = 222,
  cudaErrorLaunchFailure = 719,
};
enum cudaDeviceAttr {
  cudaDevAttrMaxSharedMemoryPerBlockOptin,
  cudaDevAttrComputeCapabilityMajor,
  cudaDevAttrComputeCapabilityMinor,
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost };
struct cudaFuncAttributes {
  int numRegs;
};
using cudaStream_t = void*;
#define CUDART_VERSION 13000

// What the pretended machine is like and how it behaves; tests set it.
namespace emulation {
enum class Schedule { kForward, kBackward, kRandom };
struct Settings {
  Schedule schedule = Schedule::kForward;
  uint64_t seed = 1;                        // of Schedule::kRandom
  int shared_per_block_optin = 227 * 1024;  // sm_90's; sm_75 has 64 KiB
  int devices = 2;
  cudaError_t driver = cudaSuccess;      // what cudaGetDeviceCount returns
  int driver_version = 13000;
  cudaError_t image = cudaSuccess;       // what asking for a kernel returns
  cudaError_t next_launch = cudaSuccess; // what the next launch returns, once, instead of running
};
extern Settings settings;

cudaError_t launch(const std::function<void()>& thread, dim3 grid, dim3 block, size_t shared);
void* dynamic_shared();
const std::string& message();  // of the last failed launch

enum class Operation { kNone, kShuffleXor, kShuffleDown, kShuffle, kBallot };
uint64_t collective(Operation operation, uint32_t mask, uint64_t value, int argument);
void barrier(const char* file, int line);

template <class T>
T shuffle(Operation operation, uint32_t mask, T value, int argument) {
  static_assert(sizeof(T) <= 8, "a shuffle moves at most eight bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  bits = collective(operation, mask, bits, argument);
  memcpy(&value, &bits, sizeof value);
  return value;
}
}  // namespace emulation

#define __syncthreads() ::emulation::barrier(__FILE__, __LINE__)

template <class T>
T __shfl_xor_sync(uint32_t mask, T value, int lane_mask) {
  return emulation::shuffle(emulation::Operation::kShuffleXor, mask, value, lane_mask);
}
template <class T>
T __shfl_down_sync(uint32_t mask, T value, int delta) {
  return emulation::shuffle(emulation::Operation::kShuffleDown, mask, value, delta);
}
template <class T>
T __shfl_sync(uint32_t mask, T value, int lane) {
  return emulation::shuffle(emulation::Operation::kShuffle, mask, value, lane);
}
inline uint32_t __ballot_sync(uint32_t mask, bool predicate) {
  return static_cast<uint32_t>(emulation::collective(emulation::Operation::kBallot, mask, predicate, 0));
}

template <class T>
T atomicAdd(T* address, T value) {  // one fiber runs at a time
  const T before = *address;
  *address = before + value;
  return before;
}

inline int __popc(uint32_t x) { return __builtin_popcount(x); }
inline float __int_as_float(int x) {
  float f;
  memcpy(&f, &x, sizeof f);
  return f;
}
inline float __uint_as_float(uint32_t x) { return __int_as_float(static_cast<int>(x)); }
inline int __float_as_int(float x) {
  int i;
  memcpy(&i, &x, sizeof i);
  return i;
}
inline uint32_t __float_as_uint(float x) { return static_cast<uint32_t>(__float_as_int(x)); }

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function);
cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value);
cudaError_t cudaGetLastError();
const char* cudaGetErrorString(cudaError_t status);
const char* cudaGetErrorName(cudaError_t status);
cudaError_t cudaMalloc(void** pointer, size_t bytes);
cudaError_t cudaFree(void* pointer);
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaDeviceSynchronize();
