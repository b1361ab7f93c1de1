// The border between liblotus and liblotus_cuda: one exported function that hands over one table. liblotus opens
// liblotus_cuda by name where it lies beside it; neither is linked to the other, so either loads alone.
#pragma once

#include "ops.h"

namespace lotus {

using SetError = int32_t (*)(int32_t status, const char* format, ...);

struct CudaTable {
  Backend backend;
  // Why that device cannot run kernels: no driver, no such device, an architecture not built. "" if it can.
  // The text lives as long as the library.
  const char* (*reason)(int32_t device);
};

}  // namespace lotus

// `set_error` takes the text of a failing call (lotus_last_error).
extern "C" __attribute__((visibility("default"))) const lotus::CudaTable* lotus_cuda_table(lotus::SetError set_error);
