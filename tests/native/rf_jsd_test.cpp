// rf_jsd against its definition in doubles, the subsets drawn by sorting Philox words.
#include <algorithm>
#include <utility>

#include "cases.h"
#include "math/philox.h"

namespace native_test {
namespace {

enum class Kind { kPlain, kEqual, kEmptyColumns, kNothingInCommon, kNaN, kNegative };

struct Case {
  int64_t classes = 1, cols = 1;
  int32_t subsets = 8;
  Kind kind = Kind::kPlain;
  int64_t gap = 0;
};

struct Input {
  std::vector<double> p, q;  // [K, C + gap]
  std::vector<int64_t> p_counts, q_counts;
};

struct Output {
  std::vector<double> out, subsets;
};

constexpr uint64_t kSeed = 0x123456789abcdefull;

// Sums of softmaxes; every fifth class is counted by one side alone.
Input make_input(const Case& k) {
  Input in;
  Rng rng{static_cast<uint64_t>(k.classes * 31 + k.cols)};
  const int64_t stride = k.cols + k.gap;
  in.p.assign(static_cast<size_t>(k.classes * stride), kNaN);
  in.q = in.p;
  for (int64_t i = 0; i < k.classes; ++i) {
    in.p_counts.push_back(i % 5 == 2 || k.kind == Kind::kNothingInCommon ? 0 : 1 + rng.below(9));
    in.q_counts.push_back(i % 5 == 4 ? 0 : 1 + rng.below(9));
    if (k.kind == Kind::kEqual) in.q_counts.back() = in.p_counts.back();
    for (std::vector<double>* side : {&in.p, &in.q}) {
      double* row = side->data() + i * stride;
      double sum = 0;
      for (int64_t c = 0; c < k.cols; ++c) sum += row[c] = exp(3 * rng.normal());
      const int64_t count = side == &in.p ? in.p_counts.back() : in.q_counts.back();
      for (int64_t c = 0; c < k.cols; ++c) row[c] *= static_cast<double>(count) / sum;
      // Most of p's columns hold nothing, and of q's others do.
      for (int64_t c = 0; c < k.cols && k.kind == Kind::kEmptyColumns; ++c)
        if (c % 3 != (side == &in.p ? 0 : i % 2)) row[c] = 0;
    }
  }
  if (k.kind == Kind::kEqual) in.q = in.p;
  if (k.kind == Kind::kNaN) in.p[static_cast<size_t>(k.cols - 1)] = kNaN;
  if (k.kind == Kind::kNegative) in.q[0] = -0.25;
  return in;
}

double row_divergence(const double* p, const double* q, const std::vector<int64_t>& columns) {
  double sum_p = 0, sum_q = 0, total = 0;
  for (const int64_t c : columns) {
    if (!(p[c] >= 0 && q[c] >= 0)) return kNaN;
    sum_p += p[c];
    sum_q += q[c];
  }
  if (sum_p == 0 || sum_q == 0) return sum_p == sum_q ? 0 : log(2.0);
  for (const int64_t c : columns) {
    const double a = p[c] / sum_p, b = q[c] / sum_q, m = (a + b) / 2;
    total += (a > 0 ? 0.5 * a * log(a / m) : 0) + (b > 0 ? 0.5 * b * log(b / m) : 0);
  }
  return total;
}

std::vector<int64_t> drawn(int64_t subset, int64_t cols) {
  std::vector<std::pair<uint32_t, int64_t>> words;
  for (int64_t c = 0; c < cols; ++c)
    words.emplace_back(
        lotus::philox(kSeed, 0, LOTUS_STREAM_SUBSETS, subset, static_cast<uint32_t>(c / 4)).v[c % 4], c);
  std::sort(words.begin(), words.end());
  std::vector<int64_t> columns;
  for (int64_t i = 0; i < (cols + 1) / 2; ++i) columns.push_back(words[static_cast<size_t>(i)].second);
  return columns;
}

Output reference(const Case& k, const Input& in) {
  const int64_t stride = k.cols + k.gap;
  std::vector<int64_t> all, used;
  for (int64_t c = 0; c < k.cols; ++c) all.push_back(c);
  for (int64_t i = 0; i < k.classes; ++i)
    if (in.p_counts[static_cast<size_t>(i)] > 0 && in.q_counts[static_cast<size_t>(i)] > 0) used.push_back(i);
  const double n = static_cast<double>(used.size());
  const auto mean = [&](const std::vector<int64_t>& columns) {
    double total = 0;
    for (const int64_t i : used) total += row_divergence(in.p.data() + i * stride, in.q.data() + i * stride, columns);
    return total / n;
  };
  const auto clamped = [&](const std::vector<double>& sums, const std::vector<int64_t>& counts, int64_t i, int64_t c) {
    const double count = static_cast<double>(counts[static_cast<size_t>(i)]);
    const double value = sums[static_cast<size_t>(i * stride + c)] / count;
    return value < 1e-8 ? 1e-8 : value > 1 ? 1.0 : value;
  };
  double sum_p = 0, sum_q = 0, upstream = 0;
  for (const int64_t i : used)
    for (const int64_t c : all) {
      sum_p += clamped(in.p, in.p_counts, i, c);
      sum_q += clamped(in.q, in.q_counts, i, c);
    }
  for (const int64_t i : used)
    for (const int64_t c : all) {
      const double p = clamped(in.p, in.p_counts, i, c) / sum_p, q = clamped(in.q, in.q_counts, i, c) / sum_q;
      const double m = (p + q) / 2;
      upstream += m * (log(m) - 0.5 * (log(p) + log(q)));
    }
  Output out;
  out.out = {mean(all), upstream / n, n};
  for (int64_t r = 0; r < k.subsets; ++r) out.subsets.push_back(mean(drawn(r, k.cols)));
  return out;
}

Output run(const Case& k, const Input& in) {
  const DeviceVector<double> p(in.p), q(in.q), out(size_t{3}), subset_out(static_cast<size_t>(k.subsets));
  const DeviceVector<double> workspace(static_cast<size_t>(4 * k.classes + 2));
  const DeviceVector<int64_t> p_counts(in.p_counts), q_counts(in.q_counts);
  lotus::RfJsdArgs a{};
  a.p_sums = p.at(), a.p_stride = k.cols + k.gap, a.p_counts = p_counts.at();
  a.q_sums = q.at(), a.q_stride = k.cols + k.gap, a.q_counts = q_counts.at();
  a.classes = k.classes, a.cols = k.cols, a.subsets = k.subsets, a.seed = kSeed;
  a.out = out.at(), a.subset_out = subset_out.at(), a.workspace = workspace.at();
  expect_ok(backend().rf_jsd(a));
  return {out.values(), subset_out.values()};
}

// fp64 throughout, and so are the tolerances.
void expect_equal(const std::string& what, const std::vector<double>& x, const std::vector<double>& ref) {
  for (size_t i = 0; i < ref.size(); ++i) {
    const bool close = isnan(ref[i]) ? isnan(x[i]) : fabs(x[i] - ref[i]) <= 1e-13 + 1e-12 * fabs(ref[i]);
    char text[120];
    snprintf(text, sizeof text, "%s[%zu] is %.17g, reference %.17g", what.c_str(), i, x[i], ref[i]);
    expect(close, text);
  }
}

void compare(const Case& k) {
  context = "rf_jsd K=" + std::to_string(k.classes) + " C=" + std::to_string(k.cols) + " kind " +
            std::to_string(static_cast<int>(k.kind));
  const Input in = make_input(k);
  const Output expected = reference(k, in), out = run(k, in);
  expect_equal("out", out.out, expected.out);
  expect_equal("subset_out", out.subsets, expected.subsets);
  if (k.kind != Kind::kEqual) return;
  expect(out.out[0] == 0 && out.out[1] == 0, "equal means are not exactly 0 apart");
  for (const double value : out.subsets) expect(value == 0, "a subset of equal means is not exactly 0");
}

void determinism(int64_t classes, int64_t cols) {
  Case k;
  k.classes = classes, k.cols = cols, k.subsets = cols > 1001 ? 1 : 3;
  context = "bits of rf_jsd C=" + std::to_string(cols);
  const Input in = make_input(k);
  const Output first = run(k, in);
  const auto again = [&](const char* what) {
    const Output out = run(k, in);
    expect(out.out == first.out && out.subsets == first.subsets, what);
  };
  again("a second run");
#ifdef LOTUS_CUDA_EMULATION
  for_each_machine(again);
#endif
}

}  // namespace

const Suite suite("rf_jsd", [] {
  for (const int64_t cols : kCols) {
    if (quick && cols > 1001) continue;
    for (const int64_t classes : {1, 7, 40}) {
      if (cols > 33 && classes > 7) continue;
      Case k;
      k.classes = classes, k.cols = cols, k.gap = classes % 3;
      k.subsets = cols > 1001 ? 1 : 4;
      compare(k);
      if (cols > 33) continue;
      for (const Kind kind : {Kind::kEqual, Kind::kEmptyColumns, Kind::kNothingInCommon, Kind::kNaN, Kind::kNegative}) {
        k.kind = kind;
        compare(k);
      }
    }
  }
  Case none;
  none.classes = 3, none.cols = 10, none.subsets = 0;
  compare(none);
  determinism(12, 33);
  if (!quick) determinism(2, 20000);  // its bits do not fit the smallest machine's shared memory
});

}  // namespace native_test
