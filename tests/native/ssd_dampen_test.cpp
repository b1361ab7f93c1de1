// Contract of ssd_dampen: strictly greater, the bound, the exponents, the count.
#include "tensor_cases.h"

namespace native_test {
namespace {

struct Case {
  std::vector<int64_t> counts = odd_counts();
  Placement placement = kPlacements[0];
  float selection = 2, dampening = 1, exponent = 1, bound = 1;
  bool shadow = false, counted = true;
};

struct Output {
  std::vector<float> weight;
  int64_t dampened;
};

struct Input {
  std::vector<double> weight, retain, forget;
};

Input make_input(const Case& k, int64_t n) {
  Input in{normals(n, 1, 1), magnitudes(n, 1, 2), magnitudes(n, 2, 3)};
  for (size_t i = 0; i < in.weight.size(); ++i) {
    if (i % 7 == 1) in.retain[i] = 0;                                                       // factor 0
    if (i % 7 == 2) in.retain[i] = in.forget[i] = 0;                                        // nothing to compare
    if (i % 7 == 3) in.forget[i] = static_cast<float>(k.selection) * in.retain[i];          // equal: left alone
    if (i % 11 == 4) (i % 2 == 0 ? in.retain : in.forget)[i] = kNaN;                        // left alone
    if (i % 13 == 6) in.weight[i] = kNaN;
    if (i % 17 == 8) in.forget[i] = kInf;
  }
  return in;
}

Output run(const Case& k, const Input& in) {
  const Places places(k.counts, k.placement);
  const Field<float> weight(places, GradientField::as_floats(in.weight)),
      first(places, GradientField::as_floats(in.retain)), second(places, GradientField::as_floats(in.forget));
  const Field<uint16_t> shadow(places, std::vector<uint16_t>(static_cast<size_t>(places.total())));
  const DeviceVector<int64_t> counter(std::vector<int64_t>{300});
  std::vector<lotus_tensor> list;
  for (int64_t i = 0; i < places.tensors(); ++i)
    list.push_back({weight.at(i), nullptr, first.at(i), second.at(i), nullptr, k.shadow ? shadow.at(i) : nullptr,
                    places.count(i)});
  lotus::DampenArgs a{};
  a.list = {list.data(), places.tensors(), LOTUS_FLOAT32, kDevice, nullptr};
  a.selection = k.selection, a.dampening = k.dampening, a.exponent = k.exponent, a.bound = k.bound;
  a.dampened = k.counted ? counter.at() : nullptr;
  expect_ok(backend().ssd_dampen(a));
  const Output out{weight.values(), counter.values()[0] - 300};
  if (k.shadow) expect_shadow(shadow.values(), out.weight);
  return out;
}

void compare(const Case& k) {
  context = "ssd_dampen gap=" + std::to_string(k.placement.gap) + " exponent=" + std::to_string(k.exponent) +
            " bound=" + std::to_string(k.bound);
  const Input in = make_input(k, Places(k.counts, k.placement).total());
  const Output out = run(k, in);
  std::vector<double> expected;
  int64_t dampened = 0;
  for (size_t i = 0; i < in.weight.size(); ++i) {
    const bool chosen = in.forget[i] > k.selection * in.retain[i];
    const double factor = fmin(k.bound, pow(k.dampening * in.retain[i] / in.forget[i], k.exponent));
    expected.push_back(chosen ? in.weight[i] * factor : in.weight[i]);
    dampened += chosen;
  }
  expect_close("weight", widen(out.weight), expected);
  expect(out.dampened == (k.counted ? dampened : 0), "dampened " + std::to_string(out.dampened) + ", reference " +
                                                         std::to_string(dampened));
  for_each_way([&](const char* what) {
    const Output again = run(k, in);
    expect(same_bits(again.weight, out.weight) && again.dampened == out.dampened, what);
  });
}

}  // namespace

const Suite suite("ssd_dampen", [] {
  int turn = 0;
  for (const Placement& placement : kPlacements) {
    for (const float exponent : {1.0f, 0.5f, 2.0f, 0.0f}) {
      if (turn % 2 == 1 && placement.gap != 0) {
        ++turn;
        continue;
      }
      Case k;
      k.placement = placement, k.exponent = exponent;
      k.bound = turn % 3 == 0 ? 1.0f : 0.2f;
      k.dampening = turn % 3 == 1 ? 3.0f : 1.0f;
      k.shadow = turn % 2 == 0, k.counted = turn % 4 != 2;
      compare(k);
      ++turn;
    }
  }
  Case k;
  k.counts = {20000, 1};
  compare(k);
});

}  // namespace native_test
