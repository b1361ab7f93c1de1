// rf_jsd on the CPU, in fp64: what is left of the logits is small, and exact zeros are wanted of equal means.
//
// A row's divergence is 0.5 sum_c [a log(a/m) + b log(b/m)], m = (a + b) / 2, of its two sides divided by their sums
// over the columns in question; dividing by the count first would change nothing. Threads share the classes, then the
// subsets; within either everything is added in one order.
#include <math.h>

#include "cpu/kernels.h"
#include "cpu/noise.h"
#include "cpu/scratch.h"
#include "internal.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

typedef double V __attribute__((vector_size(LOTUS_SIMD_BYTES)));
typedef uint64_t VBits __attribute__((vector_size(LOTUS_SIMD_BYTES)));
constexpr int64_t kLanes = LOTUS_SIMD_BYTES / 8;

inline V splat64(double x) { return x - V{}; }

// Values of a row from c on; lanes beyond n read as `fill`.
inline V load64(const double* x, int64_t c, int64_t n, double fill) {
  V v = splat64(fill);
  if (c + kLanes <= n)
    __builtin_memcpy(&v, x + c, sizeof v);
  else
    for (int64_t i = 0; c + i < n; ++i) v[i] = x[c + i];
  return v;
}

inline double sum64(V x) {
  double total = 0;
  for (int64_t i = 0; i < kLanes; ++i) total += x[i];
  return total;
}

// log x, x positive and normal (some finite number of any other x): fdlibm's, below 1 ulp, and exactly 0 at 1.
inline V log64(V x) {
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcdull, kBias = uint64_t{1023} << 52;
  const VBits shifted = (VBits)x - kSqrtHalf + kBias;
  // The exponent as a double: under the leading one of 2^52, where integers are the low bits.
  const V e = (V)(shifted >> 52 | 0x4330000000000000ull) - (0x1p52 + 1023.0);
  const V f = (V)((shifted & 0xfffffffffffffull) + kSqrtHalf) - 1.0;
  const V s = f / (2.0 + f), z = s * s, w = z * z, half = 0.5 * f * f;
  const V even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const V odd = z * (6.666666666666735130e-01 +
                     w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  return e * 6.93147180369123816490e-01 - ((half - (s * (half + even + odd) + e * 1.90821492927058770002e-10)) - f);
}

// The sum of n entries; NaN where one is negative or NaN.
inline double mass(const double* x, int64_t n) {
  V total{};
  for (int64_t c = 0; c < n; c += kLanes) {
    const V v = load64(x, c, n, 0.0);
    total += v >= 0.0 ? v : splat64(NAN);
  }
  return sum64(total);
}

double divergence(const double* p, const double* q, int64_t n) {
  const double p_mass = mass(p, n), q_mass = mass(q, n);
  if (!(p_mass < HUGE_VAL && q_mass < HUGE_VAL)) return NAN;
  if (p_mass == 0 || q_mass == 0) return p_mass == q_mass ? 0.0 : M_LN2;
  V total{};
  for (int64_t c = 0; c < n; c += kLanes) {
    const V a = load64(p, c, n, 0.0) / p_mass, b = load64(q, c, n, 0.0) / q_mass;
    const V m = 0.5 * (a + b), inverse = 1.0 / (m > 0.0 ? m : splat64(1.0));
    total += a * log64(a * inverse) + b * log64(b * inverse);
  }
  const double sum = 0.5 * sum64(total);
  return sum < 0 ? 0.0 : sum;  // rounding may leave -1e-17
}

inline V clamped(const double* sums, double count, int64_t c, int64_t n) {
  V p = load64(sums, c, n, 0.0) / count;
  p = p < 1e-8 ? splat64(1e-8) : p;
  return p > 1.0 ? splat64(1.0) : p;
}

inline double clamped_mass(const double* sums, double count, int64_t n) {
  V total{};
  for (int64_t c = 0; c < n; c += kLanes) {
    V p = clamped(sums, count, c, n);
    for (int64_t i = n - c; i < kLanes; ++i) p[i] = 0;
    total += p;
  }
  return sum64(total);
}

// sum_c m log(m / sqrt(P Q)) of class k.
double upstream_row(const RfJsdArgs& a, int64_t k, double p_whole, double q_whole) {
  const double p_count = static_cast<double>(a.p_counts[k]), q_count = static_cast<double>(a.q_counts[k]);
  V total{};
  for (int64_t c = 0; c < a.cols; c += kLanes) {
    const V p = clamped(a.p_sums + k * a.p_stride, p_count, c, a.cols) / p_whole;
    const V q = clamped(a.q_sums + k * a.q_stride, q_count, c, a.cols) / q_whole;
    const V m = 0.5 * (p + q);
    V term = -0.5 * m * log64((p / m) * (q / m));
    for (int64_t i = a.cols - c; i < kLanes; ++i) term[i] = 0;
    total += term;
  }
  return sum64(total);
}

inline bool used(const RfJsdArgs& a, int64_t k) { return a.p_counts[k] > 0 && a.q_counts[k] > 0; }

// The `wanted` columns with the smallest words, rising: radix select, eight bits a turn, then one walk.
void select(const uint32_t* words, int64_t cols, int64_t wanted, int32_t* columns) {
  uint32_t prefix = 0, known = 0;
  int64_t rank = wanted;  // among the words that share the prefix
  for (int shift = 24; shift >= 0; shift -= 8) {
    int64_t count[256] = {};
    for (int64_t c = 0; c < cols; ++c)
      if ((words[c] & known) == prefix) ++count[words[c] >> shift & 255];
    uint32_t digit = 0;
    for (; rank > count[digit]; ++digit) rank -= count[digit];
    prefix |= digit << shift;
    known |= 255u << shift;
  }
  for (int64_t c = 0; c < cols; ++c) {
    // Of equal words the lower columns, as many as the rank still asks for.
    const bool taken = words[c] < prefix || (words[c] == prefix && rank-- > 0);
    if (taken) *columns++ = static_cast<int32_t>(c);
  }
}

// scratch: the two sides' chosen columns, then the words, then the columns' numbers.
double on_subset(const RfJsdArgs& a, int64_t subset, int64_t classes_used, double* scratch) {
  const int64_t wanted = (a.cols + 1) / 2;
  double* p = scratch;
  double* q = p + wanted;
  uint32_t* words = reinterpret_cast<uint32_t*>(q + wanted);
  int32_t* columns = reinterpret_cast<int32_t*>(words + a.cols + kNoiseStep);
  const NoiseKey key{a.seed, 0, LOTUS_STREAM_SUBSETS, subset};
  for (int64_t c = 0; c < a.cols; c += kNoiseStep) {
    const Words step = philox_words(key, static_cast<uint32_t>(c / 4));
    __builtin_memcpy(words + c, &step, sizeof step);
  }
  select(words, a.cols, wanted, columns);
  double total = 0;
  for (int64_t k = 0; k < a.classes; ++k) {
    if (!used(a, k)) continue;
    for (int64_t i = 0; i < wanted; ++i) {
      p[i] = a.p_sums[k * a.p_stride + columns[i]];
      q[i] = a.q_sums[k * a.q_stride + columns[i]];
    }
    total += divergence(p, q, wanted);
  }
  return total / static_cast<double>(classes_used);
}

}  // namespace

int32_t rf_jsd(const RfJsdArgs& a) {
  int64_t classes_used = 0;
  for (int64_t k = 0; k < a.classes; ++k) classes_used += used(a, k);
  const double divisor = static_cast<double>(classes_used);

  double* rows = a.workspace;
  double* p_masses = rows + a.classes;
  double* q_masses = p_masses + a.classes;
  double* upstream = q_masses + a.classes;
  const int threads = threads_for(a.classes * a.cols);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (int64_t k = 0; k < a.classes; ++k) {
    const double* p = a.p_sums + k * a.p_stride;
    const double* q = a.q_sums + k * a.q_stride;
    const bool in = used(a, k);
    rows[k] = in ? divergence(p, q, a.cols) : 0.0;
    p_masses[k] = in ? clamped_mass(p, static_cast<double>(a.p_counts[k]), a.cols) : 0.0;
    q_masses[k] = in ? clamped_mass(q, static_cast<double>(a.q_counts[k]), a.cols) : 0.0;
  }
  double textbook = 0, p_whole = 0, q_whole = 0, upstream_total = 0;
  for (int64_t k = 0; k < a.classes; ++k) {
    textbook += rows[k];
    p_whole += p_masses[k];
    q_whole += q_masses[k];
  }
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (int64_t k = 0; k < a.classes; ++k) upstream[k] = used(a, k) ? upstream_row(a, k, p_whole, q_whole) : 0.0;
  for (int64_t k = 0; k < a.classes; ++k) upstream_total += upstream[k];
  // log64 makes a number of anything: sums that are not finite are told here. No class in common: 0 / 0.
  a.out[0] = textbook / divisor;
  a.out[1] = p_whole < HUGE_VAL && q_whole < HUGE_VAL ? upstream_total / divisor : static_cast<double>(NAN);
  a.out[2] = divisor;

  const int64_t wanted = (a.cols + 1) / 2;
  const int subset_threads = threads_for(a.subsets * classes_used * a.cols);
  int32_t out_of_memory = 0;
#pragma omp parallel num_threads(subset_threads) if (subset_threads > 1) reduction(| : out_of_memory)
  {
    float* scratch = thread_scratch().floats(4 * wanted + 2 * a.cols + kNoiseStep);
    out_of_memory |= scratch == nullptr;
#pragma omp for schedule(static)
    for (int32_t r = 0; r < a.subsets; ++r)
      if (scratch != nullptr) a.subset_out[r] = on_subset(a, r, classes_used, reinterpret_cast<double*>(scratch));
  }
  if (out_of_memory != 0)
    return set_error(LOTUS_OUT_OF_MEMORY, "rf_jsd: no memory for the scratch of %lld columns",
                     static_cast<long long>(a.cols));
  return LOTUS_OK;
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
