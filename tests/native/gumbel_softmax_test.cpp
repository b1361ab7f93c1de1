// gumbel_softmax against a plain double reference, and against itself under every launch shape.
#include "cases.h"
#include "math/philox.h"

namespace native_test {
namespace {

constexpr uint64_t kSeed = 0x0123456789abcdefu;
constexpr uint32_t kStep = 12;

struct Case {
  int64_t rows = 1, cols = 1;
  int32_t dtype = LOTUS_FLOAT32;
  int turn = 0;
  float tau = 1;
  bool hard = false, ready_noise = false, samples = false, in_place = false;
  uint32_t stream_id = 0;
  Layout logits, noise, out;

  std::string text() const {
    char line[200];
    snprintf(line, sizeof line, "gumbel softmax B=%lld C=%lld %s turn=%d tau=%g%s%s%s stream %u +%lld@%lld",
             static_cast<long long>(rows), static_cast<long long>(cols), name_of(dtype), turn,
             static_cast<double>(tau), hard ? " hard" : "", ready_noise ? " ready-noise" : "",
             in_place ? " in-place" : "", stream_id, static_cast<long long>(logits.gap),
             static_cast<long long>(logits.offset));
    return line;
  }
};

struct Input {
  std::vector<double> logits, noise;
  std::vector<int64_t> samples;
};

struct Output {
  std::vector<double> out;
  int64_t nonfinite = 0;
  std::vector<bool> skip;  // reference only: argmax too close to call in fp32
};

Input make_input(const Case& k) {
  Input in;
  const uint64_t seed = static_cast<uint64_t>(k.rows * 29 + k.cols * 7 + k.turn);
  in.logits = logits(k.rows, k.cols, k.dtype, seed, k.turn, true);
  Rng rng{seed + 2};
  for (int64_t i = 0; i < k.rows * k.cols; ++i)
    in.noise.push_back(rounded(exact_gumbel(static_cast<uint32_t>(rng.bits())), LOTUS_FLOAT32));
  if (k.rows >= 7) in.noise[static_cast<size_t>(6 * k.cols + rng.below(k.cols))] = kNaN;
  for (int64_t b = 0; b < k.rows; ++b) in.samples.push_back(b * 977 + (int64_t{b % 5} << 33));
  return in;
}

Output reference(const Case& k, const Input& in) {
  Output out;
  for (int64_t b = 0; b < k.rows; ++b) {
    std::vector<double> z = row_of(in.logits, k.rows, b);
    const int64_t sample = k.samples ? in.samples[static_cast<size_t>(b)] : b;
    for (int64_t c = 0; c < k.cols; ++c)
      z[static_cast<size_t>(c)] +=
          k.ready_noise
              ? in.noise[static_cast<size_t>(b * k.cols + c)]
              : exact_gumbel(lotus::philox(kSeed, kStep, k.stream_id, sample, static_cast<uint32_t>(c / 4)).v[c % 4]);
    out.skip.push_back(false);
    if (!row_finite(z.data(), k.cols)) {
      ++out.nonfinite;
      out.out.insert(out.out.end(), static_cast<size_t>(k.cols), kNaN);
      continue;
    }
    size_t best = 0;
    for (size_t c = 1; c < z.size(); ++c)
      if (z[c] > z[best]) best = c;
    double sum = 0;
    for (const double v : z) sum += exp((v - z[best]) / static_cast<double>(k.tau));
    for (size_t c = 0; c < z.size(); ++c) {
      if (k.hard && c != best && z[best] - z[c] < 2e-5) out.skip.back() = true;
      out.out.push_back(k.hard ? (c == best ? 1 : 0) : exp((z[c] - z[best]) / static_cast<double>(k.tau)) / sum);
    }
  }
  return out;
}

Output run(const Case& k, const Input& in) {
  const DeviceMatrix x(k.rows, k.cols, k.dtype, k.logits, in.logits), separate(k.rows, k.cols, k.dtype, k.out);
  const DeviceMatrix noise(k.rows, k.cols, LOTUS_FLOAT32, k.noise, in.noise);
  const DeviceMatrix& result = k.in_place ? x : separate;
  const DeviceVector<int64_t> samples(in.samples), nonfinite(std::vector<int64_t>{30});

  lotus::GumbelSoftmaxArgs a{};
  a.logits = x.at(), a.logits_stride = x.stride();
  a.rows = k.rows, a.cols = k.cols, a.dtype = k.dtype, a.tau = k.tau, a.hard = k.hard;
  a.seed = kSeed, a.step = kStep, a.stream_id = k.stream_id;
  a.samples = k.samples ? samples.at() : nullptr;
  if (k.ready_noise) a.noise = static_cast<const float*>(noise.at()), a.noise_stride = noise.stride();
  a.out = result.at(), a.out_stride = result.stride();
  a.nonfinite_rows = nonfinite.at();
  expect_ok(backend().gumbel_softmax(a));

  Output out;
  out.out = result.values();
  out.nonfinite = nonfinite.values()[0] - 30;
  expect(result.gaps_untouched() && x.gaps_untouched(), "gaps");
  return out;
}

void compare(const Case& k) {
  context = k.text();
  const Input in = make_input(k);
  const Output expected = reference(k, in), out = run(k, in);
  expect_close("out", out.out, expected.out, k.dtype, expected.skip);
  expect(out.nonfinite == expected.nonfinite,
         "nonfinite_rows " + std::to_string(out.nonfinite) + ", reference " + std::to_string(expected.nonfinite));
}

// Variant v of a shape: every option takes each of its values over eight variants.
Case variant(int64_t rows, int64_t cols, int32_t dtype, int v) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.turn = v;
  k.tau = v % 3 == 0 ? 1.0f : v % 3 == 1 ? 0.5f : 2.3f;
  k.hard = v / 2 % 2 == 1;
  k.ready_noise = v % 4 == 1 || v == 6;
  k.samples = v >= 4;
  k.in_place = v % 2 == 1;
  k.stream_id = v == 7 ? 255 : static_cast<uint32_t>(v);
  const size_t layouts = kLayouts.size(), n = static_cast<size_t>(v);
  k.logits = kLayouts[n % layouts];
  k.noise = kLayouts[(n + 1) % layouts];
  k.out = kLayouts[v < 3 ? n % layouts : (n + 2) % layouts];
  return k;
}

// Scores far beyond fp32's exponent at a small tau; equal scores, of which the first wins; masked classes.
void edges() {
  Case k;
  k.rows = 4, k.cols = 5, k.ready_noise = true;
  Input in;
  in.logits = {3e30, 1e30, 0, -3e38, -kInf, 2, 5, 5, 1, 5, -kInf, -kInf, -5, -kInf, -kInf, 1, 2, 3, 4, 5};
  in.noise.assign(20, 0);
  in.noise[19] = -kInf;
  in.samples = {0, 1, 2, 3};
  for (const bool hard : {false, true}) {
    for (const float tau : {1.0f, 1e-30f, 1e-42f}) {
      k.hard = hard, k.tau = tau;
      context = "edges of " + k.text();
      Output expected = reference(k, in);
      expected.skip.assign(4, false);  // equal here to the last bit
      const Output out = run(k, in);
      expect(expected.out[14] == 0 && expected.out[12] == 1, "the reference itself");
      expect_close("out", out.out, expected.out, k.dtype, expected.skip);
      expect(out.nonfinite == 0, "nonfinite");
    }
  }
}

// The same bits from every alignment, in place, from a row alone and, on the emulation, from every machine.
void determinism(int64_t rows, int64_t cols, int32_t dtype, bool hard) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.hard = hard, k.samples = true, k.tau = 0.9f, k.stream_id = 4;
  context = "bits of " + k.text();
  const Input in = make_input(k);
  const Output first = run(k, in);
  const auto again = [&](const char* what) {
    const Output out = run(k, in);
    expect(same_bits(out.out, first.out) && out.nonfinite == first.nonfinite, what);
  };
  k.logits = {3, 1}, k.out = {1, 0};
  again("another layout");
  k.logits = k.out = {};
  k.in_place = true;
  again("in place");
  k.in_place = false;
  Case one = k;
  one.rows = 1;
  for (int64_t b = 0; b < (rows < 9 ? rows : 9); ++b) {
    const Output out =
        run(one, {row_of(in.logits, rows, b), row_of(in.noise, rows, b), {in.samples[static_cast<size_t>(b)]}});
    expect(same_bits(out.out, row_of(first.out, rows, b)), "a row alone");
  }
#ifdef LOTUS_CUDA_EMULATION
  for_each_machine(again);
#endif
}

#ifdef LOTUS_TEST_CPU
// The argmax of noise made inside takes short cuts past classes that cannot win: it is that of the noise itself, to the
// bit, where one class leads by far (it ends the search early), where none does, and where rounding makes scores equal.
void short_cuts(int64_t rows, int64_t cols, double scale, double shift) {
  Case k;
  k.rows = rows, k.cols = cols, k.hard = true, k.samples = true;
  Input in;
  Rng rng{static_cast<uint64_t>(cols * 11 + rows)};
  for (int64_t i = 0; i < rows * cols; ++i) in.logits.push_back(rounded(shift + scale * rng.normal(), k.dtype));
  for (int64_t c = 0; c < cols / 2; ++c) in.logits[static_cast<size_t>(c)] = -kInf;  // row 0: whole chunks masked
  for (int64_t b = 0; b < rows; ++b) in.samples.push_back(rng.below(int64_t{1} << 40));
  context = "short cuts of " + k.text() + " scale " + std::to_string(scale) + " shift " + std::to_string(shift);

  const DeviceMatrix noise(rows, cols, LOTUS_FLOAT32, {});
  const DeviceVector<int64_t> samples(in.samples);
  lotus::NoiseArgs a{};
  a.seed = kSeed, a.step = kStep, a.stream_id = k.stream_id, a.samples = samples.at();
  a.rows = rows, a.cols = cols, a.dtype = LOTUS_FLOAT32, a.out = noise.at(), a.out_stride = noise.stride();
  expect_ok(backend().gumbel_noise(a));
  in.noise = noise.values();
  const Output made = run(k, in);
  k.ready_noise = true;
  expect(same_bits(made.out, run(k, in).out), "made inside and ready-made");
}
#endif

}  // namespace

const Suite suite("gumbel_softmax", [] {
  edges();
#ifdef LOTUS_TEST_CPU
  for (const int64_t cols : {7, 64, 65, 1000, 21841})
    for (const double scale : {0.0, 0.5, 2.0, 20.0})
      for (const double shift : {0.0, -3e5, 1e8, 3e9}) short_cuts(cols > 1000 ? 3 : 40, cols, scale, shift);
#endif
  for (size_t i = 0; i < kLongCols.size(); ++i)
    for (int v = 0; v < (quick ? 1 : 3); ++v)
      compare(variant(2, kLongCols[i], kDtypes[static_cast<size_t>(v)], (3 * static_cast<int>(i) + 2 * v + 1) % 8));
  for (const int32_t dtype : kDtypes) {
    for (size_t i = 0; i < kCols.size(); ++i) {
      for (const int64_t rows : kRows) {
        if (kCols[i] > 1001 && rows > 7) continue;
        // All eight variants; of large matrices three and of the largest batch fewer, others from C to C.
        const int all = rows * kCols[i] > 20000 ? 3 : 8;
        for (int n = 0; n < variants(rows, all, all == 3 ? 1 : 2); ++n)
          compare(variant(rows, kCols[i], dtype, (3 * n + static_cast<int>(i)) % 8));
      }
    }
    for (const int64_t cols : {3, 10, 100, 500, 1001, 4100, 20000})
      for (const bool hard : {false, true}) determinism(cols > 5000 ? 2 : cols > 1000 ? 5 : 37, cols, dtype, hard);
  }
});

}  // namespace native_test
