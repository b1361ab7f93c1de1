// What the contract tests of the operations share: shapes, inputs with awkward rows, device matrices with gaps that must
// stay untouched, comparisons. One file an operation, built three times: against the CPU kernels (LOTUS_TEST_CPU, device
// memory is the host's), against the CUDA sources on the emulation (LOTUS_CUDA_EMULATION), and, linked to liblotus_cuda,
// on a GPU.
#pragma once

#include <cuda_runtime.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <limits>
#include <string>
#include <vector>

#include "math/half.h"
#include "ops.h"

namespace native_test {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

inline const std::vector<int64_t> kCols = {1, 2, 3, 7, 8, 10, 20, 31, 32, 33, 100, 101, 200, 1000, 1001, 21841};
inline const std::vector<int64_t> kRows = {1, 7, 128, 513};
// Rows that several blocks of a GPU share; two of them at most, for they are long.
inline const std::vector<int64_t> kLongCols = {9001, 40000, 262144};

// The sanitizers' builds are six times slower and take fewer variants of a shape; they are after the addresses.
inline bool quick = false;
inline int variants(int64_t rows, int all, int of_largest) {
  if (quick) return rows > 128 ? 0 : rows == 128 ? 1 : (all + 1) / 2;
#ifdef LOTUS_CUDA_EMULATION
  if (rows >= 128) return rows > 128 ? 1 : of_largest;  // every variant of the shape has had fewer rows
#endif
  return rows > 128 ? of_largest : all;
}

// ---- Counting ----
inline int checks = 0, failures = 0;
inline std::string context;  // what is being tested, for the message

inline void fail(const std::string& text) {
  if (++failures <= 20) fprintf(stderr, "FAIL %s: %s\n", context.c_str(), text.c_str());
}
inline void expect(bool holds, const std::string& text) {
  ++checks;
  if (!holds) fail(text);
}

// ---- The library under test ----
const lotus::Backend& backend();
extern std::string error_text;  // of the last failing call

inline void must(cudaError_t status) {
  if (status == cudaSuccess) return;
  fprintf(stderr, "%s: %s\n", context.c_str(), cudaGetErrorString(status));
  exit(1);
}
inline void expect_ok(int32_t status) {
  expect(status == LOTUS_OK, "status " + std::to_string(status) + ": " + error_text);
  must(cudaDeviceSynchronize());
}

// ---- Random numbers of the tests themselves ----
struct Rng {
  uint64_t state;
  uint64_t bits() {  // splitmix64
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  double uniform() { return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53; }
  int64_t below(int64_t n) { return static_cast<int64_t>(bits() % static_cast<uint64_t>(n)); }
  double normal() { return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform()); }
};

// ---- Element types ----
inline const std::vector<int32_t> kDtypes = {LOTUS_FLOAT32, LOTUS_BFLOAT16, LOTUS_FLOAT16};
inline const char* name_of(int32_t dtype) {
  return dtype == LOTUS_FLOAT32 ? "fp32" : dtype == LOTUS_BFLOAT16 ? "bf16" : "fp16";
}
inline int64_t bytes_of(int32_t dtype) { return dtype == LOTUS_FLOAT32 ? 4 : 2; }
// The bits of x in one of the 16-bit types, and back.
inline uint16_t to_half(double x, int32_t dtype) {
  const float f = static_cast<float>(x);
  return dtype == LOTUS_BFLOAT16 ? lotus::bf16_bits(f) : lotus::fp16_bits(f);
}
inline double from_half(uint16_t h, int32_t dtype) {
  return dtype == LOTUS_BFLOAT16 ? lotus::bf16_value(h) : lotus::fp16_value(h);
}
inline double rounded(double x, int32_t dtype) {
  return dtype == LOTUS_FLOAT32 ? static_cast<double>(static_cast<float>(x)) : from_half(to_half(x, dtype), dtype);
}

// ---- Device memory: exactly as long as it must be, so that AddressSanitizer and memcheck see one element too many
// ----
class Device {
 public:
  explicit Device(size_t bytes, unsigned char fill = 0x5a) : bytes_(bytes) {
    if (bytes == 0) return;
    must(cudaMalloc(&data_, bytes));
    const std::vector<unsigned char> host(bytes, fill);
    put(host.data(), 0, bytes);
  }
  ~Device() { cudaFree(data_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  void put(const void* from, size_t at, size_t bytes) {
    must(cudaMemcpy(static_cast<char*>(data_) + at, from, bytes, cudaMemcpyHostToDevice));
  }
  std::vector<unsigned char> get() const {
    std::vector<unsigned char> host(bytes_);
    if (bytes_ > 0) must(cudaMemcpy(host.data(), data_, bytes_, cudaMemcpyDeviceToHost));
    return host;
  }
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  size_t bytes_;
};

template <class T>
class DeviceVector : public Device {
 public:
  explicit DeviceVector(size_t n) : Device(n * sizeof(T)) {}
  explicit DeviceVector(const std::vector<T>& host) : Device(host.size() * sizeof(T)) {
    if (!host.empty()) put(host.data(), 0, host.size() * sizeof(T));
  }
  T* at() const { return static_cast<T*>(data()); }
  std::vector<T> values() const {
    const std::vector<unsigned char> bytes = get();
    std::vector<T> out(bytes.size() / sizeof(T));
    if (!bytes.empty()) memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
};

// How a matrix lies: `gap` elements between rows, `offset` elements before the first.
struct Layout {
  int64_t gap = 0, offset = 0;
};
inline const std::vector<Layout> kLayouts = {{0, 0}, {3, 0}, {4, 0}, {4, 1}, {2, 2}, {0, 3}};

class DeviceMatrix : public Device {
 public:
  DeviceMatrix(int64_t rows, int64_t cols, int32_t dtype, Layout layout)
      : Device(static_cast<size_t>((layout.offset + (rows - 1) * (cols + layout.gap) + cols) * bytes_of(dtype))),
        rows_(rows), cols_(cols), layout_(layout), dtype_(dtype) {}
  DeviceMatrix(int64_t rows, int64_t cols, int32_t dtype, Layout layout, const std::vector<double>& x)
      : DeviceMatrix(rows, cols, dtype, layout) {
    std::vector<unsigned char> image = get();
    for (int64_t i = 0; i < rows * cols; ++i) {
      unsigned char* to = image.data() + place(i / cols, i % cols);
      const float f = static_cast<float>(x[static_cast<size_t>(i)]);
      const uint16_t h = dtype == LOTUS_FLOAT32 ? uint16_t{0} : to_half(x[static_cast<size_t>(i)], dtype);
      memcpy(to, dtype == LOTUS_FLOAT32 ? static_cast<const void*>(&f) : &h, static_cast<size_t>(bytes_of(dtype)));
    }
    put(image.data(), 0, image.size());
  }
  void* at() const { return static_cast<char*>(data()) + layout_.offset * bytes_of(dtype_); }
  int64_t stride() const { return cols_ + layout_.gap; }

  std::vector<double> values() const {
    const std::vector<unsigned char> image = get();
    std::vector<double> out(static_cast<size_t>(rows_ * cols_));
    for (int64_t i = 0; i < rows_ * cols_; ++i) {
      const unsigned char* from = image.data() + place(i / cols_, i % cols_);
      float f;
      uint16_t h;
      memcpy(&f, from, dtype_ == LOTUS_FLOAT32 ? 4 : 0);
      memcpy(&h, from, dtype_ == LOTUS_FLOAT32 ? 0 : 2);
      out[static_cast<size_t>(i)] = dtype_ == LOTUS_FLOAT32 ? static_cast<double>(f) : from_half(h, dtype_);
    }
    return out;
  }

  // Whether nothing outside the matrix was written.
  bool gaps_untouched() const {
    const std::vector<unsigned char> image = get();
    size_t end = 0;  // of the row before
    for (int64_t b = 0; b <= rows_; ++b) {
      const size_t next = b < rows_ ? place(b, 0) : image.size();
      for (size_t i = end; i < next; ++i)
        if (image[i] != 0x5a) return false;
      if (b < rows_) end = place(b, 0) + static_cast<size_t>(cols_ * bytes_of(dtype_));
    }
    return true;
  }

 private:
  size_t place(int64_t b, int64_t c) const {
    return static_cast<size_t>((layout_.offset + b * stride() + c) * bytes_of(dtype_));
  }
  int64_t rows_, cols_;
  Layout layout_;
  int32_t dtype_;
};

// ---- Logits: every kind of row that has gone wrong somewhere ----
enum class RowKind { kNormal, kWide, kEqual, kOneHot, kMasked, kSharp, kClose, kNaN, kPlusInf, kAllMasked };

// Bad rows only where there are good ones beside them to be spoiled. The others rotate; a single row takes `turn`.
inline RowKind row_kind(int64_t b, int64_t rows, int turn, bool bad_rows) {
  if (bad_rows && rows >= 7) {
    if (b % 16 == 3) return RowKind::kNaN;
    if (b % 32 == 5) return RowKind::kPlusInf;
    if (b % 32 == 22) return RowKind::kAllMasked;
  }
  return static_cast<RowKind>((b + turn) % 7);
}

inline std::vector<double> logits(int64_t rows, int64_t cols, int32_t dtype, uint64_t seed, int turn, bool bad_rows) {
  Rng rng{seed};
  std::vector<double> x(static_cast<size_t>(rows * cols));
  for (int64_t b = 0; b < rows; ++b) {
    const RowKind kind = row_kind(b, rows, turn, bad_rows);
    double* row = x.data() + b * cols;
    for (int64_t c = 0; c < cols; ++c) {
      switch (kind) {
        case RowKind::kWide:
          row[c] = rng.below(2) == 0 ? 80 : -80;
          break;
        case RowKind::kEqual:
          row[c] = 1.25;
          break;
        case RowKind::kOneHot:
          row[c] = 0;
          break;
        case RowKind::kSharp:
          row[c] = 12 * rng.normal();
          break;
        case RowKind::kClose:
          row[c] = 1e-3 * rng.normal();
          break;
        default:
          row[c] = 2 * rng.normal();
      }
      // The same classes in every matrix of a call: a class masked for the student alone has an infinite loss.
      if (kind == RowKind::kMasked && cols > 2 && (c * 7 + b) % 3 == 0) row[c] = -kInf;
    }
    const int64_t at = rng.below(cols);
    if (kind == RowKind::kOneHot) row[at] = 30;
    if (kind == RowKind::kNaN) row[at] = kNaN;
    if (kind == RowKind::kPlusInf) row[at] = kInf;
    if (kind == RowKind::kAllMasked)
      for (int64_t c = 0; c < cols; ++c) row[c] = -kInf;
    for (int64_t c = 0; c < cols; ++c) row[c] = rounded(row[c], dtype);
  }
  return x;
}

// Finite, and not all masked.
inline bool row_finite(const double* x, int64_t cols) {
  bool any = false;
  for (int64_t c = 0; c < cols; ++c) {
    if (!(x[c] < kInf)) return false;
    any |= x[c] > -kInf;
  }
  return any;
}

// ---- Comparisons ---- fp32: |x - ref| <= absolute + 1e-5 max |ref|; infinities and NaN must be the same. bf16, fp16: one
// unit in the last place of the reference. `skip` [n / per] leaves out whole rows.
inline void expect_close(const std::string& what, const std::vector<double>& x, const std::vector<double>& ref,
                         int32_t dtype = LOTUS_FLOAT32, const std::vector<bool>& skip = {}, double absolute = 1e-6) {
  ++checks;
  const size_t per = skip.empty() ? 1 : x.size() / skip.size();
  double largest = 0;
  for (const double r : ref)
    if (isfinite(r)) largest = fmax(largest, fabs(r));
  for (size_t i = 0; i < x.size(); ++i) {
    if (!skip.empty() && skip[i / per]) continue;
    const double r = ref[i];
    bool close = isnan(r) ? isnan(x[i]) : x[i] == r;
    if (!close && isfinite(r)) {
      double tolerance = absolute + 1e-5 * largest;
      if (dtype == LOTUS_BFLOAT16) tolerance = absolute + ldexp(1.0, ilogb(fmax(fabs(r), 1e-30)) - 7);
      if (dtype == LOTUS_FLOAT16) tolerance = absolute + ldexp(1.0, ilogb(fmax(fabs(r), 0x1p-14)) - 10);
      close = fabs(x[i] - r) <= tolerance;
    }
    if (!close) {
      char text[200];
      snprintf(text, sizeof text, "%s[%zu] is %.9g, reference %.9g (largest %.3g)", what.c_str(), i, x[i], r, largest);
      fail(text);
      return;
    }
  }
}

// The larger, or NaN where one is: fmax would pass over the very result that must fail.
inline double larger(double a, double b) { return a >= b ? a : isnan(a) ? a : b; }

inline std::vector<double> widen(const std::vector<float>& x) { return {x.begin(), x.end()}; }

inline bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

// Row b of a matrix of x.size() / rows columns.
inline std::vector<double> row_of(const std::vector<double>& x, int64_t rows, int64_t b) {
  const int64_t cols = static_cast<int64_t>(x.size()) / rows;
  return {x.begin() + b * cols, x.begin() + (b + 1) * cols};
}

// The noise that belongs to a word of Philox.
inline double exact_gumbel(uint32_t word) {
  const double u = ((word >> 8) + 0.5) * 0x1p-24;
  return -log(u < 0.5 ? -log(u) : -log1p(u - 1));
}

#ifdef LOTUS_CUDA_EMULATION
}  // namespace native_test
namespace lotus {
namespace cuda {
extern int64_t max_blocks;
}
}  // namespace lotus
namespace native_test {

// Calls body under machines on which no result may change: schedules of the threads, a small grid, little shared
// memory, no clusters of blocks.
template <class Body>
void for_each_machine(Body body) {
  const emulation::Settings before = emulation::settings;
  const int64_t blocks_before = lotus::cuda::max_blocks;
  for (const int64_t blocks : {blocks_before, int64_t{1}}) {
    lotus::cuda::max_blocks = blocks;
    emulation::settings.schedule = emulation::Schedule::kBackward;  // lets the last warp run far ahead of the first
    body("threads scheduled backward");
    emulation::settings.schedule = emulation::Schedule::kRandom;
    body("threads scheduled at random");
  }
  emulation::settings.shared_per_block_optin = 4096;
  body("no dynamic shared memory to speak of");
  emulation::settings.capability = 80;
  body("no clusters");
  emulation::settings = before;
  lotus::cuda::max_blocks = blocks_before;
}
#endif

// ---- Suites, one a file: a Suite at namespace scope is run by main ----
struct Suite {
  Suite(const char* name, void (*run)());
};

}  // namespace native_test
