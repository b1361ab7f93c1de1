// Contract of sgd: PyTorch's step with and without momentum, on every type, placement, mask and clipping.
#include "math/update.h"
#include "tensor_cases.h"

namespace native_test {
namespace {

struct Case {
  std::vector<int64_t> counts = odd_counts();
  Placement placement = kPlacements[0];
  int32_t dtype = LOTUS_FLOAT32;
  int mask = -1;  // or the mask mode
  bool shadow = false;
  double clip_norm = 0;  // 0: no clipping
  double momentum = 0.9;
  bool buffer = true;
  bool pace = false;  // lr from the device's memory
};

struct Input {
  std::vector<double> weight, gradient, first;
  std::vector<uint8_t> mask;
};

Input make_input(const Case& k, int64_t n) {
  Input in{normals(n, 1, 1), normals(n, 0.5, 2, k.dtype), normals(n, 0.5, 3), bits(n, 5)};
  for (size_t i = 3; i < in.gradient.size(); i += 41) in.gradient[i] = kNaN;
  return in;
}

struct Output {
  std::vector<float> weight, first;
  std::vector<uint16_t> shadow;
};

Output run(const Case& k, const Input& in) {
  const Places places(k.counts, k.placement);
  const Field<float> weight(places, GradientField::as_floats(in.weight)),
      first(places, GradientField::as_floats(in.first));
  const GradientField gradient(places, in.gradient, k.dtype);
  const Field<uint8_t> mask(places, in.mask);
  const Field<uint16_t> shadow(places, std::vector<uint16_t>(static_cast<size_t>(places.total())));
  const DeviceVector<double> norm(std::vector<double>{k.clip_norm});
  std::vector<lotus_tensor> list;
  for (int64_t i = 0; i < places.tensors(); ++i)
    list.push_back({weight.at(i), gradient.at(i), k.buffer ? first.at(i) : nullptr, nullptr,
                    k.mask >= 0 ? mask.at(i) : nullptr, k.shadow ? shadow.at(i) : nullptr, places.count(i)});
  lotus::SgdArgs a{};
  a.list = {list.data(), places.tensors(), k.dtype, kDevice, nullptr};
  a.lr = 0.05, a.momentum = k.momentum, a.weight_decay = 5e-4, a.mask_mode = k.mask > 0 ? k.mask : 0;
  a.clipping = {k.clip_norm != 0 ? norm.at() : nullptr, 2.0};
  const DeviceVector<lotus_pace> pace(std::vector<lotus_pace>{lotus::sgd_pace(a)});
  if (k.pace) a.pace = pace.at(), a.lr = 3;
  expect_ok(backend().sgd(a));
  Output out{weight.values(), first.values(), shadow.values()};
  if (k.shadow) expect_shadow(out.shadow, out.weight);
  return out;
}

void compare(const Case& k) {
  context = std::string("sgd ") + name_of(k.dtype) + " gap=" + std::to_string(k.placement.gap) +
            " mask=" + std::to_string(k.mask) + " momentum=" + std::to_string(k.momentum);
  const Places places(k.counts, k.placement);
  const Input in = make_input(k, places.total());
  const Output out = run(k, in);
  std::vector<double> weight, first;
  const double clip = k.clip_norm == 0 ? 1 : fmin(1, 2.0 / (k.clip_norm + 1e-6));
  for (size_t i = 0; i < in.weight.size(); ++i) {
    const bool kept = k.mask < 0 || in.mask[i] != 0;
    const bool frozen = !kept && k.mask == LOTUS_MASK_UPDATE;
    const double g = (kept ? in.gradient[i] * clip : 0) + 5e-4 * in.weight[i];
    const double b = k.momentum > 0 ? k.momentum * in.first[i] + g : g;
    weight.push_back(frozen ? in.weight[i] : in.weight[i] - 0.05 * b);
    first.push_back(frozen || k.momentum == 0 ? in.first[i] : b);
  }
  expect_close("weight", widen(out.weight), weight);
  expect_close("first", widen(out.first), first);
}

}  // namespace

const Suite suite("sgd", [] {
  int turn = 0;
  for (const int32_t dtype : kDtypes) {
    for (const Placement& placement : kPlacements) {
      for (int mask = -1; mask < 2; ++mask) {
        Case k;
        k.placement = placement, k.dtype = dtype, k.mask = mask;
        k.shadow = turn % 2 == 0;
        k.clip_norm = turn % 3 == 0 ? 0 : turn % 3 == 1 ? 6.25 : 0.5;
        k.momentum = turn % 4 == 1 ? 0 : 0.9;
        k.pace = turn % 2 == 1;
        k.buffer = k.momentum > 0 || turn % 8 == 1;
        compare(k);
        ++turn;
      }
    }
    Case k;
    k.dtype = dtype, k.mask = LOTUS_MASK_GRADIENT, k.shadow = true;
    k.counts.push_back(30000);
    const Input in = make_input(k, Places(k.counts, k.placement).total());
    const Output once = run(k, in);
    for_each_way([&](const char* what) {
      context = "bits of sgd";
      const Output out = run(k, in);
      expect(same_bits(out.weight, once.weight) && same_bits(out.first, once.first) && out.shadow == once.shadow, what);
    });
  }
  Case k;
  k.counts = many_counts();
  compare(k);
});

}  // namespace native_test
