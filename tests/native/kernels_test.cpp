// The CPU kernels against the definitions in double, through lotus.h, on every odd shape, with guarded memory: each
// buffer is exactly as long as the contract says, so that AddressSanitizer sees any element too many. CTest runs it once a
// CPU level; `cmake --preset sanitize` runs it under AddressSanitizer and UndefinedBehaviorSanitizer.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "lotus.h"
#include "math/philox.h"

namespace {

int failures = 0;

void fail(const std::string& what) {
  if (++failures <= 20) fprintf(stderr, "FAILED: %s\n", what.c_str());
}

// A macro, so that the text is built only where it is needed.
#define check(condition, what)     \
  do {                             \
    if (!(condition)) fail(what);  \
  } while (0)

bool close(double x, double reference, double largest) {
  if (!isfinite(reference)) return isnan(reference) ? isnan(x) : x == reference;
  return fabs(x - reference) <= 1e-6 + 1e-5 * largest;
}

struct Shape {
  int64_t rows, cols, stride;
  std::string text() const {
    return std::to_string(rows) + "x" + std::to_string(cols) + " stride " + std::to_string(stride);
  }
};

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (int64_t c : {1, 2, 3, 7, 8, 10, 20, 31, 32, 33, 100, 101, 200, 1000, 1001, 21841})
    for (int64_t b : {1, 7, 128, 513})
      if (c <= 200 || b <= 7) all.push_back({b, c, c + (b == 7 ? 3 : 0)});
  return all;
}

// A matrix whose last row ends at the end of its memory.
std::vector<float> logits(const Shape& s, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> x(static_cast<size_t>((s.rows - 1) * s.stride + s.cols), NAN);  // gaps hold NaN: never read
  for (int64_t b = 0; b < s.rows; ++b)
    for (int64_t c = 0; c < s.cols; ++c) {
      float v = normal(random);
      if (b % 5 == 1 && c % 3 == 1) v = -INFINITY;
      if (b % 5 == 2) v = c % 2 ? 80.0f : -80.0f;
      if (b % 5 == 3) v = 1.5f;
      x[b * s.stride + c] = v;
    }
  return x;
}

std::vector<double> softmax(const double* z, int64_t n) {
  const double top = *std::max_element(z, z + n);
  std::vector<double> p(z, z + n);
  double sum = 0;
  for (double& v : p) sum += v = exp(v - top);
  for (double& v : p) v /= sum;
  return p;
}

std::vector<double> row(const std::vector<float>& x, const Shape& s, int64_t b) {
  return {x.begin() + b * s.stride, x.begin() + b * s.stride + s.cols};
}

double gumbel(uint64_t seed, uint32_t step, uint32_t stream, int64_t sample, int64_t c) {
  const uint32_t word = lotus::philox(seed, step, stream, sample, static_cast<uint32_t>(c / 4)).v[c % 4];
  return -log(-log(((word >> 8) + 0.5) * 0x1p-24));
}

void test_gumbel_cross_entropy(const Shape& s, int32_t forget_target, int32_t retain_target, bool in_place, bool ready) {
  const uint64_t seed = 0x123456789abcdefull;
  const uint32_t step = 5;
  const float tau = 1.7f;
  std::vector<float> student = logits(s, 1), teacher = logits(s, 2);
  std::vector<uint8_t> forget(s.rows);
  std::vector<int64_t> samples(s.rows);
  std::vector<float> noise(static_cast<size_t>(s.rows * s.cols));
  for (int64_t b = 0; b < s.rows; ++b) {
    forget[b] = b % 2;
    samples[b] = 1000000007LL * b;
    for (int64_t c = 0; c < s.cols; ++c)
      noise[b * s.cols + c] = static_cast<float>(gumbel(seed, step, b % 2 ? 0 : 1, samples[b], c));
  }
  std::vector<float> loss(s.rows), gradient(student.size(), 9.0f);
  const std::vector<float> before = student;
  float* out = in_place ? student.data() : gradient.data();
  int64_t nonfinite = 0;
  const int32_t status = lotus_gumbel_cross_entropy(
      student.data(), s.stride, teacher.data(), s.stride, forget.data(), s.rows, s.cols, LOTUS_FLOAT32, tau,
      forget_target, retain_target, seed, step, samples.data(), ready ? noise.data() : nullptr, s.cols, loss.data(),
      out, s.stride, 1.0f, &nonfinite, LOTUS_CPU, nullptr);
  const std::string what = "gumbel_cross_entropy " + s.text();
  check(status == LOTUS_OK && nonfinite == 0, what + ": " + lotus_last_error());
  for (int64_t b = 0; b < s.rows; ++b) {
    const bool draws = forget[b] ? forget_target == LOTUS_FORGET_GUMBEL_SOFTMAX : retain_target == LOTUS_RETAIN_GUMBEL_HARD;
    std::vector<double> z = row(teacher, s, b);
    for (int64_t c = 0; c < s.cols; ++c)
      z[c] = (z[c] + (draws ? gumbel(seed, step, forget[b] ? 0 : 1, samples[b], c) : 0.0)) / (forget[b] ? tau : 1.0);
    std::vector<double> target;
    if (forget[b]) {
      target = softmax(z.data(), s.cols);
    } else {
      target.assign(s.cols, 0.0);
      const auto best = std::max_element(z.begin(), z.end());
      std::vector<double> sorted = z;
      std::sort(sorted.rbegin(), sorted.rend());
      if (draws && s.cols > 1 && sorted[0] - sorted[1] < 4e-5) continue;  // rounding may decide
      target[best - z.begin()] = 1.0;
    }
    const std::vector<double> x = row(before, s, b);
    const std::vector<double> p = softmax(x.data(), s.cols);
    const double top = *std::max_element(x.begin(), x.end());
    double expected = 0, sum = 0;
    for (int64_t c = 0; c < s.cols; ++c) {
      if (target[c] > 0) expected -= target[c] * (x[c] - top);
      sum += exp(x[c] - top);
    }
    expected += log(sum);
    check(close(loss[b], expected, fabs(expected)), what + ": loss of row " + std::to_string(b));
    for (int64_t c = 0; c < s.cols; ++c)
      check(close(out[b * s.stride + c], p[c] - target[c], 1.0),
            what + ": gradient " + std::to_string(b) + "," + std::to_string(c));
    if (!in_place)
      for (int64_t c = s.cols; c < s.stride && b + 1 < s.rows; ++c)
        check(gradient[b * s.stride + c] == 9.0f, what + ": memory between the rows");
  }
}

void test_evaluate_logits(const Shape& s) {
  const std::vector<float> x = logits(s, 3);
  std::vector<int64_t> labels(s.rows);
  for (int64_t b = 0; b < s.rows; ++b) labels[b] = (7 * b + 3) % s.cols;
  std::vector<float> loss(s.rows), entropy(s.rows);
  std::vector<double> sums(static_cast<size_t>(s.cols * s.cols <= 40000 ? s.cols * s.cols : 0));
  std::vector<int64_t> counts(s.cols);
  const bool with_sums = !sums.empty();
  int64_t correct = 0, expected_correct = 0;
  check(lotus_evaluate_logits(x.data(), s.stride, labels.data(), s.rows, s.cols, LOTUS_FLOAT32, &correct, loss.data(),
                              entropy.data(), with_sums ? sums.data() : nullptr, s.cols,
                              with_sums ? counts.data() : nullptr, nullptr, s.cols, nullptr, LOTUS_CPU,
                              nullptr) == LOTUS_OK,
        "evaluate_logits " + s.text() + ": " + lotus_last_error());
  double total = 0;
  for (int64_t b = 0; b < s.rows; ++b) {
    const std::vector<double> z = row(x, s, b);
    const std::vector<double> p = softmax(z.data(), s.cols);
    double h = 0;
    for (double v : p) h -= v > 0 ? v * log(v) : 0.0;
    expected_correct += std::max_element(z.begin(), z.end()) - z.begin() == labels[b];
    check(close(entropy[b], h, fabs(h)), "evaluate_logits " + s.text() + ": entropy of row " + std::to_string(b));
    if (p[labels[b]] > 1e-300)
      check(close(loss[b], -log(p[labels[b]]), -log(p[labels[b]])),
            "evaluate_logits " + s.text() + ": loss of row " + std::to_string(b));
  }
  for (double v : sums) total += v;
  check(correct == expected_correct, "evaluate_logits " + s.text() + ": correct count");
  if (with_sums) check(fabs(total - s.rows) < 1e-4 * s.rows, "evaluate_logits " + s.text() + ": class sums");
}

void test_js_divergence(const Shape& s, int32_t form) {
  const std::vector<float> x = logits(s, 4), y = logits(s, 5);
  std::vector<double> rows(s.rows), workspace(2 * s.rows + 2);
  double total = 0;
  check(lotus_js_divergence(x.data(), s.stride, y.data(), s.stride, s.rows, s.cols, LOTUS_FLOAT32, LOTUS_LOGITS, form,
                            rows.data(), &total, workspace.data(), nullptr, LOTUS_CPU, nullptr) == LOTUS_OK,
        "js_divergence " + s.text() + ": " + lotus_last_error());
  const auto clamped = [](double p) { return p < 1e-8f ? static_cast<double>(1e-8f) : std::min(p, 1.0); };
  double p_sum = 1, q_sum = 1;
  if (form == LOTUS_JSD_UPSTREAM) {
    p_sum = q_sum = 0;
    for (int64_t b = 0; b < s.rows; ++b) {
      for (double p : softmax(row(x, s, b).data(), s.cols)) p_sum += clamped(p);
      for (double q : softmax(row(y, s, b).data(), s.cols)) q_sum += clamped(q);
    }
  }
  for (int64_t b = 0; b < s.rows; ++b) {
    const std::vector<double> p = softmax(row(x, s, b).data(), s.cols), q = softmax(row(y, s, b).data(), s.cols);
    double expected = 0;
    for (int64_t c = 0; c < s.cols; ++c) {
      if (form == LOTUS_JSD_TEXTBOOK) {
        const double m = (p[c] + q[c]) / 2;
        expected += (p[c] > 0 ? 0.5 * p[c] * log(p[c] / m) : 0) + (q[c] > 0 ? 0.5 * q[c] * log(q[c] / m) : 0);
      } else {
        const double u = clamped(p[c]) / p_sum, v = clamped(q[c]) / q_sum;
        expected += (u + v) / 2 * log((u + v) / 2 / sqrt(u * v));
      }
    }
    check(close(rows[b], expected, fabs(expected)), "js_divergence form " + std::to_string(form) + " " + s.text());
  }
}

}  // namespace

int main() {
  const char* wanted = getenv("LOTUS_CPU_LEVEL");
  printf("level %s\n", lotus_cpu_level());
  if (wanted != nullptr && strcmp(wanted, lotus_cpu_level()) != 0)
    printf("this processor lacks %s: tested the level below\n", wanted);
  for (const Shape& s : shapes()) {
    test_gumbel_cross_entropy(s, LOTUS_FORGET_GUMBEL_SOFTMAX, LOTUS_RETAIN_GUMBEL_HARD, false, false);
    test_gumbel_cross_entropy(s, LOTUS_FORGET_SOFTMAX, LOTUS_RETAIN_GUMBEL_HARD, true, true);
    test_gumbel_cross_entropy(s, LOTUS_FORGET_GUMBEL_SOFTMAX, LOTUS_RETAIN_ARGMAX, true, false);
    test_evaluate_logits(s);
    for (int32_t form : {LOTUS_JSD_TEXTBOOK, LOTUS_JSD_UPSTREAM, LOTUS_JSD_BAD_TEACHING}) test_js_divergence(s, form);
  }
  printf("kernels_test: %zu shapes, %d failures\n", shapes().size(), failures);
  return failures == 0 ? 0 : 1;
}
