// gumbel_noise against a double reference of each word of Philox.
#include "cases.h"
#include "math/philox.h"

namespace native_test {
namespace {

constexpr uint64_t kSeed = 0x9876543210fedcbau;
constexpr uint32_t kStep = 4000000000u;

struct Case {
  int64_t rows = 1, cols = 1;
  int32_t dtype = LOTUS_FLOAT32;
  uint32_t stream_id = 0;
  bool samples = false;
  Layout layout;
};

std::vector<int64_t> samples_of(int64_t rows) {
  std::vector<int64_t> samples;
  for (int64_t b = 0; b < rows; ++b) samples.push_back(b * 1000000007 + (b % 3 == 0 ? int64_t{1} << 33 : 0));
  return samples;
}

std::vector<double> run(const Case& k, const std::vector<int64_t>& samples) {
  const DeviceVector<int64_t> device_samples(samples);
  const DeviceMatrix out(k.rows, k.cols, k.dtype, k.layout);
  expect_ok(backend().gumbel_noise({kSeed, kStep, k.stream_id, k.samples ? device_samples.at() : nullptr, k.rows,
                                    k.cols, k.dtype, out.at(), out.stride(), 0, nullptr}));
  expect(out.gaps_untouched(), "gaps");
  return out.values();
}

void compare(const Case& k) {
  context = "gumbel noise B=" + std::to_string(k.rows) + " C=" + std::to_string(k.cols) + " " + name_of(k.dtype) +
            " stream " + std::to_string(k.stream_id);
  const std::vector<int64_t> samples = samples_of(k.rows);
  const std::vector<double> out = run(k, samples);
  std::vector<double> expected;
  double worst = 0;
  for (int64_t b = 0; b < k.rows; ++b) {
    for (int64_t c = 0; c < k.cols; ++c) {
      const int64_t sample = k.samples ? samples[static_cast<size_t>(b)] : b;
      const double g =
          exact_gumbel(lotus::philox(kSeed, kStep, k.stream_id, sample, static_cast<uint32_t>(c / 4)).v[c % 4]);
      worst = fmax(worst, fabs(out[expected.size()] - g) / (1 + fabs(g)));
      expected.push_back(g);
    }
  }
  expect_close("noise", out, expected, k.dtype);
  // Draws reach 17: beside 1e-5 of that the small ones would show nothing.
  if (k.dtype == LOTUS_FLOAT32) expect(worst < 1e-6, "error " + std::to_string(worst * 1e6) + "e-6");
}

// The same bits from every alignment, from a row alone and, on the emulation, from every machine.
void determinism(int64_t rows, int64_t cols, int32_t dtype) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.samples = true, k.stream_id = 5;
  context = "bits of gumbel noise C=" + std::to_string(cols);
  const std::vector<int64_t> samples = samples_of(rows);
  const std::vector<double> first = run(k, samples);
  const auto again = [&](const char* what) { expect(same_bits(run(k, samples), first), what); };
  k.layout = {3, 1};
  again("another layout");
  k.layout = {};
  Case one = k;
  one.rows = 1;
  for (int64_t b = 0; b < (rows < 9 ? rows : 9); ++b)
    expect(same_bits(run(one, {samples[static_cast<size_t>(b)]}), row_of(first, rows, b)), "a row alone");
#ifdef LOTUS_CUDA_EMULATION
  for_each_machine(again);
#endif
}

}  // namespace

const Suite suite("gumbel_noise", [] {
  for (const int32_t dtype : kDtypes) {
    for (const int64_t cols : kCols) {
      for (const int64_t rows : kRows) {
        if (cols > 1001 && rows > 7) continue;
        for (int n = 0; n < variants(rows, 6, 1); ++n) {
          Case k;
          k.rows = rows, k.cols = cols, k.dtype = dtype;
          k.stream_id = n == 5 ? 255 : static_cast<uint32_t>(n);
          k.samples = n % 2 == 1;
          k.layout = kLayouts[static_cast<size_t>((n + cols) % 6)];
          compare(k);
        }
      }
    }
    for (const int64_t cols : {3, 10, 100, 500, 1001, 4100}) determinism(cols > 1000 ? 5 : 37, cols, dtype);
  }
});

}  // namespace native_test
