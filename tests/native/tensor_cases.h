// Lists of tensors for the contract tests of the operations on the weights: one buffer a field, in which the tensors lie
// at chosen places, so that starts may be aligned or not and what lies between must stay untouched.
#pragma once

#include "cases.h"

#ifdef LOTUS_TEST_CPU
#include "lotus.h"
#endif

namespace native_test {

#ifdef LOTUS_TEST_CPU
constexpr int32_t kDevice = LOTUS_CPU;
#else
constexpr int32_t kDevice = 0;
#endif

// Around every vector, quad, grain and chunk; nothing, and one element, among them; more than one launch's tensors.
inline std::vector<int64_t> odd_counts() {
  std::vector<int64_t> counts = {1, 2, 3, 7, 0, 8, 10, 31, 33, 100, 255, 256, 257, 1001, 4095, 4096, 4097, 1};
  for (int64_t i = 0; i < 12; ++i) counts.push_back(i * i % 23);
  return counts;
}
inline std::vector<int64_t> many_counts() {
  std::vector<int64_t> counts(1000);
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = static_cast<int64_t>(i * 7 % 13);
  return counts;
}

// Where the tensors lie in the buffers: each starts `gap` elements behind the last, then on a multiple of `align`.
struct Placement {
  int64_t gap, align;
};
inline const std::vector<Placement> kPlacements = {{0, 4}, {1, 1}, {0, 1}, {3, 2}};

// The places of all tensors.
class Places {
 public:
  Places(const std::vector<int64_t>& counts, Placement placement) : counts_(counts) {
    int64_t at = 0;
    for (const int64_t count : counts) {
      at = (at + placement.gap + placement.align - 1) / placement.align * placement.align;
      starts_.push_back(at);
      at += count;
      total_ += count;
    }
    span_ = at;
  }
  int64_t tensors() const { return static_cast<int64_t>(counts_.size()); }
  int64_t count(int64_t i) const { return counts_[static_cast<size_t>(i)]; }
  int64_t start(int64_t i) const { return starts_[static_cast<size_t>(i)]; }
  int64_t total() const { return total_; }
  int64_t span() const { return span_; }
  // body(number among all elements, place in the buffer)
  template <class Body>
  void each(Body body) const {
    size_t k = 0;
    for (int64_t i = 0; i < tensors(); ++i)
      for (int64_t j = 0; j < count(i); ++j) body(k++, static_cast<size_t>(start(i) + j));
  }

 private:
  std::vector<int64_t> counts_, starts_;
  int64_t total_ = 0, span_ = 0;
};

// One field of all tensors; T is float, uint8_t or uint16_t.
template <class T>
class Field {
 public:
  // The values of the elements of all tensors, one after the other.
  Field(const Places& places, const std::vector<T>& values)
      : places_(places), device_(sizeof(T) * static_cast<size_t>(places.span())) {
    std::vector<unsigned char> image = device_.get();
    places.each([&](size_t k, size_t at) { memcpy(image.data() + at * sizeof(T), &values[k], sizeof(T)); });
    if (!image.empty()) device_.put(image.data(), 0, image.size());
  }
  T* at(int64_t tensor) const { return static_cast<T*>(device_.data()) + places_.start(tensor); }
  std::vector<T> values() const {
    std::vector<unsigned char> image = device_.get();
    std::vector<T> out(static_cast<size_t>(places_.total()));
    places_.each([&](size_t k, size_t at) {
      memcpy(&out[k], image.data() + at * sizeof(T), sizeof(T));
      memset(image.data() + at * sizeof(T), 0x5a, sizeof(T));
    });
    bool untouched = true;
    for (const unsigned char byte : image) untouched &= byte == 0x5a;
    expect(untouched, "something outside the tensors was written");
    return out;
  }

 private:
  const Places& places_;
  Device device_;
};

// Gradients in the call's type.
class GradientField {
 public:
  GradientField(const Places& places, const std::vector<double>& values, int32_t dtype)
      : dtype_(dtype), floats_(places, dtype == LOTUS_FLOAT32 ? as_floats(values) : zeros<float>(places)),
        halves_(places, dtype == LOTUS_FLOAT32 ? zeros<uint16_t>(places) : as_halves(values, dtype)) {}
  const void* at(int64_t tensor) const {
    return dtype_ == LOTUS_FLOAT32 ? static_cast<const void*>(floats_.at(tensor)) : halves_.at(tensor);
  }
  static std::vector<float> as_floats(const std::vector<double>& x) { return {x.begin(), x.end()}; }

 private:
  template <class T>
  static std::vector<T> zeros(const Places& places) {
    return std::vector<T>(static_cast<size_t>(places.total()));
  }
  static std::vector<uint16_t> as_halves(const std::vector<double>& x, int32_t dtype) {
    std::vector<uint16_t> out;
    for (const double value : x) out.push_back(to_half(value, dtype));
    return out;
  }
  int32_t dtype_;
  Field<float> floats_;
  Field<uint16_t> halves_;
};

// Normal numbers of that spread, as the type holds them.
inline std::vector<double> normals(int64_t n, double spread, uint64_t seed, int32_t dtype = LOTUS_FLOAT32) {
  Rng rng{seed};
  std::vector<double> x(static_cast<size_t>(n));
  for (double& value : x) value = rounded(spread * rng.normal(), dtype);
  return x;
}
inline std::vector<double> magnitudes(int64_t n, double spread, uint64_t seed) {
  std::vector<double> x = normals(n, spread, seed);
  for (double& value : x) value = fabs(value);
  return x;
}
inline std::vector<uint8_t> bits(int64_t n, uint64_t seed) {
  Rng rng{seed};
  std::vector<uint8_t> x(static_cast<size_t>(n));
  for (uint8_t& value : x) value = static_cast<uint8_t>(rng.below(2));
  return x;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// The shadow is the weights rounded to bf16, NaN any NaN.
inline void expect_shadow(const std::vector<uint16_t>& shadow, const std::vector<float>& weight) {
  bool same = true;
  for (size_t i = 0; i < shadow.size(); ++i)
    same &= isnan(weight[i]) ? isnan(lotus::bf16_value(shadow[i])) : shadow[i] == lotus::bf16_bits(weight[i]);
  expect(same, "the shadow is not the weights in bf16");
}

// While it lives the emulation's grids are small: a list of thousands of tensors is a block of fibers each otherwise.
class SmallGrid {
#ifdef LOTUS_CUDA_EMULATION
 public:
  SmallGrid() : before_(lotus::cuda::max_blocks) { lotus::cuda::max_blocks = 2; }
  ~SmallGrid() { lotus::cuda::max_blocks = before_; }

 private:
  int64_t before_;
#else
 public:
  SmallGrid() {}  // a constructor, so that no compiler calls the variable unused
#endif
};

// Calls body where no result may change: thread counts on the CPU, machines on the emulation.
template <class Body>
void for_each_way(Body body) {
#ifdef LOTUS_TEST_CPU
  for (const int32_t threads : {1, 2, 3, 7}) {
    lotus_set_num_threads(threads);
    body("another number of threads");
  }
  lotus_set_num_threads(0);
#elif defined(LOTUS_CUDA_EMULATION)
  for_each_machine(body);
#else
  body("a second run");
#endif
}

}  // namespace native_test
