// entropy_histogram: exactly the bins of evaluate_logits' entropies, and those of double entropies up to what rounding
// moves over an edge.
#include "cases.h"
#include "math/histogram.h"

namespace native_test {
namespace {

struct Case {
  int64_t rows = 1, cols = 1;
  int32_t dtype = LOTUS_FLOAT32, bins = 1;
  float low = 0, high = 1;
  int turn = 0;
  Layout layout;
};

constexpr int64_t kBefore = 70;

struct Output {
  std::vector<int64_t> counts;
  int64_t nonfinite = 0;
};

Output run(const Case& k, const DeviceMatrix& x) {
  const DeviceVector<int64_t> counts(std::vector<int64_t>(static_cast<size_t>(k.bins), kBefore));
  const DeviceVector<int64_t> nonfinite(std::vector<int64_t>{5});
  lotus::EvaluateArgs a{};
  a.logits = x.at(), a.logits_stride = x.stride(), a.rows = k.rows, a.cols = k.cols, a.dtype = k.dtype;
  a.nonfinite_rows = nonfinite.at();
  a.histogram = counts.at(), a.bins = k.bins, a.low = k.low, a.high = k.high;
  expect_ok(backend().evaluate_logits(a));
  Output out{counts.values(), nonfinite.values()[0] - 5};
  for (int64_t& count : out.counts) count -= kBefore;
  return out;
}

std::vector<float> entropies(const Case& k, const DeviceMatrix& x) {
  const DeviceVector<float> entropy(static_cast<size_t>(k.rows));
  const DeviceVector<int64_t> labels(std::vector<int64_t>(static_cast<size_t>(k.rows), 0));
  lotus::EvaluateArgs a{};
  a.logits = x.at(), a.logits_stride = x.stride(), a.rows = k.rows, a.cols = k.cols, a.dtype = k.dtype;
  a.labels = labels.at(), a.entropy = entropy.at();
  expect_ok(backend().evaluate_logits(a));
  return entropy.values();
}

double entropy_of(const double* x, int64_t cols) {
  double top = -kInf, sum = 0, moment = 0;
  for (int64_t c = 0; c < cols; ++c) top = fmax(top, x[c]);
  for (int64_t c = 0; c < cols; ++c) {
    const double e = exp(x[c] - top);
    sum += e;
    moment += e > 0 ? e * (x[c] - top) : 0;
  }
  return log(sum) - moment / sum;
}

size_t bin_of(const Case& k, double entropy) {
  const double width = (static_cast<double>(k.high) - k.low) / k.bins;
  return static_cast<size_t>(fmin(fmax(floor((entropy - k.low) / width), 0), k.bins - 1));
}

void compare(const Case& k) {
  context = "histogram B=" + std::to_string(k.rows) + " C=" + std::to_string(k.cols) + " " + name_of(k.dtype) +
            " bins=" + std::to_string(k.bins);
  const std::vector<double> in =
      logits(k.rows, k.cols, k.dtype, static_cast<uint64_t>(k.rows * 7 + k.cols), k.turn, true);
  const DeviceMatrix x(k.rows, k.cols, k.dtype, k.layout, in);
  const Output out = run(k, x);

  Output own;
  own.counts.assign(static_cast<size_t>(k.bins), 0);
  for (const float entropy : entropies(k, x)) {
    own.nonfinite += isnan(entropy);
    if (!isnan(entropy)) ++own.counts[static_cast<size_t>(lotus::histogram_bin(entropy, k.low, k.high, k.bins))];
  }
  expect(out.counts == own.counts, "not the bins of evaluate_logits' entropies");
  expect(out.nonfinite == own.nonfinite, "nonfinite_rows " + std::to_string(out.nonfinite));

  std::vector<int64_t> least(out.counts.size(), 0), most = least;
  for (int64_t b = 0; b < k.rows; ++b) {
    if (!row_finite(in.data() + b * k.cols, k.cols)) continue;
    const double entropy = entropy_of(in.data() + b * k.cols, k.cols), slack = 1e-6 + 1e-5 * fabs(entropy);
    const size_t first = bin_of(k, entropy - slack), last = bin_of(k, entropy + slack);
    if (first == last) ++least[first];
    for (size_t i = first; i <= last; ++i) ++most[i];
  }
  for (size_t i = 0; i < least.size(); ++i)
    expect(out.counts[i] >= least[i] && out.counts[i] <= most[i],
           "bin " + std::to_string(i) + " holds " + std::to_string(out.counts[i]) + ", of the reference " +
               std::to_string(least[i]) + " to " + std::to_string(most[i]));
}

// Edges: below, at low, at an inner edge, at high, above.
void edges() {
  context = "edges";
  const float inside = nextafterf(2.0f, 0.0f);
  const std::vector<float> x = {-9, 1, 1.5f, inside, 2, 9};
  std::vector<int32_t> bins;
  for (const float value : x) bins.push_back(lotus::histogram_bin(value, 1.0f, 2.0f, 2));
  expect(bins == std::vector<int32_t>{0, 0, 1, 1, 1, 1}, "bins of [1, 2]");
}

void determinism(int64_t rows, int64_t cols) {
  Case k;
  k.rows = rows, k.cols = cols, k.bins = 16, k.high = static_cast<float>(log(static_cast<double>(cols)));
  context = "histogram C=" + std::to_string(cols);
  const std::vector<double> in = logits(rows, cols, k.dtype, 4, 0, true);
  const DeviceMatrix x(rows, cols, k.dtype, {}, in);
  const Output first = run(k, x);
  const auto again = [&](const char* what) { expect(run(k, x).counts == first.counts, what); };
  again("a second run");
#ifdef LOTUS_CUDA_EMULATION
  for_each_machine(again);
#endif
}

}  // namespace

const Suite suite("entropy_histogram", [] {
  edges();
  for (const int64_t cols : kCols)
    for (const int64_t rows : kRows) {
      if (cols > 1001 && rows > 7) continue;
      if (quick && rows > 128) continue;
      Case k;
      const int turn = static_cast<int>(rows + cols);
      k.rows = rows, k.cols = cols, k.turn = turn;
      k.dtype = kDtypes[static_cast<size_t>(turn) % kDtypes.size()];
      k.layout = kLayouts[static_cast<size_t>(turn) % kLayouts.size()];
      k.bins = turn % 4 == 0 ? 1 : 5 + turn % 60;
      // Equal rows have the entropy log C: inside a bin, and in another case beyond the last.
      k.high = static_cast<float>(log(static_cast<double>(cols + 1)) * (turn % 3 == 0 ? 0.6 : 1.1));
      k.low = turn % 5 == 0 ? 0.3f * k.high : -0.01f;
      compare(k);
    }
  determinism(300, 10);
  determinism(5, 4100);
});

}  // namespace native_test
