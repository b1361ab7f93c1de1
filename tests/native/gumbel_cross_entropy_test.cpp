// gumbel_cross_entropy against a plain double reference, and against itself under every launch shape.
#include "cases.h"
#include "math/philox.h"

namespace native_test {
namespace {

struct Case {
  int64_t rows = 1, cols = 1;
  int32_t dtype = LOTUS_FLOAT32;
  int turn = 0;  // which row kinds, seeds
  float tau = 1;
  int32_t forget_target = LOTUS_FORGET_GUMBEL_SOFTMAX, retain_target = LOTUS_RETAIN_GUMBEL_HARD;
  bool ready_noise = false, samples = false, in_place = false, gradient = true, loss = true;
  double scale = 1;
  Layout student, teacher, noise, out;
  bool bad_rows = true;
  bool draw = false;  // tau and step from the device's memory

  std::string text() const {
    char line[256];
    snprintf(line, sizeof line, "gumbel B=%lld C=%lld %s tau=%g targets=%d%d %s%s%s%s turn=%d student=+%lld@%lld",
             static_cast<long long>(rows), static_cast<long long>(cols), name_of(dtype),
             static_cast<double>(tau), forget_target, retain_target, ready_noise ? "ready-noise" : "own-noise",
             in_place ? " in-place" : "", samples ? " samples" : "", draw ? " draw" : "", turn, static_cast<long long>(student.gap),
             static_cast<long long>(student.offset));
    return line;
  }
};

constexpr uint64_t kSeed = 0xfeedface12345678u;
constexpr uint32_t kStep = 77;

struct Input {
  std::vector<double> student, teacher, noise;
  std::vector<uint8_t> is_forget;
  std::vector<int64_t> samples;
};

Input make_input(const Case& k) {
  Input in;
  const uint64_t seed = static_cast<uint64_t>(k.rows * 31 + k.cols * 7 + k.turn);
  in.student = logits(k.rows, k.cols, k.dtype, seed, k.turn, k.bad_rows);
  // The teacher's bad rows are others than the student's, its masks the same.
  in.teacher = logits(k.rows, k.cols, k.dtype, seed + 1, k.turn, false);
  Rng rng{seed + 2};
  if (k.bad_rows && k.rows >= 7) in.teacher[static_cast<size_t>(6 * k.cols + rng.below(k.cols))] = kNaN;
  for (int64_t b = 0; b < k.rows; ++b) {
    in.is_forget.push_back(k.rows == 1 ? k.turn % 2 : (b / 2) % 2 * 3);
    in.samples.push_back(b * 977 + (int64_t{b % 5} << 33));
  }
  if (k.ready_noise)
    for (int64_t i = 0; i < k.rows * k.cols; ++i)
      in.noise.push_back(rounded(exact_gumbel(static_cast<uint32_t>(rng.bits())), LOTUS_FLOAT32));
  if (k.ready_noise && k.bad_rows && k.rows >= 128) in.noise[static_cast<size_t>(100 * k.cols)] = kNaN;
  return in;
}

struct Output {
  std::vector<double> loss, gradient;
  int64_t nonfinite = 0;
  std::vector<bool> skip;  // reference only: argmax too close to call in fp32
};

Output reference(const Case& k, const Input& in) {
  Output out;
  for (int64_t b = 0; b < k.rows; ++b) {
    const double* s = in.student.data() + b * k.cols;
    const double* t = in.teacher.data() + b * k.cols;
    const bool forget = in.is_forget[static_cast<size_t>(b)] != 0;
    const bool draws =
        forget ? k.forget_target == LOTUS_FORGET_GUMBEL_SOFTMAX : k.retain_target == LOTUS_RETAIN_GUMBEL_HARD;
    std::vector<double> a(t, t + k.cols), target(static_cast<size_t>(k.cols));
    for (int64_t c = 0; draws && c < k.cols; ++c) {
      const int64_t sample = k.samples ? in.samples[static_cast<size_t>(b)] : b;
      a[static_cast<size_t>(c)] +=
          k.ready_noise ? in.noise[static_cast<size_t>(b * k.cols + c)]
                        : exact_gumbel(lotus::philox(kSeed, kStep,
                                                     forget ? LOTUS_STREAM_FORGET_TARGET : LOTUS_STREAM_RETAIN_TARGET,
                                                     sample, static_cast<uint32_t>(c / 4)).v[c % 4]);
    }
    const bool finite = row_finite(s, k.cols) && row_finite(a.data(), k.cols);
    bool skip = false;
    if (!finite) {
      ++out.nonfinite;
      out.loss.push_back(kNaN);
      out.gradient.insert(out.gradient.end(), static_cast<size_t>(k.cols), kNaN);
      out.skip.push_back(false);
      continue;
    }
    size_t best = 0;
    for (size_t c = 1; c < a.size(); ++c)
      if (a[c] > a[best]) best = c;
    double sum = 0;
    for (size_t c = 0; c < a.size(); ++c) sum += target[c] = exp((a[c] - a[best]) / k.tau);
    if (forget) {
      for (double& w : target) w /= sum;
    } else {
      for (size_t c = 0; c < a.size(); ++c) {
        target[c] = c == best ? 1 : 0;
        skip |= draws && c != best && a[best] - a[c] < 2e-5;
      }
    }
    double top = -kInf, total = 0, loss = 0;
    for (int64_t c = 0; c < k.cols; ++c) top = fmax(top, s[c]);
    for (int64_t c = 0; c < k.cols; ++c) total += exp(s[c] - top);
    for (int64_t c = 0; c < k.cols; ++c) {
      const double w = target[static_cast<size_t>(c)];
      if (w > 0) loss -= w * (s[c] - top - log(total));
      out.gradient.push_back(k.scale * (exp(s[c] - top) / total - w));
    }
    out.loss.push_back(loss);
    out.skip.push_back(skip);
  }
  return out;
}

Output run(const Case& k, const Input& in) {
  const DeviceMatrix student(k.rows, k.cols, k.dtype, k.student, in.student);
  const DeviceMatrix teacher(k.rows, k.cols, k.dtype, k.teacher, in.teacher);
  const DeviceMatrix noise(k.rows, k.cols, LOTUS_FLOAT32, k.noise,
                           k.ready_noise ? in.noise : std::vector<double>(static_cast<size_t>(k.rows * k.cols)));
  const DeviceMatrix separate(k.rows, k.cols, k.dtype, k.out);
  const DeviceMatrix& gradient = k.in_place ? student : separate;
  const DeviceVector<uint8_t> is_forget(in.is_forget);
  const DeviceVector<int64_t> samples(in.samples);
  const DeviceVector<float> loss(static_cast<size_t>(k.rows));
  const DeviceVector<int64_t> nonfinite(std::vector<int64_t>{1000});

  lotus::GumbelArgs a{};
  a.student = student.at(), a.student_stride = student.stride();
  a.teacher = teacher.at(), a.teacher_stride = teacher.stride();
  a.is_forget = is_forget.at();
  a.rows = k.rows, a.cols = k.cols, a.dtype = k.dtype, a.tau = k.tau;
  a.forget_target = k.forget_target, a.retain_target = k.retain_target;
  a.seed = kSeed, a.step = kStep;
  const DeviceVector<lotus_draw> draw(std::vector<lotus_draw>{{kStep, k.tau}});
  if (k.draw) a.draw = draw.at(), a.tau = 1e9f, a.step = 0;
  a.samples = k.samples ? samples.at() : nullptr;
  if (k.ready_noise) a.noise = static_cast<const float*>(noise.at()), a.noise_stride = noise.stride();
  a.loss = k.loss ? loss.at() : nullptr;
  if (k.gradient) a.gradient = gradient.at(), a.gradient_stride = gradient.stride();
  a.gradient_scale = static_cast<float>(k.scale);
  a.nonfinite_rows = nonfinite.at();
  expect_ok(backend().gumbel_cross_entropy(a));

  Output out;
  if (k.loss) out.loss = widen(loss.values());
  if (k.gradient) out.gradient = gradient.values();
  out.nonfinite = nonfinite.values()[0] - 1000;
  expect(gradient.gaps_untouched() && student.gaps_untouched(), "gaps");
  if (!k.in_place) expect(student.values().size() == in.student.size(), "student");
  return out;
}

void compare(const Case& k) {
  context = k.text();
  const Input in = make_input(k);
  const Output expected = reference(k, in), out = run(k, in);
  if (k.loss) expect_close("loss", out.loss, expected.loss, LOTUS_FLOAT32, expected.skip);
  if (k.gradient)
    expect_close("gradient", out.gradient, expected.gradient, k.dtype, expected.skip, 1e-6 * fmin(1, k.scale));
  expect(out.nonfinite == expected.nonfinite,
         "nonfinite_rows " + std::to_string(out.nonfinite) + ", reference " + std::to_string(expected.nonfinite));
}

// Variant v of a shape: every option takes each of its values over eight variants.
Case variant(int64_t rows, int64_t cols, int32_t dtype, int v) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.turn = v;
  k.tau = v % 3 == 0 ? 1.0f : v % 3 == 1 ? 0.5f : 2.3f;
  k.forget_target = v / 2 % 4 == 3;
  k.retain_target = v % 4 == 3;
  k.ready_noise = v % 4 == 1 || v == 7;  // at 7 nothing is drawn, and ready noise must not be added
  k.samples = v % 4 == 2;
  k.draw = v % 3 == 2;
  k.in_place = v / 2 % 2 == 1;
  k.gradient = v != 4;
  k.loss = v != 5;
  k.scale = v % 8 == 6 ? 1.0 / static_cast<double>(rows) : 1;
  const size_t layouts = kLayouts.size(), n = static_cast<size_t>(v);
  k.student = kLayouts[n % layouts];
  k.teacher = kLayouts[v < 6 ? n % layouts : 0];
  k.noise = kLayouts[(n + 1) % layouts];
  k.out = kLayouts[v < 3 ? n % layouts : (n + 2) % layouts];
  return k;
}

// A teacher far beyond fp32's exponent at a small tau, one-hot targets on masked classes, no rows that are finite.
void edges() {
  Case k;
  k.rows = 4, k.cols = 5, k.forget_target = LOTUS_FORGET_SOFTMAX, k.retain_target = LOTUS_RETAIN_ARGMAX;
  Input in;
  in.student = {0, 1, 2, 3, 4, 0, 1, 2, 3, -kInf, -kInf, 0, -kInf, -kInf, -kInf, 1, 1, 1, 1, 1};
  in.teacher = {3e30, 1e30, 0, -3e38, -kInf, 0, 0, 0, 0, 9, 0, 7, 0, 0, 0, 2, 5, 5, 1, 5};
  in.is_forget = {1, 0, 0, 0};
  in.samples = {0, 1, 2, 3};
  for (const float tau : {1.0f, 1e-30f, 1e-42f}) {
    k.tau = tau;
    context = "gumbel edges tau=" + std::to_string(tau);
    const Output expected = reference(k, in), out = run(k, in);
    expect(isinf(expected.loss[1]) && expected.loss[2] == 0, "the reference itself");
    expect_close("loss", out.loss, expected.loss);
    expect_close("gradient", out.gradient, expected.gradient);
    expect(out.nonfinite == 0, "nonfinite");
  }
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

// The same bits from every alignment, from a row alone and, on the emulation, from every grid, schedule and amount of
// shared memory.
void determinism(int64_t rows, int64_t cols, int32_t dtype) {
  Case k;
  k.rows = rows, k.cols = cols, k.dtype = dtype, k.samples = true, k.tau = 0.9f;
  context = "bits of " + k.text();
  const Input in = make_input(k);
  const Output first = run(k, in);
  const auto again = [&](const char* what) {
    const Output out = run(k, in);
    expect(same(out.loss, first.loss) && same(out.gradient, first.gradient), what);
  };
  k.student = {3, 1}, k.out = {1, 0};
  again("another layout");
  k.student = k.out = {};
  k.in_place = true;
  again("in place");
  k.in_place = false;
  k.draw = true;
  again("tau and step from memory");
  k.draw = false;
  Case one = k;
  one.rows = 1;
  for (int64_t b = 0; b < (rows < 9 ? rows : 9); ++b) {
    Input row = in;
    const auto cut = [&](std::vector<double>& x) {
      x = std::vector<double>(x.begin() + b * cols, x.begin() + (b + 1) * cols);
    };
    cut(row.student), cut(row.teacher);
    row.is_forget = {in.is_forget[static_cast<size_t>(b)]};
    row.samples = {in.samples[static_cast<size_t>(b)]};
    const Output out = run(one, row);
    expect(memcmp(&out.loss[0], &first.loss[static_cast<size_t>(b)], sizeof(double)) == 0, "a row alone");
    const size_t bytes = static_cast<size_t>(cols) * sizeof(double);
    expect(memcmp(out.gradient.data(), first.gradient.data() + b * cols, bytes) == 0, "a row alone");
  }
#ifdef LOTUS_CUDA_EMULATION
  for_each_machine([&](const char* machine) { again(machine); });
#endif
}

}  // namespace

const Suite suite("gumbel_cross_entropy", [] {
  edges();
  for (size_t i = 0; i < kLongCols.size(); ++i)
    for (int v = 0; v < (quick ? 1 : 3); ++v)
      compare(variant(2, kLongCols[i], kDtypes[static_cast<size_t>(v)], (3 * static_cast<int>(i) + 2 * v + 1) % 8));
  for (const int32_t dtype : kDtypes) {
    for (size_t i = 0; i < kCols.size(); ++i) {
      for (const int64_t rows : kRows) {
        if (kCols[i] > 1001 && rows > 7) continue;
        // All eight variants; of the largest batch three, others from C to C.
        for (int n = 0; n < variants(rows, 8, 3); ++n)
          compare(variant(rows, kCols[i], dtype, (3 * n + static_cast<int>(i)) % 8));
      }
    }
    for (const int64_t cols : {3, 10, 100, 200, 500, 1000, 1001, 4100, 20000})
      determinism(cols > 5000 ? 2 : cols > 1000 ? 5 : 37, cols, dtype);
  }
});

}  // namespace native_test
