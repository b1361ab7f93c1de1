// distillation against a plain double reference, where teacher and student nearly agree too, and against itself under
// every launch shape.
#include "cases.h"

namespace native_test {
namespace {

struct Case {
  int64_t rows = 1, cols = 1;
  int32_t dtype = LOTUS_FLOAT32;
  int turn = 0;
  float temperature = 1, scale = 1;
  bool other = false, row_weight = false, accumulate = false, in_place = false;
  bool loss = true, gradient = true;
  Layout student, teacher, out;

  std::string text() const {
    char line[200];
    snprintf(line, sizeof line, "distillation B=%lld C=%lld %s turn=%d T=%g%s%s%s%s +%lld@%lld",
             static_cast<long long>(rows), static_cast<long long>(cols), name_of(dtype), turn,
             static_cast<double>(temperature), other ? " two-teachers" : "", row_weight ? " row-weight" : "",
             accumulate ? " accumulate" : "", in_place ? " in-place" : "", static_cast<long long>(student.gap),
             static_cast<long long>(student.offset));
    return line;
  }
};

struct Input {
  std::vector<double> student, teacher, other, before;  // before: what the gradient holds
  std::vector<uint8_t> use_other;
  std::vector<float> row_weight;
};

struct Output {
  std::vector<double> loss, gradient;
  int64_t nonfinite = 0;
};

// Teachers far from the student, close to it and equal; bad rows in every operand, some where the row reads the other.
Input make_input(const Case& k) {
  Input in;
  const uint64_t seed = static_cast<uint64_t>(k.rows * 23 + k.cols * 3 + k.turn);
  in.student = logits(k.rows, k.cols, k.dtype, seed, k.turn, true);
  in.teacher = logits(k.rows, k.cols, k.dtype, seed + 1, k.turn, false);
  in.other = logits(k.rows, k.cols, k.dtype, seed + 2, k.turn, false);
  Rng rng{seed + 3};
  for (int64_t b = 0; b < k.rows; ++b) {
    in.use_other.push_back(b % 3 == 1 ? 2 : 0);
    in.row_weight.push_back(b % 2 == 0 ? -1.0f : static_cast<float>(rng.uniform()));
    for (int64_t i = b * k.cols; i < (b + 1) * k.cols; ++i) {
      const size_t at = static_cast<size_t>(i);
      in.before.push_back(rounded(rng.normal(), k.dtype));
      if (!isfinite(in.student[at])) continue;
      if (b % 8 == 0) in.teacher[at] = in.student[at];
      if (b % 8 == 2) in.teacher[at] = rounded(in.student[at] * (1 + 1e-3 * rng.normal()), k.dtype);
      if (b % 8 == 4) in.other[at] = rounded(in.student[at] + 1e-3 * rng.normal(), k.dtype);
    }
  }
  if (k.rows >= 7) {
    in.teacher[static_cast<size_t>(6 * k.cols + rng.below(k.cols))] = kNaN;
    in.other[static_cast<size_t>(4 * k.cols + rng.below(k.cols))] = kInf;
    in.teacher[static_cast<size_t>(1 * k.cols + rng.below(k.cols))] = kNaN;  // not read where row 1 takes the other
    in.other[static_cast<size_t>(2 * k.cols)] = kNaN;                        // nor this
  }
  return in;
}

std::vector<double> log_softmax(const double* x, const Case& k) {
  double top = -kInf, sum = 0;
  const double t = static_cast<double>(k.temperature);
  for (int64_t c = 0; c < k.cols; ++c) top = fmax(top, x[c]);
  for (int64_t c = 0; c < k.cols; ++c) sum += exp((x[c] - top) / t);
  std::vector<double> out;
  for (int64_t c = 0; c < k.cols; ++c) out.push_back((x[c] - top) / t - log(sum));
  return out;
}

Output reference(const Case& k, const Input& in) {
  Output out;
  for (int64_t b = 0; b < k.rows; ++b) {
    const size_t at = static_cast<size_t>(b);
    const double* s = in.student.data() + b * k.cols;
    const double* t = (k.other && in.use_other[at] != 0 ? in.other : in.teacher).data() + b * k.cols;
    if (!row_finite(s, k.cols) || !row_finite(t, k.cols)) {
      ++out.nonfinite;
      out.loss.push_back(kNaN);
      out.gradient.insert(out.gradient.end(), static_cast<size_t>(k.cols), kNaN);
      continue;
    }
    const std::vector<double> log_p = log_softmax(t, k), log_q = log_softmax(s, k);
    const double scale = static_cast<double>(k.scale) / static_cast<double>(k.temperature) *
                         (k.row_weight ? static_cast<double>(in.row_weight[at]) : 1);
    double loss = 0;
    for (int64_t c = 0; c < k.cols; ++c) {
      const double p = exp(log_p[static_cast<size_t>(c)]), q = exp(log_q[static_cast<size_t>(c)]);
      if (t[c] > -kInf) loss += p * (log_p[static_cast<size_t>(c)] - log_q[static_cast<size_t>(c)]);
      out.gradient.push_back((k.accumulate ? in.before[static_cast<size_t>(b * k.cols + c)] : 0) + scale * (q - p));
    }
    out.loss.push_back(loss);
  }
  return out;
}

Output run(const Case& k, const Input& in) {
  const DeviceMatrix student(k.rows, k.cols, k.dtype, k.student, in.student);
  const DeviceMatrix teacher(k.rows, k.cols, k.dtype, k.teacher, in.teacher);
  const DeviceMatrix other(k.rows, k.cols, k.dtype, k.out, in.other);
  const DeviceMatrix separate(k.rows, k.cols, k.dtype, k.out, in.before);
  const DeviceMatrix& gradient = k.in_place ? student : separate;
  const DeviceVector<uint8_t> use_other(in.use_other);
  const DeviceVector<float> row_weight(in.row_weight), loss(static_cast<size_t>(k.rows));
  const DeviceVector<int64_t> nonfinite(std::vector<int64_t>{70});

  lotus::DistillationArgs a{};
  a.student = student.at(), a.student_stride = student.stride();
  a.teacher = teacher.at(), a.teacher_stride = teacher.stride();
  if (k.other) a.other_teacher = other.at(), a.other_stride = other.stride(), a.use_other = use_other.at();
  a.row_weight = k.row_weight ? row_weight.at() : nullptr;
  a.rows = k.rows, a.cols = k.cols, a.dtype = k.dtype, a.temperature = k.temperature;
  a.loss = k.loss ? loss.at() : nullptr;
  if (k.gradient) a.gradient = gradient.at(), a.gradient_stride = gradient.stride();
  a.gradient_scale = k.scale;
  a.accumulate = k.accumulate;
  a.nonfinite_rows = nonfinite.at();
  expect_ok(backend().distillation(a));

  Output out;
  if (k.loss) out.loss = widen(loss.values());
  if (k.gradient) out.gradient = gradient.values();
  out.nonfinite = nonfinite.values()[0] - 70;
  expect(gradient.gaps_untouched() && student.gaps_untouched(), "gaps");
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
  expect(out.nonfinite == expected.nonfinite,
         "nonfinite_rows " + std::to_string(out.nonfinite) + ", reference " + std::to_string(expected.nonfinite));
  bool negative = false;
  for (const double loss : out.loss) negative |= loss < 0;
  expect(!negative, "a negative divergence");
}

// Variant v of a shape: every option takes each of its values over eight variants.
Case variant(int64_t rows, int64_t cols, int32_t dtype, int v) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.turn = v;
  k.temperature = v % 3 == 0 ? 1.0f : v % 3 == 1 ? 4.0f : 0.5f;
  k.other = v / 2 % 2 == 1;
  k.row_weight = v % 4 == 3 || v == 0;
  k.in_place = v % 2 == 1;
  k.accumulate = v == 0 || v == 6;
  k.gradient = v != 4;
  k.loss = v != 5;
  k.scale = v == 2 ? 1.0f / static_cast<float>(rows * cols) : v == 3 ? 16.0f / static_cast<float>(rows) : 1.0f;
  const size_t layouts = kLayouts.size(), n = static_cast<size_t>(v);
  k.student = kLayouts[n % layouts];
  k.teacher = kLayouts[v < 6 ? n % layouts : 0];
  k.out = kLayouts[v < 3 ? n % layouts : (n + 2) % layouts];
  return k;
}

// Students 1e-3 from their teachers: a divergence of 1e-7, which is lost where sum p log p and sum p log q are
// subtracted; at 3e-2 and 0.3 apart; and a student equal to its teacher, whose loss and gradient are 0.
void close(int64_t cols) {
  for (const float temperature : {1.0f, 4.0f}) {
    for (const double distance : {0.0, 1e-3, 3e-2, 0.3}) {
      Case k;
      k.rows = 16, k.cols = cols, k.temperature = temperature;
      Rng rng{static_cast<uint64_t>(cols)};
      Input in;
      for (int64_t i = 0; i < k.rows * cols; ++i) {
        in.teacher.push_back(rounded(2 * rng.normal(), k.dtype));
        in.student.push_back(rounded(in.teacher.back() + distance * rng.normal(), k.dtype));
      }
      in.other = in.before = in.teacher;
      in.row_weight.assign(16, 1), in.use_other.assign(16, 0);
      context = "distance " + std::to_string(distance) + " of " + k.text();
      const Output expected = reference(k, in), out = run(k, in);
      double worst = 0, largest = 0, error = 0;
      for (size_t b = 0; b < out.loss.size(); ++b)
        worst = larger(worst, fabs(out.loss[b] - expected.loss[b]) / fmax(expected.loss[b], 1e-12));
      for (size_t i = 0; i < out.gradient.size(); ++i) {
        largest = fmax(largest, fabs(expected.gradient[i]));
        error = larger(error, fabs(out.gradient[i] - expected.gradient[i]));
      }
      expect(worst < 2e-3, "relative error of the loss " + std::to_string(worst));
      expect(error <= 2e-3 * largest + 1e-12, "error of the gradient " + std::to_string(error / largest));
    }
  }
}

// Classes that one side masks; a mask costs an infinite loss even where the teacher's weight underflows; logits at the
// ends of fp32.
void edges() {
  Case k;
  k.rows = 6, k.cols = 4;
  Input in;
  in.student = {0, 1, 2, 3, 0, -kInf, 1, 2, -kInf, 1, 2, -kInf, 0, -kInf, 1, 2, 3e38, -3e38, 0, 1, 1, -kInf, 3, -kInf};
  in.teacher = {2, -kInf, 1, -kInf, 0, 3, 1, 0, -kInf, 0, 1, -kInf, 300, 0, 300, 300,
                3e38, -3e38, 1, 0, 9, -kInf, -9, -kInf};
  in.other = in.before = in.teacher;
  in.row_weight.assign(6, 1), in.use_other.assign(6, 0);
  for (const float temperature : {1.0f, 8.0f}) {
    k.temperature = temperature;
    context = "edges of " + k.text();
    const Output expected = reference(k, in), out = run(k, in);
    expect(isinf(expected.loss[1]) && isinf(expected.loss[3]) && expected.loss[4] == 0, "the reference itself");
    expect_close("loss", out.loss, expected.loss);
    expect_close("gradient", out.gradient, expected.gradient);
    expect(out.nonfinite == 0, "nonfinite");
  }
  // A temperature whose inverse is no float: each side is one-hot.
  k.temperature = 1e-42f;
  k.rows = 1;
  context = "edges of " + k.text();
  const Output out = run(k, {{5, 1, 2, -kInf}, {7, 3, 1, -kInf}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0}, {1}});
  expect(out.loss[0] == 0 && out.nonfinite == 0, "loss of one-hot rows that agree " + std::to_string(out.loss[0]));
  expect_close("gradient", out.gradient, {0, 0, 0, 0});
}

// The same bits from every alignment, in place, from a row alone and, on the emulation, from every machine.
void determinism(int64_t rows, int64_t cols, int32_t dtype) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.temperature = 3, k.other = k.row_weight = true;
  context = "bits of " + k.text();
  const Input in = make_input(k);
  const Output first = run(k, in);
  const auto again = [&](const char* what) {
    const Output out = run(k, in);
    expect(same_bits(out.loss, first.loss) && same_bits(out.gradient, first.gradient) &&
               out.nonfinite == first.nonfinite,
           what);
  };
  k.student = {3, 1}, k.teacher = {0, 1}, k.out = {1, 0};
  again("another layout");
  k.student = k.teacher = k.out = {};
  k.in_place = true;
  again("in place");
  k.in_place = false;
  Case one = k;
  one.rows = 1;
  for (int64_t b = 0; b < (rows < 9 ? rows : 9); ++b) {
    const size_t at = static_cast<size_t>(b);
    const Output out = run(one, {row_of(in.student, rows, b), row_of(in.teacher, rows, b), row_of(in.other, rows, b),
                                 row_of(in.before, rows, b), {in.use_other[at]}, {in.row_weight[at]}});
    expect(same_bits(out.loss, {first.loss[at]}) && same_bits(out.gradient, row_of(first.gradient, rows, b)),
           "a row alone");
  }
#ifdef LOTUS_CUDA_EMULATION
  for_each_machine(again);
#endif
}

}  // namespace

const Suite suite("distillation", [] {
  edges();
  for (const int64_t cols : {10, 100, 1000, 1500}) close(cols);
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
