// Contract of square_accumulate and abs_accumulate.
#include "tensor_cases.h"

namespace native_test {
namespace {

using lotus::Accumulation;

std::vector<float> run(const std::vector<int64_t>& counts, Placement placement, int32_t dtype, Accumulation kind,
                       const std::vector<double>& gradients, const std::vector<double>& before, float scale) {
  const Places places(counts, placement);
  const GradientField gradient(places, gradients, dtype);
  const Field<float> first(places, GradientField::as_floats(before));
  std::vector<lotus_tensor> list;
  for (int64_t i = 0; i < places.tensors(); ++i)
    list.push_back({nullptr, gradient.at(i), first.at(i), nullptr, nullptr, nullptr, places.count(i)});
  lotus::AccumulateArgs a{};
  a.list = {list.data(), places.tensors(), dtype, kDevice, nullptr};
  a.kind = kind, a.scale = scale;
  expect_ok(backend().accumulate(a));
  return first.values();
}

}  // namespace

const Suite suite("accumulate", [] {
  for (const int32_t dtype : kDtypes) {
    for (const Placement& placement : kPlacements) {
      for (const Accumulation kind : {Accumulation::kSquare, Accumulation::kAbsolute, Accumulation::kSigned}) {
        for (const std::vector<int64_t>& counts : {odd_counts(), many_counts(), std::vector<int64_t>{20000, 0, 7}}) {
          if (counts.size() > 100 && (placement.gap != 0 || dtype != LOTUS_FLOAT32)) continue;
          context = std::string("accumulate ") + name_of(dtype) + " kind=" + std::to_string(static_cast<int>(kind)) +
                    " gap=" + std::to_string(placement.gap) + " tensors=" + std::to_string(counts.size());
          const int64_t n = Places(counts, placement).total();
          std::vector<double> g = normals(n, 2, 1, dtype), before = normals(n, 1, 2), expected;
          for (size_t i = 4; i < g.size(); i += 29) g[i] = i % 2 == 0 ? kNaN : -kInf;
          for (size_t i = 0; i < g.size(); ++i)
            expected.push_back(before[i] + 0.25 * (kind == Accumulation::kSquare     ? g[i] * g[i]
                                                   : kind == Accumulation::kAbsolute ? fabs(g[i])
                                                                                     : g[i]));
          const std::vector<float> once = run(counts, placement, dtype, kind, g, before, 0.25f);
          expect_close("first", widen(once), expected);
          if (placement.gap == 1 && counts.size() == 3)
            for_each_way([&](const char* what) {
              expect(same_bits(run(counts, placement, dtype, kind, g, before, 0.25f), once), what);
            });
        }
      }
    }
  }
});

}  // namespace native_test
