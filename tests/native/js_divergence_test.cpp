// js_divergence against a plain double reference of each definition as it is written, not as it is computed.
#include "cases.h"

namespace native_test {
namespace {

struct Case {
  int64_t rows = 1, cols = 1;
  int32_t dtype = LOTUS_FLOAT32, input = LOTUS_LOGITS, form = LOTUS_JSD_TEXTBOOK;
  int turn = 0;
  Layout p, q;
  bool total = true, bad_rows = true;
  enum { kNone, kApart, kInPlace } gradient = kNone;
  Layout gradient_layout;
};

struct Input {
  std::vector<double> p, q;
};

struct Output {
  std::vector<double> rows;
  double total = 0;
  int64_t nonfinite = 0;
  std::vector<double> gradient;
};

// Rows that are far apart, disjoint, equal and nearly equal; probabilities with zeros and not normalised.
Input make_input(const Case& k) {
  Input in;
  const uint64_t seed = static_cast<uint64_t>(k.rows * 13 + k.cols * 3 + k.turn);
  in.p = logits(k.rows, k.cols, k.dtype, seed, k.turn, k.bad_rows);
  in.q = logits(k.rows, k.cols, k.dtype, seed + 1, k.turn + (k.turn % 2), false);
  Rng rng{seed + 2};
  for (int64_t b = 0; b < k.rows; ++b) {
    double* p = in.p.data() + b * k.cols;
    double* q = in.q.data() + b * k.cols;
    for (int64_t c = 0; c < k.cols; ++c) {
      if (b % 4 == 0) q[c] = p[c];
      if (b % 4 == 2) q[c] = rounded(p[c] * (1 + 1e-4 * rng.normal()), k.dtype);
    }
    if (k.input == LOTUS_LOGITS) continue;
    for (double* x : {p, q}) {
      double top = -kInf, sum = 0;
      for (int64_t c = 0; c < k.cols; ++c) top = fmax(top, x[c]);
      if (!isfinite(top)) continue;  // stays what it is: an infinity, or nothing but -inf
      for (int64_t c = 0; c < k.cols; ++c) sum += exp(x[c] - top);
      for (int64_t c = 0; c < k.cols; ++c)
        x[c] = rounded(exp(x[c] - top) / sum * (b % 5 == 3 ? 1.7 : 1), k.dtype);
    }
    if (b % 8 == 7 && k.cols > 1)
      for (int64_t c = 0; c < k.cols; ++c) (c % 2 == 0 ? p : q)[c] = 0;  // disjoint
  }
  if (k.input == LOTUS_PROBABILITIES && k.bad_rows && k.rows >= 128) {
    in.q[static_cast<size_t>(65 * k.cols)] = -1e-3;
    for (int64_t c = 0; c < k.cols; ++c) in.p[static_cast<size_t>(66 * k.cols + c)] = 0;
  }
  return in;
}

// The row's distribution; empty where there is none.
std::vector<double> distribution(const double* x, const Case& k) {
  std::vector<double> p(x, x + k.cols);
  double sum = 0;
  if (k.input == LOTUS_LOGITS) {
    if (!row_finite(x, k.cols)) return {};
    double top = -kInf;
    for (const double v : p) top = fmax(top, v);
    for (double& v : p) sum += v = exp(v - top);
  } else {
    for (const double v : p) {
      if (!(v >= 0 && v < kInf)) return {};
      sum += v;
    }
  }
  if (!(sum > 0)) return {};
  if (k.input == LOTUS_LOGITS || k.form == LOTUS_JSD_TEXTBOOK)
    for (double& v : p) v /= sum;
  if (k.form != LOTUS_JSD_TEXTBOOK)
    for (double& v : p) v = fmin(fmax(v, 1e-8), 1);
  return p;
}

Output reference(const Case& k, const Input& in) {
  Output out;
  std::vector<std::vector<double>> p, q;
  double sum_p = 0, sum_q = 0;
  for (int64_t b = 0; b < k.rows; ++b) {
    p.push_back(distribution(in.p.data() + b * k.cols, k));
    q.push_back(distribution(in.q.data() + b * k.cols, k));
    if (p.back().empty() || q.back().empty()) continue;
    for (const double v : p.back()) sum_p += v;
    for (const double v : q.back()) sum_q += v;
  }
  const bool whole = k.form == LOTUS_JSD_UPSTREAM;
  double total = 0;
  for (size_t b = 0; b < p.size(); ++b) {
    if (p[b].empty() || q[b].empty()) {
      out.rows.push_back(kNaN);
      ++out.nonfinite;
      total += kNaN;
      continue;
    }
    double row = 0;
    for (size_t c = 0; c < p[b].size(); ++c) {
      const double x = p[b][c] / (whole ? sum_p : 1), y = q[b][c] / (whole ? sum_q : 1), m = (x + y) / 2;
      if (k.form == LOTUS_JSD_TEXTBOOK)
        row += (x > 0 ? 0.5 * x * log(x / m) : 0) + (y > 0 ? 0.5 * y * log(y / m) : 0);
      else
        row += m * (log(m) - 0.5 * (log(x) + log(y)));
    }
    out.rows.push_back(row);
    total += row;
  }
  const double b = static_cast<double>(k.rows);
  out.total = total / (k.form == LOTUS_JSD_BAD_TEACHING ? b * static_cast<double>(k.cols) : b);
  return out;
}

// What makes the gradient's largest entries about 1, so that tolerances mean something.
float gradient_scale(const Case& k) {
  const double b = static_cast<double>(k.rows);
  return static_cast<float>(k.form == LOTUS_JSD_TEXTBOOK     ? b
                            : k.form == LOTUS_JSD_UPSTREAM ? b * b
                                                           : b * static_cast<double>(k.cols));
}

// d total / d logits of p by the chain rule, one definition after the other. unsure[b]: in row b the clamp acts or
// does not as the last bit of a probability falls.
std::vector<double> gradient(const Case& k, const Input& in, std::vector<bool>& unsure) {
  Case plain = k;
  plain.form = LOTUS_JSD_TEXTBOOK;  // softmax and no more
  const size_t cols = static_cast<size_t>(k.cols);
  std::vector<std::vector<double>> softmax, p, q;
  double sum_p = 0, sum_q = 0;
  for (int64_t b = 0; b < k.rows; ++b) {
    softmax.push_back(distribution(in.p.data() + b * k.cols, plain));
    p.push_back(distribution(in.p.data() + b * k.cols, k));
    q.push_back(distribution(in.q.data() + b * k.cols, k));
    if (p.back().empty() || q.back().empty()) continue;
    for (const double v : p.back()) sum_p += v;
    for (const double v : q.back()) sum_q += v;
  }
  const bool textbook = k.form == LOTUS_JSD_TEXTBOOK, whole = k.form == LOTUS_JSD_UPSTREAM;
  std::vector<std::vector<double>> slope(p.size());
  double mean = 0;
  for (size_t b = 0; b < p.size(); ++b) {
    if (p[b].empty() || q[b].empty()) continue;
    for (size_t c = 0; c < cols; ++c) {
      const double x = p[b][c] / (whole ? sum_p : 1), y = q[b][c] / (whole ? sum_q : 1), m = (x + y) / 2;
      slope[b].push_back(textbook ? (x > 0 ? 0.5 * log(x / m) : 0)
                                  : 0.5 * (log(m) - 0.5 * (log(x) + log(y))) + 0.5 - m / (2 * x));
      mean += x * slope[b][c];
    }
  }
  const double rows = static_cast<double>(k.rows);
  const double divisor = k.form == LOTUS_JSD_BAD_TEACHING ? rows * static_cast<double>(k.cols) : rows;
  const double scale = gradient_scale(k) / divisor;
  std::vector<double> out;
  unsure.assign(p.size(), false);
  for (size_t b = 0; b < p.size(); ++b) {
    double row_mean = 0;
    for (size_t c = 0; c < slope[b].size(); ++c) {
      const double value = softmax[b][c];
      if (whole) slope[b][c] = (slope[b][c] - mean) / sum_p;
      if (!textbook && value < 1e-8) slope[b][c] = 0;
      if (!textbook && fabs(value - 1e-8) < 1e-13) unsure[b] = true;
      row_mean += value * slope[b][c];
    }
    for (size_t c = 0; c < cols; ++c)
      out.push_back(slope[b].empty() ? kNaN : scale * softmax[b][c] * (slope[b][c] - row_mean));
  }
  return out;
}

Output run(const Case& k, const Input& in) {
  const DeviceMatrix p(k.rows, k.cols, k.dtype, k.p, in.p), q(k.rows, k.cols, k.dtype, k.q, in.q);
  const size_t rows = static_cast<size_t>(k.rows);
  const DeviceVector<double> row_out(rows), total(size_t{1}), workspace(3 * rows + 3);
  const DeviceVector<int64_t> nonfinite(std::vector<int64_t>{40});
  lotus::JsdArgs a{};
  a.p = p.at(), a.p_stride = p.stride(), a.q = q.at(), a.q_stride = q.stride();
  a.rows = k.rows, a.cols = k.cols, a.dtype = k.dtype, a.input_kind = k.input, a.form = k.form;
  a.row_out = row_out.at();
  a.total = k.total ? total.at() : nullptr;
  a.workspace = k.form == LOTUS_JSD_UPSTREAM ? workspace.at() : nullptr;
  a.nonfinite_rows = nonfinite.at();
  const bool apart = k.gradient == Case::kApart;
  const DeviceMatrix slopes(apart ? k.rows : 1, apart ? k.cols : 1, k.dtype, k.gradient_layout);
  const DeviceMatrix& written = k.gradient == Case::kInPlace ? p : slopes;
  a.gradient = k.gradient == Case::kNone ? nullptr : written.at();
  a.gradient_stride = written.stride();
  a.gradient_scale = gradient_scale(k);
  expect_ok(backend().js_divergence(a));
  Output out;
  out.rows = row_out.values();
  if (k.total) out.total = total.values()[0];
  out.nonfinite = nonfinite.values()[0] - 40;
  if (k.gradient != Case::kNone) {
    out.gradient = written.values();
    expect(written.gaps_untouched(), "gaps of the gradient");
  }
  return out;
}

std::string text(const Case& k) {
  char line[200];
  snprintf(line, sizeof line, "jsd B=%lld C=%lld %s form=%d %s turn=%d p=+%lld@%lld q=+%lld@%lld",
           static_cast<long long>(k.rows), static_cast<long long>(k.cols), name_of(k.dtype),
           k.form, k.input == LOTUS_LOGITS ? "logits" : "probabilities", k.turn, static_cast<long long>(k.p.gap),
           static_cast<long long>(k.p.offset), static_cast<long long>(k.q.gap), static_cast<long long>(k.q.offset));
  return line;
}

void compare(const Case& k) {
  context = text(k);
  const Input in = make_input(k);
  const Output expected = reference(k, in), out = run(k, in);
  // Upstream's rows are as small as 1 / B: 1e-6 beside them would show nothing.
  const double absolute = k.form == LOTUS_JSD_UPSTREAM ? 1e-9 : 1e-6;
  expect_close("row_out", out.rows, expected.rows, LOTUS_FLOAT32, {}, absolute);
  if (k.total) expect_close("total", {out.total}, {expected.total}, LOTUS_FLOAT32, {}, absolute);
  expect(out.nonfinite == expected.nonfinite, "nonfinite_rows " + std::to_string(out.nonfinite));
  if (k.gradient == Case::kNone) return;
  std::vector<bool> unsure;
  const std::vector<double> slopes = gradient(k, in, unsure);
  // Differences of slopes near 1, times p: in fp32 no closer than this to one that is nearly 0.
  expect_close("gradient", out.gradient, slopes, k.dtype, unsure, 3e-6);
}

// The gradient against central differences of the total, with probabilities on both sides of the clamp.
void central_differences() {
  for (const int32_t form : {LOTUS_JSD_TEXTBOOK, LOTUS_JSD_UPSTREAM, LOTUS_JSD_BAD_TEACHING}) {
    Case k;
    k.rows = 4, k.cols = 6, k.form = form, k.bad_rows = false, k.gradient = Case::kApart;
    context = "differences " + text(k);
    Rng rng{static_cast<uint64_t>(form + 1)};
    Input in;
    for (int64_t i = 0; i < k.rows * k.cols; ++i) {
      in.p.push_back(rounded(i % 5 == 0 ? -19 - rng.uniform() : rng.normal(), k.dtype));
      in.q.push_back(rounded(rng.normal(), k.dtype));
    }
    std::vector<double> differences;
    for (size_t i = 0; i < in.p.size(); ++i) {
      constexpr double kStep = 1e-4;
      Input up = in, down = in;
      up.p[i] += kStep, down.p[i] -= kStep;
      differences.push_back(gradient_scale(k) * (reference(k, up).total - reference(k, down).total) / (2 * kStep));
    }
    std::vector<bool> unsure;
    expect_close("by the chain rule", gradient(k, in, unsure), differences, LOTUS_FLOAT32, {}, 1e-8);
    expect_close("of the operation", run(k, in).gradient, differences);
  }
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

void determinism(int64_t rows, int64_t cols, int32_t dtype, int32_t form, int32_t input) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.form = form, k.input = input, k.bad_rows = false;
  k.gradient = input == LOTUS_LOGITS ? Case::kApart : Case::kNone;
  context = "bits of " + text(k);
  const Input in = make_input(k);
  const Output first = run(k, in);
  const auto again = [&](const char* what) {
    const Output out = run(k, in);
    expect(same(out.rows, first.rows) && same({out.total}, {first.total}) && same(out.gradient, first.gradient), what);
  };
  k.p = {3, 1};
  again("another layout");
  if (k.gradient == Case::kApart) {
    k.gradient = Case::kInPlace;
    again("in place");
  }
#ifdef LOTUS_CUDA_EMULATION
  for_each_machine(again);
#endif
}

// Distributions 1e-3 apart: a divergence of 1e-7, which log(1 + x) in place of log1p(x) would lose in its rounding.
void close(int64_t cols) {
  Case k;
  k.rows = 16, k.cols = cols, k.bad_rows = false;
  Rng rng{static_cast<uint64_t>(cols)};
  Input in;
  for (int64_t i = 0; i < k.rows * cols; ++i) {
    in.p.push_back(rounded(rng.normal(), k.dtype));
    in.q.push_back(rounded(in.p.back() + 1e-3 * rng.normal(), k.dtype));
  }
  for (const int32_t form : {LOTUS_JSD_TEXTBOOK, LOTUS_JSD_UPSTREAM, LOTUS_JSD_BAD_TEACHING}) {
    k.form = form;
    context = "close " + text(k);
    const Output expected = reference(k, in), out = run(k, in);
    double worst = 0;
    for (size_t b = 0; b < expected.rows.size(); ++b)
      worst = larger(worst, fabs(out.rows[b] - expected.rows[b]) / expected.rows[b]);
    expect(worst < 2e-3, "relative error " + std::to_string(worst));
  }
}

}  // namespace

const Suite suite("js_divergence", [] {
  for (const int64_t cols : {10, 100, 1000, 1500}) close(cols);
  central_differences();
  for (const int32_t dtype : kDtypes) {
    for (const int64_t cols : kCols) {
      for (const int64_t rows : kRows) {
        if (cols > 1001 && rows > 7) continue;
        // The largest batch takes two of the six variants, others from C to C.
        for (int n = 0; n < variants(rows, 6, 2); ++n) {
          const int v = (n * 4 + static_cast<int>(cols)) % 6;
          Case k;
          k.rows = rows, k.cols = cols, k.dtype = dtype, k.turn = v;
          k.form = v % 3;
          k.input = v < 3 ? LOTUS_LOGITS : LOTUS_PROBABILITIES;
          k.p = kLayouts[static_cast<size_t>(v)];
          k.q = kLayouts[static_cast<size_t>(v < 3 ? v : 0)];
          k.total = v != 4;
          if (k.input == LOTUS_LOGITS && rows <= 128)
            k.gradient = (rows + cols + v) % 2 == 0 ? Case::kApart : Case::kInPlace;
          k.gradient_layout = kLayouts[static_cast<size_t>(v + 1) % kLayouts.size()];
          compare(k);
          // Without rows that are not finite the total is a number.
          k.bad_rows = false, k.total = true;
          if (rows == 7) compare(k);
        }
      }
    }
    // Every launch shape in fp32; of the other types, which share them, one of either kind.
    for (const int64_t cols : {3, 10, 100, 200, 500, 1000, 1001, 4100})
      for (const int32_t form : {LOTUS_JSD_TEXTBOOK, LOTUS_JSD_UPSTREAM})
        if (dtype == LOTUS_FLOAT32 || cols == 200 || cols == 1001)
          determinism(cols > 1000 ? 3 : 19, cols, dtype, form, LOTUS_LOGITS);
    // Rows for every warp of the blocks that add the sums up, and sums that differ between p and q.
    determinism(300, 3, dtype, LOTUS_JSD_UPSTREAM, LOTUS_PROBABILITIES);
  }
});

}  // namespace native_test
