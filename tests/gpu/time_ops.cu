// Times every operation of liblotus_cuda on device 0 and prints CSV: device time by events, host time of one call and
// its wait. Inputs rotate over sets that together exceed the L2 cache several times, so nothing is read warm.
// usage: time_ops [repeats]
#include <cuda_runtime.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "cuda_library.h"

namespace {

constexpr size_t kRotate = size_t{512} << 20;  // bytes that the rotating sets add up to
constexpr int kWarmUp = 10;
int repeats = 100;
double copy_gbps = 0;
std::string device_name;

void must(cudaError_t status) {
  if (status == cudaSuccess) return;
  fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(status));
  exit(1);
}

int32_t print_error(int32_t status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, " (status %d)\n", status);
  return status;
}

const lotus::Backend& backend() { return lotus_cuda_table(&print_error)->backend; }

void work(int32_t status) {
  if (status != LOTUS_OK) exit(1);
}

__global__ void empty_kernel() {}

// A cheap hash of the index: values spread like logits.
__global__ void fill_logits(float* fp32, uint16_t* bf16, size_t n, uint32_t seed) {
  for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < n; i += size_t{gridDim.x} * blockDim.x) {
    uint32_t h = static_cast<uint32_t>(i) * 2654435761u + seed;
    h = (h ^ (h >> 15)) * 2246822519u;
    h = (h ^ (h >> 13)) * 3266489917u;
    const float x = static_cast<float>(h >> 8) * 0x1p-22f - 2.0f;
    if (fp32 != nullptr) fp32[i] = x;
    if (bf16 != nullptr) bf16[i] = static_cast<uint16_t>(__float_as_uint(x) >> 16);
  }
}

struct Times {
  double p20, p50, p80, host;
};

double at(std::vector<double> x, double q) {
  std::sort(x.begin(), x.end());
  return x[static_cast<size_t>(q * static_cast<double>(x.size() - 1))];
}

// call(i) does the work on set i.
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

void row(const char* op, const char* dtype, int64_t rows, int64_t cols, const Times& t, double bytes) {
  const double gbps = bytes / t.p50 * 1e-3;
  printf("%s,%s,%s,%lld,%lld,%.2f,%.2f,%.2f,%.2f,%.0f,%.1f,%.1f\n", op, device_name.c_str(), dtype,
         static_cast<long long>(rows), static_cast<long long>(cols), t.p50, t.p20, t.p80, t.host, bytes, gbps,
         copy_gbps > 0 ? 100 * gbps / copy_gbps : 0.0);
  fflush(stdout);
}

char* device_bytes(size_t n) {
  void* p = nullptr;
  must(cudaMalloc(&p, n));
  must(cudaMemset(p, 0, n));
  return static_cast<char*>(p);
}

void time_shape(int64_t rows, int64_t cols, int32_t dtype) {
  const size_t n = static_cast<size_t>(rows * cols), width = dtype == LOTUS_FLOAT32 ? 4 : 2, matrix = n * width;
  const char* name = dtype == LOTUS_FLOAT32 ? "fp32" : "bf16";
  const int sets = static_cast<int>(std::min<size_t>(64, std::max<size_t>(2, kRotate / (3 * matrix))));
  std::vector<char*> a, b, out;
  for (int i = 0; i < sets; ++i) {
    for (auto* list : {&a, &b}) {
      list->push_back(device_bytes(matrix));
      fill_logits<<<1024, 256>>>(width == 4 ? reinterpret_cast<float*>(list->back()) : nullptr,
                                 width == 2 ? reinterpret_cast<uint16_t*>(list->back()) : nullptr, n,
                                 static_cast<uint32_t>(2 * i + (list == &b)));
    }
    out.push_back(device_bytes(matrix));
  }
  must(cudaDeviceSynchronize());
  std::vector<uint8_t> half(static_cast<size_t>(rows));
  std::vector<int64_t> labels(half.size());
  for (size_t i = 0; i < half.size(); ++i) half[i] = i % 2, labels[i] = static_cast<int64_t>(i) % cols;
  char* flags = device_bytes(half.size());
  char* label = device_bytes(labels.size() * 8);
  must(cudaMemcpy(flags, half.data(), half.size(), cudaMemcpyHostToDevice));
  must(cudaMemcpy(label, labels.data(), labels.size() * 8, cudaMemcpyHostToDevice));
  char* per_row = device_bytes(static_cast<size_t>(rows) * 64 + 64);
  float* loss = reinterpret_cast<float*>(per_row);
  double* doubles = reinterpret_cast<double*>(per_row + 8 * ((static_cast<size_t>(rows) + 1) & ~size_t{1}));

  row("gumbel_cross_entropy", name, rows, cols,
      measure(
          [&](int i) {
            lotus::GumbelArgs g{};
            g.student = a[i], g.teacher = b[i], g.gradient = out[i];
            g.student_stride = g.teacher_stride = g.gradient_stride = cols;
            g.is_forget = reinterpret_cast<uint8_t*>(flags);
            g.rows = rows, g.cols = cols, g.dtype = dtype, g.tau = 1.0f, g.seed = 1, g.loss = loss;
            g.gradient_scale = 1.0f / static_cast<float>(rows);
            work(backend().gumbel_cross_entropy(g));
          },
          sets),
      3.0 * static_cast<double>(matrix));
  row("evaluate_logits", name, rows, cols,
      measure(
          [&](int i) {
            lotus::EvaluateArgs e{};
            e.logits = a[i], e.logits_stride = cols;
            e.labels = reinterpret_cast<int64_t*>(label);
            e.rows = rows, e.cols = cols, e.dtype = dtype, e.loss = loss, e.entropy = loss + rows;
            work(backend().evaluate_logits(e));
          },
          sets),
      1.0 * static_cast<double>(matrix));
  for (const int32_t form : {LOTUS_JSD_TEXTBOOK, LOTUS_JSD_UPSTREAM})
    row(form == LOTUS_JSD_TEXTBOOK ? "js_divergence:textbook" : "js_divergence:upstream", name, rows, cols,
        measure(
            [&](int i) {
              lotus::JsdArgs j{};
              j.p = a[i], j.q = b[i], j.p_stride = j.q_stride = cols;
              j.rows = rows, j.cols = cols, j.dtype = dtype, j.input_kind = LOTUS_LOGITS, j.form = form;
              j.row_out = doubles, j.total = doubles + rows, j.workspace = doubles + rows + 1;
              work(backend().js_divergence(j));
            },
            sets),
        (form == LOTUS_JSD_TEXTBOOK ? 2.0 : 4.0) * static_cast<double>(matrix));
  for (auto* list : {&a, &b, &out})
    for (char* p : *list) must(cudaFree(p));
  for (char* p : {flags, label, per_row}) must(cudaFree(p));
}

}  // namespace

int main(int argc, char** argv) {
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
  char* from = device_bytes(kRotate);
  char* to = device_bytes(kRotate);
  const Times copy =
      measure([&](int) { must(cudaMemcpyAsync(to, from, kRotate, cudaMemcpyDeviceToDevice)); }, 1);
  copy_gbps = 2.0 * static_cast<double>(kRotate) / copy.p50 * 1e-3;
  row("copy", "bytes", 1, static_cast<int64_t>(kRotate), copy, 2.0 * static_cast<double>(kRotate));
  must(cudaFree(from));
  must(cudaFree(to));
  row("empty", "none", 0, 0, measure([](int) { empty_kernel<<<1, 32>>>(); }, 1), 0);
  const std::vector<std::vector<int64_t>> shapes = {{128, 10},      {256, 1000},     {4096, 1000}, {1024, 21841},
                                                    {65536, 1000},  {4096, 21841},   {8192, 10000}};
  for (const int32_t dtype : {LOTUS_FLOAT32, LOTUS_BFLOAT16})
    for (const auto& shape : shapes) time_shape(shape[0], shape[1], dtype);
  return 0;
}
