// The library itself: version, error text, which backend runs where, threads, the checks that every operation shares.
#include <dlfcn.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <cmath>
#include <string>

#include "cuda_library.h"
#include "internal.h"

namespace lotus {
namespace {

thread_local char error_text[512];
std::atomic<int32_t> thread_limit{0};

// Rows of less work than this do not repay waking a second thread (about 5 us).
constexpr int64_t kElementsPerThread = 2048;

struct CpuLevel {
  const char* name;
  const Backend* backend;
  bool runs;
};

const CpuLevel& cpu_level() {
  static const CpuLevel chosen = [] {
    __builtin_cpu_init();
    // All that -march=x86-64-v3 may emit: a hypervisor can mask any of it.
    const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c") &&
                    __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("movbe");
    const CpuLevel levels[] = {
        {"x86-64-v4", &cpu_v4,
         __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && v3},
        {"x86-64-v3", &cpu_v3,
         v3},
        {"x86-64", &cpu_x86_64, true},
    };
    const char* wanted = getenv("LOTUS_CPU_LEVEL");
    bool allowed = wanted == nullptr || *wanted == '\0';
    for (const CpuLevel& level : levels) {
      allowed = allowed || strcmp(level.name, wanted) == 0;
      if (allowed && level.runs) return level;
    }
    return levels[2];
  }();
  return chosen;
}

// The CUDA kernels live in a library of their own, so that this one loads where the CUDA runtime is absent.
struct CudaLibrary {
  const CudaTable* table = nullptr;
  std::string reason;
};

const CudaLibrary& cuda_library() {
  static const CudaLibrary library = [] {
    CudaLibrary result;
    Dl_info self;
    std::string path = "liblotus_cuda.so";
    if (dladdr(reinterpret_cast<const void*>(&lotus_version), &self) != 0 && self.dli_fname != nullptr) {
      const std::string own = self.dli_fname;
      const size_t slash = own.rfind('/');
      if (slash != std::string::npos) path = own.substr(0, slash + 1) + path;
    }
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* why = dlerror();
      result.reason = strstr(why, "libcudart") != nullptr
                          ? "the CUDA 13 runtime (libcudart.so.13) was not found; put it on LD_LIBRARY_PATH"
                      : strstr(why, "liblotus_cuda.so: cannot open") != nullptr
                          ? "this build has no CUDA kernels: nvcc was not found when it was made"
                          : why;
      return result;
    }
    const auto entry = reinterpret_cast<decltype(&lotus_cuda_table)>(dlsym(handle, "lotus_cuda_table"));
    if (entry == nullptr) {
      result.reason = path + " lacks lotus_cuda_table: it is not of this version";
      return result;
    }
    result.table = entry(&set_error);
    return result;
  }();
  return library;
}

// "" when CUDA kernels can run on that device.
const char* cuda_reason(int32_t device) {
  const CudaLibrary& library = cuda_library();
  if (library.table == nullptr) return library.reason.c_str();
  return library.table->reason(device);
}

}  // namespace

int32_t set_error(int32_t status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error_text, sizeof error_text, format, arguments);
  va_end(arguments);
  return status;
}

const Backend* backend_for(int32_t device) {
  if (device == LOTUS_CPU) return cpu_level().backend;
  const char* reason = lotus_backend_reason(device);
  if (*reason == '\0') return &cuda_library().table->backend;
  set_error(LOTUS_UNSUPPORTED, "no kernels for device %d: %s", device, reason);
  return nullptr;
}

int32_t threads_for(int64_t elements) {
  const int32_t limit = thread_limit.load(std::memory_order_relaxed);
  const int64_t most = limit > 0 ? limit : omp_get_max_threads();
  const int64_t useful = elements / kElementsPerThread + 1;
  return static_cast<int32_t>(useful < most ? useful : most);
}

int32_t check_matrix(const char* op, const char* name, const void* data, int64_t rows, int64_t cols, int64_t stride) {
  if (data == nullptr && rows > 0) return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is null", op, name);
  if (stride < cols)
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: the stride of %s is %lld, less than its %lld columns", op, name,
                     static_cast<long long>(stride), static_cast<long long>(cols));
  return LOTUS_OK;
}

int32_t check_shape(const char* op, int64_t rows, int64_t cols, int32_t dtype) {
  if (rows < 0)
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: rows is %lld; it must be 0 or more", op, static_cast<long long>(rows));
  if (cols < 1 || cols > INT32_MAX)
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: cols is %lld; it must be 1 to 2^31 - 1", op,
                     static_cast<long long>(cols));
  return check_choice(op, "dtype", dtype, 3);
}

int32_t check_choice(const char* op, const char* name, int32_t value, int32_t count) {
  if (value >= 0 && value < count) return LOTUS_OK;
  return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is %d; it must be 0 to %d", op, name, value, count - 1);
}

int32_t check_present(const char* op, const char* name, const void* pointer) {
  return pointer != nullptr ? LOTUS_OK : set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is null", op, name);
}

int32_t check_positive(const char* op, const char* name, float value) {
  if (value > 0 && std::isfinite(value)) return LOTUS_OK;
  return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is %g; it must be positive and finite", op, name,
                   static_cast<double>(value));
}

int32_t check_in_place(const char* op, Operand out, Operand in) {
  if (out.data == nullptr || out.data != in.data || out.stride == in.stride) return LOTUS_OK;
  return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is in place of %s, but its stride is %lld where %s's is %lld", op,
                   out.name, in.name, static_cast<long long>(out.stride), in.name, static_cast<long long>(in.stride));
}

int32_t check_not_same(const char* op, const char* out_name, const void* out, const char* in_name, const void* in) {
  if (out == nullptr || out != in) return LOTUS_OK;
  return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is the memory of %s, which is read while it is written", op, out_name,
                   in_name);
}

int32_t check_class_slots(const char* op, const double* class_sums, int64_t stride, int64_t cols,
                          const int32_t* class_slot, int64_t slots) {
  LOTUS_TRY(check_matrix(op, "class_sums", class_sums, slots, cols, stride));
  if (slots < 1 || (class_slot == nullptr && slots < cols))
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: slots is %lld; without class_slot it must be at least cols = %lld", op,
                     static_cast<long long>(slots), static_cast<long long>(cols));
  return LOTUS_OK;
}

}  // namespace lotus

extern "C" {

const char* lotus_version(void) { return LOTUS_VERSION; }

const char* lotus_last_error(void) { return lotus::error_text; }

const char* lotus_cpu_level(void) { return lotus::cpu_level().name; }

int32_t lotus_backend_available(int32_t device) { return *lotus_backend_reason(device) == '\0'; }

const char* lotus_backend_reason(int32_t device) {
  if (device == LOTUS_CPU) return "";
  if (device < 0) return "device must be LOTUS_CPU (-1) or a CUDA device index";
  return lotus::cuda_reason(device);
}

int32_t lotus_set_num_threads(int32_t threads) {
  if (threads < 0)
    return lotus::set_error(LOTUS_INVALID_ARGUMENT, "set_num_threads: threads is %d; it must be 0 or more", threads);
  lotus::thread_limit.store(threads, std::memory_order_relaxed);
  return LOTUS_OK;
}

}  // extern "C"
