// evaluate_logits, and class_means, which is its sums by class alone, against a plain double reference, and against
// itself under every launch shape.
#include "cases.h"

namespace native_test {
namespace {

struct Case {
  int64_t rows = 1, cols = 1;
  int32_t dtype = LOTUS_FLOAT32;
  int turn = 0;
  Layout layout, sums_layout;
  int64_t slots = 0;  // 0: no sums by class
  bool map = true;    // class_slot given
  bool loss = true, entropy = true, correct = true;
};

struct Input {
  std::vector<double> logits;
  std::vector<int64_t> labels;
  std::vector<int32_t> class_slot;
};

struct Output {
  std::vector<double> loss, entropy, sums;
  std::vector<int64_t> counts;
  int64_t correct = 0, nonfinite = 0;
};

// What the sums hold before the call: they are added to.
constexpr double kBefore = 0.25;
constexpr int64_t kCountBefore = 3;

Input make_input(const Case& k) {
  Input in;
  const uint64_t seed = static_cast<uint64_t>(k.rows * 17 + k.cols * 5 + k.turn);
  in.logits = logits(k.rows, k.cols, k.dtype, seed, k.turn, true);
  Rng rng{seed + 9};
  for (int64_t b = 0; b < k.rows; ++b) {
    // Every third label where the largest logit is, so that some rows are right; ties count at the first alone.
    const double* row = in.logits.data() + b * k.cols;
    int64_t best = 0;
    for (int64_t c = 1; c < k.cols; ++c)
      if (row[c] > row[best]) best = c;
    in.labels.push_back(b % 3 == 0 ? best : rng.below(k.cols));
  }
  if (k.rows >= 7) {
    in.labels[1] = -1;
    in.labels[2] = k.cols;
    in.labels[4] = int64_t{1} << 40;
  }
  for (int64_t c = 0; c < k.cols; ++c)
    in.class_slot.push_back(c % 5 == 4 ? -1 : static_cast<int32_t>((c * 3 + 1) % (k.slots > 0 ? k.slots : 1)));
  return in;
}

Output reference(const Case& k, const Input& in) {
  Output out;
  out.sums.assign(static_cast<size_t>(k.slots * k.cols), kBefore);
  out.counts.assign(static_cast<size_t>(k.slots), kCountBefore);
  for (int64_t b = 0; b < k.rows; ++b) {
    const double* x = in.logits.data() + b * k.cols;
    const int64_t label = in.labels[static_cast<size_t>(b)];
    const bool known = label >= 0 && label < k.cols;
    const int64_t slot = k.slots == 0 || !known ? -1 : k.map ? in.class_slot[static_cast<size_t>(label)] : label;
    // Where sums are all that is asked, a row that goes to none is not read.
    if (k.slots > 0 && !k.loss && !k.entropy && !k.correct && known && slot < 0) continue;
    if (!row_finite(x, k.cols) || !known) {
      ++out.nonfinite;
      out.loss.push_back(kNaN);
      out.entropy.push_back(kNaN);
      continue;
    }
    int64_t best = 0;
    for (int64_t c = 1; c < k.cols; ++c)
      if (x[c] > x[best]) best = c;
    out.correct += best == label;
    double sum = 0, moment = 0;
    for (int64_t c = 0; c < k.cols; ++c) {
      const double d = x[c] - x[best], e = exp(d);
      sum += e;
      moment += e > 0 ? e * d : 0;
    }
    out.loss.push_back(log(sum) - (x[label] - x[best]));
    out.entropy.push_back(log(sum) - moment / sum);
    if (slot < 0) continue;
    ++out.counts[static_cast<size_t>(slot)];
    for (int64_t c = 0; c < k.cols; ++c) out.sums[static_cast<size_t>(slot * k.cols + c)] += exp(x[c] - x[best]) / sum;
  }
  return out;
}

Output run(const Case& k, const Input& in) {
  const DeviceMatrix x(k.rows, k.cols, k.dtype, k.layout, in.logits);
  const DeviceVector<int64_t> labels(in.labels);
  const DeviceVector<int32_t> class_slot(in.class_slot);
  const DeviceVector<float> loss(static_cast<size_t>(k.rows)), entropy(static_cast<size_t>(k.rows));
  const DeviceVector<int64_t> counters(std::vector<int64_t>{500, 600});
  const int64_t stride = k.cols + k.sums_layout.gap;
  const DeviceVector<double> sums(std::vector<double>(static_cast<size_t>(k.slots * stride), kBefore));
  const DeviceVector<int64_t> counts(std::vector<int64_t>(static_cast<size_t>(k.slots), kCountBefore));

  lotus::EvaluateArgs a{};
  a.logits = x.at(), a.logits_stride = x.stride();
  a.labels = labels.at();
  a.rows = k.rows, a.cols = k.cols, a.dtype = k.dtype;
  a.correct = k.correct ? counters.at() : nullptr;
  a.loss = k.loss ? loss.at() : nullptr;
  a.entropy = k.entropy ? entropy.at() : nullptr;
  if (k.slots > 0) {
    a.class_sums = sums.at(), a.class_sums_stride = stride;
    a.class_counts = counts.at();
    a.class_slot = k.map ? class_slot.at() : nullptr;
    a.slots = k.slots;
  }
  a.nonfinite_rows = counters.at() + 1;
  expect_ok(backend().evaluate_logits(a));

  Output out;
  if (k.loss) out.loss = widen(loss.values());
  if (k.entropy) out.entropy = widen(entropy.values());
  out.correct = counters.values()[0] - 500;
  out.nonfinite = counters.values()[1] - 600;
  out.counts = counts.values();
  const std::vector<double> all = sums.values();
  for (int64_t i = 0; i < k.slots; ++i)
    for (int64_t c = 0; c < stride; ++c) {
      const double value = all[static_cast<size_t>(i * stride + c)];
      if (c < k.cols)
        out.sums.push_back(value);
      else
        expect(value == kBefore, "gaps of class_sums");
    }
  return out;
}

void compare(const Case& k) {
  char line[200];
  snprintf(line, sizeof line, "evaluate B=%lld C=%lld %s turn=%d slots=%lld%s +%lld@%lld",
           static_cast<long long>(k.rows),
           static_cast<long long>(k.cols), name_of(k.dtype), k.turn,
           static_cast<long long>(k.slots), k.map ? " mapped" : "", static_cast<long long>(k.layout.gap),
           static_cast<long long>(k.layout.offset));
  context = line;
  const Input in = make_input(k);
  const Output expected = reference(k, in), out = run(k, in);
  if (k.loss) expect_close("loss", out.loss, expected.loss);
  if (k.entropy) expect_close("entropy", out.entropy, expected.entropy);
  expect_close("class_sums", out.sums, expected.sums);
  expect(out.counts == expected.counts, "class_counts");
  expect(out.correct == (k.correct ? expected.correct : 0),
         "correct " + std::to_string(out.correct) + ", reference " + std::to_string(expected.correct));
  expect(out.nonfinite == expected.nonfinite, "nonfinite_rows " + std::to_string(out.nonfinite));
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

void determinism(int64_t rows, int64_t cols, int32_t dtype) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.slots = 3;
  context = "bits of evaluate C=" + std::to_string(cols);
  const Input in = make_input(k);
  const Output first = run(k, in);
  const auto again = [&](const char* what) {
    const Output out = run(k, in);
    expect(same(out.loss, first.loss) && same(out.entropy, first.entropy) && same(out.sums, first.sums) &&
               out.correct == first.correct && out.nonfinite == first.nonfinite && out.counts == first.counts,
           what);
  };
  k.layout = {3, 1};
  again("another layout");
#ifdef LOTUS_CUDA_EMULATION
  for_each_machine(again);
#endif
}

// Sums follow the order of the rows: a batch given in two parts ends with the same bits.
void order(int64_t rows, int64_t cols) {
  Case k;
  k.rows = rows, k.cols = cols, k.slots = 2;
  context = "order of rows C=" + std::to_string(cols);
  const Input in = make_input(k);
  const Output whole = run(k, in);
  const DeviceMatrix x(rows, cols, k.dtype, {}, in.logits);
  const DeviceVector<int64_t> labels(in.labels);
  const DeviceVector<int32_t> class_slot(in.class_slot);
  const DeviceVector<double> sums(std::vector<double>(static_cast<size_t>(2 * cols), kBefore));
  const DeviceVector<int64_t> counts(std::vector<int64_t>{0, 0});
  for (const int64_t first : {int64_t{0}, int64_t{45}}) {
    lotus::EvaluateArgs a{};
    a.logits = static_cast<const float*>(x.at()) + first * cols, a.logits_stride = cols;
    a.labels = labels.at() + first;
    a.rows = first == 0 ? 45 : rows - 45, a.cols = cols, a.dtype = k.dtype;
    a.class_sums = sums.at(), a.class_sums_stride = cols, a.class_counts = counts.at();
    a.class_slot = class_slot.at(), a.slots = 2;
    expect_ok(backend().evaluate_logits(a));
  }
  expect(same(sums.values(), whole.sums), "two parts give other sums than the whole");
}

}  // namespace

const Suite suite("evaluate_logits", [] {
  for (const int64_t cols : {5, 100}) order(300, cols);
  for (const int32_t dtype : kDtypes) {
    for (const int64_t cols : kCols) {
      for (const int64_t rows : kRows) {
        if (cols > 1001 && rows > 7) continue;
        // Every layout; sums by class: none, a few slots, a slot a class (where that is not a huge matrix).
        // The largest batch takes three of the eight variants, others from C to C.
        for (int n = 0; n < variants(rows, 8, 3); ++n) {
          const int v = (n * 3 + static_cast<int>(cols)) % 8;
          Case k;
          k.rows = rows, k.cols = cols, k.dtype = dtype, k.turn = v;
          k.layout = kLayouts[static_cast<size_t>(v) % kLayouts.size()];
          k.sums_layout = {v % 2, 0};
          k.map = v % 4 != 3;
          k.slots = v % 4 == 0 ? 0 : k.map ? 1 + v : cols + v % 3;
          if (!k.map && cols * rows > 101 * 128) k.slots = 0;
          k.loss = v != 6, k.entropy = v != 1, k.correct = v != 5;
          // class_means: sums alone, mapped and not.
          if (v == 2 || v == 7) k.loss = k.entropy = k.correct = false;
          compare(k);
        }
      }
    }
    for (const int64_t cols : {3, 10, 100, 200, 500, 1000, 1001, 4100}) determinism(cols > 1000 ? 7 : 300, cols, dtype);
  }
});

}  // namespace native_test
