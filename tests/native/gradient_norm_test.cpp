// Contract of gradient_norm: the value, its range, NaN, and the same bits however the work is shared.
#include "tensor_cases.h"

namespace native_test {
namespace {

double run(const std::vector<int64_t>& counts, Placement placement, int32_t dtype, const std::vector<double>& values) {
  const Places places(counts, placement);
  const GradientField gradient(places, values, dtype);
  const DeviceVector<double> norm(std::vector<double>{-1}), workspace(LOTUS_NORM_WORKSPACE);
  std::vector<lotus_tensor> list;
  for (int64_t i = 0; i < places.tensors(); ++i)
    list.push_back({nullptr, gradient.at(i), nullptr, nullptr, nullptr, nullptr, places.count(i)});
  expect_ok(backend().gradient_norm(
      {{list.data(), places.tensors(), dtype, kDevice, nullptr}, norm.at(), workspace.at()}));
  return norm.values()[0];
}

void compare(const std::vector<int64_t>& counts, int32_t dtype, double spread) {
  const int64_t n = Places(counts, {0, 1}).total();
  const std::vector<double> g = normals(n, spread, 9, dtype);
  double squares = 0;
  for (const double x : g) squares += x * x;
  context = std::string("gradient_norm ") + name_of(dtype) + " of " + std::to_string(n);
  const double once = run(counts, kPlacements[0], dtype, g);
  expect(fabs(once - sqrt(squares)) <= 1e-12 * sqrt(squares),
         std::to_string(once) + ", reference " + std::to_string(sqrt(squares)));
  for (const Placement& placement : kPlacements)
    expect(run(counts, placement, dtype, g) == once, "another placement");
  for_each_way([&](const char* what) { expect(run(counts, kPlacements[0], dtype, g) == once, what); });
  std::vector<double> bad = g;
  if (bad.empty()) return;
  bad[bad.size() / 2] = kNaN;
  expect(isnan(run(counts, kPlacements[0], dtype, bad)), "a NaN makes the norm NaN");
  bad[bad.size() / 2] = -kInf;
  expect(run(counts, kPlacements[0], dtype, bad) == kInf, "an infinity makes the norm infinite");
}

}  // namespace

const Suite suite("gradient_norm", [] {
  for (const int32_t dtype : kDtypes) {
    compare(odd_counts(), dtype, 0.1);
    compare({}, dtype, 1);
    compare({0, 0}, dtype, 1);
    compare({1}, dtype, 1);
    compare({40000, 3, 20001}, dtype, 1e-2);
  }
  compare(odd_counts(), LOTUS_FLOAT32, 1e-30);  // squares below and above what fp32 holds
  compare(odd_counts(), LOTUS_FLOAT32, 1e30);
  const SmallGrid grid;
  context = "gradient_norm of many tensors";
  const int64_t elements = Places(many_counts(), {1, 1}).total();
  expect(run(many_counts(), {1, 1}, LOTUS_FLOAT32, std::vector<double>(static_cast<size_t>(elements), 2)) ==
             sqrt(4.0 * static_cast<double>(elements)),
         "the sum of squares is exact here");
  // More pieces than places in the workspace: a place takes several, and goes on from one launch to the next.
#ifdef LOTUS_CUDA_EMULATION
  const std::vector<int64_t> counts(4200, 1);
#else
  const std::vector<int64_t> counts = {8'500'001};
#endif
  context = "gradient_norm with more pieces than workspace";
  const int64_t n = Places(counts, {0, 1}).total();
  expect(run(counts, {0, 1}, LOTUS_BFLOAT16, std::vector<double>(static_cast<size_t>(n), 0.5)) ==
             sqrt(0.25 * static_cast<double>(n)),
         "the sum of squares is exact here");
});

}  // namespace native_test
