// top_k_mask on the CPU: an exact selection by the bits of |x|, which order non-negative floats as integers.
//
// Three passes count the leading 11, the next 10 and the last 10 bits of the keys that agree with the threshold so far;
// then the k-th largest key is known, and how many of its equals still belong to the mask. The last pass writes; equals
// are taken by position, which needs each thread to know how many lie before its part. Integers only: no order of the
// threads can show.
#include "cpu/kernels.h"
#include "cpu/tensors.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr int kBins = 2048;
constexpr int kMostThreads = LOTUS_TOP_K_WORKSPACE - kBins;

struct Threshold {
  int32_t key;    // of the k-th largest
  int64_t equal;  // how many elements of that key are in the mask
};

inline I keys(F x) {
  const I bits = as_int(x) & 0x7fffffff;
  return bits > 0x7f800000 ? I{} : bits;  // NaN counts as 0
}

// Adds one pass's counts for a piece: of the keys whose bits above shift + bits are `prefix`.
void count_digits(const float* x, int64_t count, int32_t prefix, int shift, int bits, int64_t* bins) {
  for_vectors(count, [&](int64_t i, auto n) {
    const I key = keys(load(x + i, n, 0.0f));
    const I match = (key >> (shift + bits)) == prefix;
    const I digit = (key >> shift) & ((1 << bits) - 1);
    for (int lane = 0; lane < lanes_of(n); ++lane)
      if (match[lane] != 0) ++bins[digit[lane]];
  });
}

int64_t count_equal(const float* x, int64_t count, int32_t key) {
  int64_t equal = 0;
  for_vectors(count, [&](int64_t i, auto n) {
    const I same = keys(load(x + i, n, 0.0f)) == key;
    for (int lane = 0; lane < lanes_of(n); ++lane) equal -= same[lane];
  });
  return equal;
}

Threshold find_threshold(const TopKArgs& a) {
  Threshold found{0, a.k};
  int64_t* bins = a.workspace;
  const struct {
    int shift, bits;
  } passes[] = {{20, 11}, {10, 10}, {0, 10}};
  for (const auto& pass : passes) {
    __builtin_memset(bins, 0, sizeof(int64_t) * kBins);
    for_shares(a.list, kMostThreads, [&](const Share& share) {
      int64_t own[kBins] = {};
      share.walk([&](const lotus_tensor& t, int64_t first, int64_t n) {
        count_digits(t.first + first, n, found.key, pass.shift, pass.bits, own);
      });
      for (int d = 0; d < 1 << pass.bits; ++d)
        if (own[d] != 0) __atomic_fetch_add(&bins[d], own[d], __ATOMIC_RELAXED);
    });
    int digit = (1 << pass.bits) - 1;
    for (; digit > 0 && bins[digit] < found.equal; --digit) found.equal -= bins[digit];
    found.key = found.key << pass.bits | digit;
  }
  return found;
}

}  // namespace

int32_t top_k_mask(const TopKArgs& a) {
  const Threshold threshold = find_threshold(a);
  int64_t* before = a.workspace;  // equals in each thread's share
  for_shares(a.list, kMostThreads, [&](const Share& share) {
    int64_t equal = 0;
    share.walk([&](const lotus_tensor& t, int64_t first, int64_t n) {
      equal += count_equal(t.first + first, n, threshold.key);
    });
    before[share.index] = equal;
#pragma omp barrier  // without it a thread would add counts of shares that are not yet counted
    int64_t left = threshold.equal;
    for (int64_t i = 0; i < share.index; ++i) left -= before[i];
    share.walk([&](const lotus_tensor& t, int64_t first, int64_t count) {
      const float* x = t.first + first;
      uint8_t* mask = t.mask + first;
      for_vectors(count, [&](int64_t i, auto n) {
        const I key = keys(load(x + i, n, 0.0f)), above = key > threshold.key, same = key == threshold.key;
        for (int lane = 0; lane < lanes_of(n); ++lane) {
          const bool taken = same[lane] != 0 && left > 0;
          left -= taken;
          mask[i + lane] = above[lane] != 0 || taken;
        }
      });
    });
  });
  return LOTUS_OK;
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
