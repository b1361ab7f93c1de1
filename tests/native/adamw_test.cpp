// Contract of adamw: PyTorch's step, on every type, placement, mask and clipping.
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
  int64_t step = 1;
  double weight_decay = 0.01, lr = 1e-2;
  bool bad = false;  // NaN and infinite gradients
  bool pace = false;  // the step's numbers from the device's memory
};

struct Input {
  std::vector<double> weight, gradient, first, second;
  std::vector<uint8_t> mask;
};

Input make_input(const Case& k, int64_t n) {
  Input in;
  in.weight = normals(n, 1, 1);
  in.gradient = normals(n, 0.1, 2, k.dtype);
  in.first = normals(n, 0.1, 3);
  in.second = magnitudes(n, 0.01, 4);
  in.mask = bits(n, 5);
  if (k.step == 1)  // as an optimizer starts
    in.first.assign(in.first.size(), 0), in.second.assign(in.second.size(), 0);
  for (size_t i = 0; k.bad && i < in.gradient.size(); ++i)
    if (i % 37 == 5 || i % 101 == 9) in.gradient[i] = i % 37 == 5 ? kNaN : -kInf;
  return in;
}

struct Output {
  std::vector<float> weight, first, second;
  std::vector<uint16_t> shadow;
};

Output run(const Case& k, const Input& in) {
  const Places places(k.counts, k.placement);
  const Field<float> weight(places, GradientField::as_floats(in.weight)),
      first(places, GradientField::as_floats(in.first)), second(places, GradientField::as_floats(in.second));
  const GradientField gradient(places, in.gradient, k.dtype);
  const Field<uint8_t> mask(places, in.mask);
  const Field<uint16_t> shadow(places, std::vector<uint16_t>(static_cast<size_t>(places.total())));
  const DeviceVector<double> norm(std::vector<double>{k.clip_norm});
  std::vector<lotus_tensor> list;
  for (int64_t i = 0; i < places.tensors(); ++i)
    list.push_back({weight.at(i), gradient.at(i), first.at(i), second.at(i), k.mask >= 0 ? mask.at(i) : nullptr,
                    k.shadow ? shadow.at(i) : nullptr, places.count(i)});
  lotus::AdamWArgs a{};
  a.list = {list.data(), places.tensors(), k.dtype, kDevice, nullptr};
  a.lr = k.lr, a.beta1 = 0.9, a.beta2 = 0.999, a.epsilon = 1e-8, a.weight_decay = k.weight_decay;
  a.step = k.step, a.mask_mode = k.mask > 0 ? k.mask : 0;
  a.clipping = {k.clip_norm != 0 ? norm.at() : nullptr, 1.5};
  const DeviceVector<lotus_pace> pace(std::vector<lotus_pace>{lotus::adamw_pace(a)});
  if (k.pace) a.pace = pace.at(), a.lr = 3, a.weight_decay = 2, a.step = 7;
  expect_ok(backend().adamw(a));
  Output out{weight.values(), first.values(), second.values(), shadow.values()};
  expect(mask.values() == in.mask, "the mask was written");
  if (k.shadow) expect_shadow(out.shadow, out.weight);
  return out;
}

void compare(const Case& k) {
  context = std::string("adamw ") + name_of(k.dtype) + " gap=" + std::to_string(k.placement.gap) +
            " mask=" + std::to_string(k.mask) + " norm=" + std::to_string(k.clip_norm) +
            " step=" + std::to_string(k.step) + (k.bad ? " bad" : "");
  const Places places(k.counts, k.placement);
  const Input in = make_input(k, places.total());
  const Output out = run(k, in);
  std::vector<double> weight, first, second;
  const double ratio = 1.5 / (k.clip_norm + 1e-6);
  const double clip = k.clip_norm == 0 ? 1 : ratio > 1 ? 1 : ratio;
  for (size_t i = 0; i < in.weight.size(); ++i) {
    const bool kept = k.mask < 0 || in.mask[i] != 0;
    const double g = kept ? in.gradient[i] * clip : 0;
    if (!kept && k.mask == LOTUS_MASK_UPDATE) {
      weight.push_back(in.weight[i]), first.push_back(in.first[i]), second.push_back(in.second[i]);
      continue;
    }
    const double m = 0.9 * in.first[i] + 0.1 * g, v = 0.999 * in.second[i] + 0.001 * g * g;
    const double step = static_cast<double>(k.step);
    const double m_hat = m / (1 - pow(0.9, step)), v_hat = v / (1 - pow(0.999, step));
    weight.push_back(in.weight[i] * (1 - k.lr * k.weight_decay) - k.lr * m_hat / (sqrt(v_hat) + 1e-8));
    first.push_back(m), second.push_back(v);
  }
  expect_close("weight", widen(out.weight), weight);
  expect_close("first", widen(out.first), first);
  expect_close("second", widen(out.second), second, LOTUS_FLOAT32, {}, 1e-12);
}

void determinism(int32_t dtype) {
  Case k;
  k.dtype = dtype, k.mask = LOTUS_MASK_UPDATE, k.shadow = true, k.clip_norm = 3;
  k.counts.push_back(30000);
  const Input in = make_input(k, Places(k.counts, k.placement).total());
  const Output once = run(k, in);
  const auto again = [&](const char* what) {
    context = "bits of adamw: " + std::string(what);
    const Output out = run(k, in);
    expect(same_bits(out.weight, once.weight) && same_bits(out.first, once.first) &&
               same_bits(out.second, once.second) && out.shadow == once.shadow,
           what);
  };
  for_each_way(again);
  k.placement = kPlacements[1];
  again("another placement");
  k.pace = true;
  again("the step from memory");
}

}  // namespace

const Suite suite("adamw", [] {
  int turn = 0;
  for (const int32_t dtype : kDtypes) {
    for (const Placement& placement : kPlacements) {
      for (int mask = -1; mask < 2; ++mask) {
        Case k;
        k.placement = placement, k.dtype = dtype, k.mask = mask;
        k.shadow = turn % 2 == 0;
        k.clip_norm = turn % 3 == 0 ? 0 : turn % 3 == 1 ? 6.25 : 0.5;
        k.step = turn % 4 == 0 ? 1 : turn % 4 == 1 ? 2 : 100000;
        k.weight_decay = turn % 5 == 0 ? 0 : 0.1;
        k.bad = turn % 2 == 1;
        k.pace = turn % 3 == 2;
        compare(k);
        ++turn;
      }
    }
    determinism(dtype);
  }
  Case k;
  k.counts = many_counts();
  compare(k);
  k.counts = {0, 1, 0};
  compare(k);
  k.clip_norm = kNaN;  // as clip_grad_norm_: every gradient becomes NaN
  compare(k);
  k.clip_norm = kInf;
  compare(k);
});

}  // namespace native_test
