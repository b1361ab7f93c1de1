// The library's door: lotus_cuda_table, and why a device cannot run these kernels.
#include <stdio.h>

#include <map>
#include <mutex>
#include <string>

#include "common/launch.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {

SetError set_error = nullptr;
int64_t max_blocks = 1 << 20;

namespace {

// Compiled for the same architectures as every kernel here: where it has no code, none has.
__global__ void probe() {}

std::string text(const char* what, cudaError_t status) {
  cudaGetLastError();  // leaves no error behind for whoever asks next
  return std::string(what) + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")";
}

std::string find_reason(int32_t device) {
  int count = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) {
    int driver = 0;
    cudaDriverGetVersion(&driver);
    cudaGetLastError();
    if (driver == 0) return "no NVIDIA driver was found";
    return "the NVIDIA driver is too old for CUDA " + std::to_string(CUDART_VERSION / 1000) +
           ": it supports CUDA " + std::to_string(driver / 1000) + "." + std::to_string(driver % 1000 / 10);
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
    cudaGetLastError();
    return "no NVIDIA GPU was found";
  }
  if (status != cudaSuccess) return text("CUDA could not start", status);
  if (device < 0 || device >= count)
    return "there is no CUDA device " + std::to_string(device) + "; found " + std::to_string(count);

  const DeviceScope scope(device);
  if (scope.status() != cudaSuccess) return text("the device could not be selected", scope.status());
  cudaFuncAttributes attributes;
  status = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(&probe));
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction ||
      status == cudaErrorUnsupportedPtxVersion) {
    cudaGetLastError();
    int major = 0, minor = 0;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
    return "this build has no code for compute capability " + std::to_string(major) + "." + std::to_string(minor) +
           " (built for " LOTUS_CUDA_ARCH_TEXT "); build with -Prelease";
  }
  if (status != cudaSuccess) return text("the device cannot be used", status);
  return "";
}

}  // namespace

const char* reason(int32_t device) {
  // Asked before every call, so found once a device; std::map keeps its texts in place.
  static std::mutex mutex;
  static std::map<int32_t, std::string>* reasons = new std::map<int32_t, std::string>;  // outlives every caller
  const std::lock_guard<std::mutex> lock(mutex);
  auto found = reasons->find(device);
  if (found == reasons->end()) found = reasons->emplace(device, find_reason(device)).first;
  return found->second.c_str();
}

}  // namespace cuda
}  // namespace lotus

const lotus::CudaTable* lotus_cuda_table(lotus::SetError set_error) {
  using namespace lotus;
  static const CudaTable table = {
      {
          cuda::philox_words,
          cuda::gumbel_noise,
          cuda::gumbel_softmax,
          cuda::gumbel_cross_entropy,
          cuda::distillation,
          cuda::cross_entropy,
          cuda::evaluate_logits,
          cuda::js_divergence,
          cuda::rf_jsd,
          cuda::gradient_norm,
          cuda::adamw,
          cuda::sgd,
          cuda::accumulate,
          cuda::ssd_dampen,
          cuda::top_k_mask,
          cuda::gather_augment,
          cuda::resize,
      },
      cuda::reason};
  cuda::set_error = set_error;
  return &table;
}
