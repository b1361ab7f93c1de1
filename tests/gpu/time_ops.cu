// Times every operation of liblotus_cuda on device 0 and prints CSV: device time by events, host time of one call and
// its wait. Inputs rotate over sets that together exceed the L2 cache several times, so nothing is read warm.
// usage: time_ops [repeats]
#include <stdarg.h>

#include <chrono>

#include "cuda_library.h"
#include "math/half.h"
#include "timing.h"

namespace timing {
namespace {

constexpr int kWarmUp = 10;
int repeats = 100;
double copy_gbps = 0;
std::string device_name;

int32_t print_error(int32_t status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, " (status %d)\n", status);
  return status;
}

__global__ void empty_kernel() {}

__global__ void fill_values(void* out, size_t n, int32_t dtype, uint32_t seed) {
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < n; i += size_t{gridDim.x} * blockDim.x) {
    uint32_t h = static_cast<uint32_t>(i) * 2654435761u + seed;  // a cheap hash of the index
    h = (h ^ (h >> 15)) * 2246822519u;
    h = (h ^ (h >> 13)) * 3266489917u;
    const float x = static_cast<float>(h >> 8) * 0x1p-22f - 2.0f;
    if (dtype == LOTUS_FLOAT32)
      static_cast<float*>(out)[i] = x;
    else
      static_cast<uint16_t*>(out)[i] = dtype == LOTUS_BFLOAT16 ? lotus::bf16_bits(x) : lotus::fp16_bits(x);
  }
}

double at(std::vector<double> x, double q) {
  std::sort(x.begin(), x.end());
  return x[static_cast<size_t>(q * static_cast<double>(x.size() - 1))];
}

}  // namespace

const lotus::Backend& backend() { return lotus_cuda_table(&print_error)->backend; }

void fill(const Memory& memory, size_t n, int32_t dtype, uint32_t seed) {
  fill_values<<<1024, 256>>>(memory.at(), n, dtype, seed);
  must(cudaGetLastError());
}

Times measure(const std::function<void(int)>& call, int sets) {
  for (int i = 0; i < kWarmUp; ++i) call(i % sets);
  must(cudaDeviceSynchronize());
  std::vector<cudaEvent_t> from(static_cast<size_t>(repeats)), to(from.size());
  std::vector<double> device, host;
  for (size_t i = 0; i < from.size(); ++i) {
    must(cudaEventCreate(&from[i]));
    must(cudaEventCreate(&to[i]));
  }
  for (size_t i = 0; i < from.size(); ++i) {
    must(cudaEventRecord(from[i]));
    call(static_cast<int>(i) % sets);
    must(cudaEventRecord(to[i]));
  }
  must(cudaDeviceSynchronize());
  for (size_t i = 0; i < from.size(); ++i) {
    float ms = 0;
    must(cudaEventElapsedTime(&ms, from[i], to[i]));
    device.push_back(1e3 * static_cast<double>(ms));
    must(cudaEventDestroy(from[i]));
    must(cudaEventDestroy(to[i]));
  }
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    call(i % sets);
    must(cudaDeviceSynchronize());
    host.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  return {at(device, 0.2), at(device, 0.5), at(device, 0.8), at(host, 0.5)};
}

void row(const std::string& op, const char* dtype, int64_t rows, int64_t cols, const Times& t, double bytes) {
  const double gbps = bytes / t.p50 * 1e-3;
  printf("%s,%s,%s,%lld,%lld,%.2f,%.2f,%.2f,%.2f,%.0f,%.1f,%.1f\n", op.c_str(), device_name.c_str(), dtype,
         static_cast<long long>(rows), static_cast<long long>(cols), t.p50, t.p20, t.p80, t.host, bytes, gbps,
         copy_gbps > 0 ? 100 * gbps / copy_gbps : 0.0);
  fflush(stdout);
}

namespace {

void time_machine() {
  const Memory from(kRotate), to(kRotate);
  const double moved = 2.0 * static_cast<double>(kRotate);
  const Times copy =
      measure([&](int) { must(cudaMemcpyAsync(to.at(), from.at(), kRotate, cudaMemcpyDeviceToDevice)); }, 1);
  copy_gbps = moved / copy.p50 * 1e-3;
  row("copy", "bytes", 1, static_cast<int64_t>(kRotate), copy, moved);
  row("empty", "none", 0, 0, measure([](int) { empty_kernel<<<1, 32>>>(); }, 1), 0);
}

}  // namespace

int run(int argc, char** argv) {
  if (argc > 1) repeats = std::max(5, atoi(argv[1]));
  const char* reason = lotus_cuda_table(&print_error)->reason(0);
  if (*reason != '\0') {
    fprintf(stderr, "time_ops: %s\n", reason);
    return 1;
  }
  cudaDeviceProp properties;
  must(cudaGetDeviceProperties(&properties, 0));
  device_name = properties.name;
  printf("op,device,dtype,rows,cols,median_us,p20_us,p80_us,host_us,bytes,gbps,percent_of_copy\n");
  time_machine();
  time_logits();
  time_weights();
  time_images();
  return 0;
}

}  // namespace timing

int main(int argc, char** argv) { return timing::run(argc, argv); }
