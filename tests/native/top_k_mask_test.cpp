// Contract of top_k_mask: exactly k, the largest magnitudes, the earlier among equals.
#include <algorithm>
#include <numeric>

#include "tensor_cases.h"

namespace native_test {
namespace {

std::vector<uint8_t> run(const std::vector<int64_t>& counts, Placement placement, const std::vector<double>& scores,
                         int64_t k) {
  const Places places(counts, placement);
  const Field<float> first(places, GradientField::as_floats(scores));
  const Field<uint8_t> mask(places, std::vector<uint8_t>(static_cast<size_t>(places.total()), 7));
  const DeviceVector<int64_t> workspace(LOTUS_TOP_K_WORKSPACE);
  std::vector<lotus_tensor> list;
  for (int64_t i = 0; i < places.tensors(); ++i)
    list.push_back({nullptr, nullptr, first.at(i), nullptr, mask.at(i), nullptr, places.count(i)});
  expect_ok(backend().top_k_mask(
      {{list.data(), places.tensors(), LOTUS_FLOAT32, kDevice, nullptr}, k, workspace.at()}));
  return mask.values();
}

enum class Scores { kNormal, kFew, kEqual, kBad, kTiny };

std::vector<double> make_scores(Scores kind, int64_t n) {
  std::vector<double> x = normals(n, 1, 8);
  for (size_t i = 0; i < x.size(); ++i) {
    if (kind == Scores::kFew) x[i] = static_cast<double>(static_cast<int64_t>(2 * x[i]));  // many equals
    if (kind == Scores::kEqual) x[i] = -3;
    if (kind == Scores::kBad && i % 5 == 0) x[i] = i % 2 == 0 ? kNaN : i % 3 == 0 ? -kInf : 0;
    if (kind == Scores::kTiny) x[i] = static_cast<float>(x[i] * 1e-43);  // subnormal, and zero
  }
  return x;
}

// k of all sizes, or, for long lists, a third alone.
void compare(const std::vector<int64_t>& counts, Placement placement, Scores kind, bool every_k, bool every_way) {
  const int64_t n = Places(counts, placement).total();
  const std::vector<double> scores = make_scores(kind, n);
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const auto magnitude = [&](int64_t i) {
    const double x = fabs(scores[static_cast<size_t>(i)]);
    return isnan(x) ? 0.0 : x;
  };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return magnitude(a) > magnitude(b); });
  for (const int64_t k : every_k ? std::vector<int64_t>{0, 1, n / 10, n / 2, n - 1, n} : std::vector<int64_t>{n / 3}) {
    context = "top_k_mask kind=" + std::to_string(static_cast<int>(kind)) + " n=" + std::to_string(n) +
              " k=" + std::to_string(k) + " gap=" + std::to_string(placement.gap);
    std::vector<uint8_t> expected(static_cast<size_t>(n));
    for (int64_t i = 0; i < k; ++i) expected[static_cast<size_t>(order[static_cast<size_t>(i)])] = 1;
    expect(run(counts, placement, scores, k) == expected, "another mask than the reference's");
    if (every_way && k == n / 2)
      for_each_way([&](const char* what) { expect(run(counts, placement, scores, k) == expected, what); });
  }
}

}  // namespace

const Suite suite("top_k_mask", [] {
  for (const Scores kind : {Scores::kNormal, Scores::kFew, Scores::kEqual, Scores::kBad, Scores::kTiny}) {
    const Placement& placement = kPlacements[static_cast<size_t>(kind) % kPlacements.size()];
    compare(odd_counts(), placement, kind, kind == Scores::kBad, kind == Scores::kFew);
    compare({13011, 0, 9000}, placement, kind, kind == Scores::kFew, kind == Scores::kFew);
    compare({1}, placement, kind, true, false);
  }
  const SmallGrid grid;
  compare(many_counts(), kPlacements[2], Scores::kFew, false, false);
  // More chunks than slots: a slot takes several, and goes on from one launch to the next.
  compare(std::vector<int64_t>(4200, 1), kPlacements[2], Scores::kFew, false, false);
});

}  // namespace native_test
