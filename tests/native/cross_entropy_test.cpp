// cross_entropy against a plain double reference, and against itself under every launch shape.
#include "cases.h"

namespace native_test {
namespace {

struct Case {
  int64_t rows = 1, cols = 1;
  int32_t dtype = LOTUS_FLOAT32;
  int turn = 0;
  bool class_weight = false, row_weight = false, in_place = false;
  bool loss = true, gradient = true, correct = true;
  float smoothing = 0, scale = 1;
  Layout logits, out;

  std::string text() const {
    char line[200];
    snprintf(line, sizeof line, "cross entropy B=%lld C=%lld %s turn=%d smoothing=%g%s%s%s +%lld@%lld",
             static_cast<long long>(rows), static_cast<long long>(cols), name_of(dtype), turn,
             static_cast<double>(smoothing), class_weight ? " class-weight" : "", row_weight ? " row-weight" : "",
             in_place ? " in-place" : "", static_cast<long long>(logits.gap), static_cast<long long>(logits.offset));
    return line;
  }
};

struct Input {
  std::vector<double> logits;
  std::vector<int64_t> labels;
  std::vector<float> class_weight, row_weight;
};

struct Output {
  std::vector<double> loss, gradient;
  int64_t correct = 0, nonfinite = 0;
};

int64_t argmax(const double* x, int64_t cols) {
  int64_t best = 0;
  for (int64_t c = 1; c < cols; ++c)
    if (x[c] > x[best]) best = c;
  return best;
}

// Some rows right, some wrong, some at a masked class; labels out of range; weights that are 0 or turn the sign.
Input make_input(const Case& k) {
  Input in;
  const uint64_t seed = static_cast<uint64_t>(k.rows * 19 + k.cols * 5 + k.turn);
  in.logits = logits(k.rows, k.cols, k.dtype, seed, k.turn, true);
  Rng rng{seed + 9};
  for (int64_t b = 0; b < k.rows; ++b) {
    in.labels.push_back(b % 3 == 0 ? argmax(in.logits.data() + b * k.cols, k.cols) : rng.below(k.cols));
    in.row_weight.push_back(b % 3 == 0 ? -1.0f : static_cast<float>(rng.uniform()));
  }
  if (k.rows >= 7) {
    in.labels[1] = -1;
    in.labels[2] = k.cols;
    in.labels[4] = int64_t{1} << 40;
  }
  for (int64_t c = 0; c < k.cols; ++c)
    in.class_weight.push_back(c % 5 == 4 ? 0 : static_cast<float>(2 * rng.uniform()));
  return in;
}

Output reference(const Case& k, const Input& in) {
  Output out;
  for (int64_t b = 0; b < k.rows; ++b) {
    const double* x = in.logits.data() + b * k.cols;
    const int64_t label = in.labels[static_cast<size_t>(b)];
    if (!row_finite(x, k.cols) || label < 0 || label >= k.cols) {
      ++out.nonfinite;
      out.loss.push_back(kNaN);
      out.gradient.insert(out.gradient.end(), static_cast<size_t>(k.cols), kNaN);
      continue;
    }
    const int64_t best = argmax(x, k.cols);
    out.correct += best == label;
    double sum = 0, kept = 0, loss = 0, mass = 0;
    for (int64_t c = 0; c < k.cols; ++c) {
      sum += exp(x[c] - x[best]);
      kept += x[c] > -kInf;
    }
    std::vector<double> target;
    for (int64_t c = 0; c < k.cols; ++c) {
      const double weight = k.class_weight ? in.class_weight[static_cast<size_t>(c)] : 1;
      const double smoothing = static_cast<double>(k.smoothing);
      target.push_back(weight * ((c == label ? 1 - smoothing : 0) + (x[c] > -kInf ? smoothing / kept : 0)));
      mass += target.back();
      if (target.back() > 0) loss += target.back() * (log(sum) - (x[c] - x[best]));
    }
    out.loss.push_back(loss);
    const double scale =
        static_cast<double>(k.scale) * (k.row_weight ? static_cast<double>(in.row_weight[static_cast<size_t>(b)]) : 1);
    for (int64_t c = 0; c < k.cols; ++c)
      out.gradient.push_back(scale * (mass * exp(x[c] - x[best]) / sum - target[static_cast<size_t>(c)]));
  }
  return out;
}

Output run(const Case& k, const Input& in) {
  const DeviceMatrix x(k.rows, k.cols, k.dtype, k.logits, in.logits), separate(k.rows, k.cols, k.dtype, k.out);
  const DeviceMatrix& gradient = k.in_place ? x : separate;
  const DeviceVector<int64_t> labels(in.labels);
  const DeviceVector<float> class_weight(in.class_weight), row_weight(in.row_weight);
  const DeviceVector<float> loss(static_cast<size_t>(k.rows));
  const DeviceVector<int64_t> counters(std::vector<int64_t>{500, 600});

  lotus::CrossEntropyArgs a{};
  a.logits = x.at(), a.logits_stride = x.stride();
  a.labels = labels.at();
  a.rows = k.rows, a.cols = k.cols, a.dtype = k.dtype;
  a.class_weight = k.class_weight ? class_weight.at() : nullptr;
  a.label_smoothing = k.smoothing;
  a.row_weight = k.row_weight ? row_weight.at() : nullptr;
  a.correct = k.correct ? counters.at() : nullptr;
  a.loss = k.loss ? loss.at() : nullptr;
  if (k.gradient) a.gradient = gradient.at(), a.gradient_stride = gradient.stride();
  a.gradient_scale = k.scale;
  a.nonfinite_rows = counters.at() + 1;
  expect_ok(backend().cross_entropy(a));

  Output out;
  if (k.loss) out.loss = widen(loss.values());
  if (k.gradient) out.gradient = gradient.values();
  out.correct = counters.values()[0] - 500;
  out.nonfinite = counters.values()[1] - 600;
  expect(gradient.gaps_untouched() && x.gaps_untouched(), "gaps");
  return out;
}

void compare(const Case& k) {
  context = k.text();
  const Input in = make_input(k);
  const Output expected = reference(k, in), out = run(k, in);
  if (k.loss) expect_close("loss", out.loss, expected.loss);
  if (k.gradient)
    expect_close("gradient", out.gradient, expected.gradient, k.dtype, {},
                 1e-6 * fmin(1, static_cast<double>(k.scale)));
  expect(out.correct == (k.correct ? expected.correct : 0),
         "correct " + std::to_string(out.correct) + ", reference " + std::to_string(expected.correct));
  expect(out.nonfinite == expected.nonfinite, "nonfinite_rows " + std::to_string(out.nonfinite));
}

// Variant v of a shape: every option takes each of its values over eight variants.
Case variant(int64_t rows, int64_t cols, int32_t dtype, int v) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.turn = v;
  k.smoothing = v % 3 == 0 ? 0.0f : v % 3 == 1 ? 0.1f : 0.75f;
  k.class_weight = v / 2 % 2 == 1;
  k.row_weight = v % 4 == 3 || v == 0;
  k.in_place = v % 2 == 1;
  k.gradient = v != 4;
  k.loss = v != 5;
  k.correct = v != 6;
  k.scale = v == 2 ? 1.0f / static_cast<float>(rows) : 1.0f;
  const size_t layouts = kLayouts.size(), n = static_cast<size_t>(v);
  k.logits = kLayouts[n % layouts];
  k.out = kLayouts[v < 3 ? n % layouts : (n + 2) % layouts];
  return k;
}

// A label at a masked class: infinite, unless its weight is 0. Ties: only the first of equals is correct.
void edges() {
  Case k;
  k.rows = 5, k.cols = 4;
  Input in;
  in.logits = {0, 1, -kInf, 2, 0, 1, 2, -kInf, 18, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7};
  in.labels = {2, 3, 0, 0, 1};
  in.class_weight = {1, 1, 0, 1};
  in.row_weight = {1, 1, 1, 1, 1};
  for (const bool weights : {false, true}) {
    for (const float smoothing : {0.0f, 0.5f}) {
      k.class_weight = weights, k.smoothing = smoothing;
      context = "edges of " + k.text();
      const Output expected = reference(k, in), out = run(k, in);
      expect(isinf(expected.loss[1]) && isinf(expected.loss[0]) == !weights, "the reference itself");
      expect_close("loss", out.loss, expected.loss);
      expect_close("gradient", out.gradient, expected.gradient);
      expect(out.correct == 2 && out.nonfinite == 0, "counts");
    }
  }
}

// The same bits from every alignment, in place, from a row alone and, on the emulation, from every machine.
void determinism(int64_t rows, int64_t cols, int32_t dtype) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.smoothing = 0.1f, k.class_weight = k.row_weight = true;
  context = "bits of " + k.text();
  const Input in = make_input(k);
  const Output first = run(k, in);
  const auto again = [&](const char* what) {
    const Output out = run(k, in);
    expect(same_bits(out.loss, first.loss) && same_bits(out.gradient, first.gradient) && out.correct == first.correct &&
               out.nonfinite == first.nonfinite,
           what);
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
    const size_t at = static_cast<size_t>(b);
    const Output out = run(one, {row_of(in.logits, rows, b), {in.labels[at]}, in.class_weight, {in.row_weight[at]}});
    expect(same_bits(out.loss, {first.loss[at]}) && same_bits(out.gradient, row_of(first.gradient, rows, b)),
           "a row alone");
  }
#ifdef LOTUS_CUDA_EMULATION
  for_each_machine(again);
#endif
}

}  // namespace

const Suite suite("cross_entropy", [] {
  edges();
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
    for (const int64_t cols : {3, 10, 100, 200, 500, 1000, 1001, 4100, 20000})
      determinism(cols > 5000 ? 2 : cols > 1000 ? 5 : 37, cols, dtype);
  }
});

}  // namespace native_test
