// The runtime calls of the pretended machine.
#include <stdlib.h>

#include "cuda_runtime.h"

using emulation::settings;

namespace {
int current_device = 0;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = settings.driver == cudaSuccess ? settings.devices : 0;
  return settings.driver;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = settings.driver_version;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= settings.devices) return cudaErrorInvalidDevice;
  current_device = device;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = settings.shared_per_block_optin;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = settings.capability / 10;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = settings.capability % 10;
      break;
  }
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  attributes->ptxVersion = settings.capability;
  return settings.image;
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int value) {
  return value <= settings.shared_per_block_optin ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaGetLastError() { return cudaSuccess; }

const char* cudaGetErrorString(cudaError_t status) {
  switch (status) {
    case cudaErrorLaunchFailure:
      return emulation::message().empty() ? "unspecified launch failure" : emulation::message().c_str();
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    default:
      return "an error of the emulation";
  }
}

const char* cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    default:
      return "cudaError";
  }
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  *pointer = malloc(bytes);
  return *pointer != nullptr || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFree(void* pointer) {
  free(pointer);
  return cudaSuccess;
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t) {
  if (settings.next_memory != cudaSuccess) {
    const cudaError_t refused = settings.next_memory;
    settings.next_memory = cudaSuccess;
    return refused;
  }
  const cudaError_t status = cudaMalloc(pointer, bytes);
  if (status == cudaSuccess && bytes > 0) memset(*pointer, 0xff, bytes);  // NaN, as a reader before the writer deserves
  return status;
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t) { return cudaFree(pointer); }

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  memcpy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
