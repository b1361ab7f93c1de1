// The operations on the weights, over the parameters of ResNet18 (CIFAR form, 11.2 M in 62 tensors) and ViT-B/16 (86 M in
// 152 tensors): one launch each.
#include "timing.h"

namespace timing {
namespace {

std::vector<int64_t> resnet18(int64_t classes) {
  std::vector<int64_t> sizes = {64 * 3 * 9, 64, 64};
  int64_t in = 64;
  for (const int64_t out : {64, 128, 256, 512}) {
    for (int block = 0; block < 2; ++block) {
      for (const int64_t n : {out * in * 9, out, out, out * out * 9, out, out}) sizes.push_back(n);
      if (in != out)
        for (const int64_t n : {out * in, out, out}) sizes.push_back(n);
      in = out;
    }
  }
  sizes.push_back(classes * 512);
  sizes.push_back(classes);
  return sizes;
}

std::vector<int64_t> vit_b16(int64_t classes) {
  const int64_t d = 768;
  std::vector<int64_t> sizes = {d, 197 * d, d * 3 * 16 * 16, d};
  for (int layer = 0; layer < 12; ++layer)
    for (const int64_t n : {d, d, 3 * d * d, 3 * d, d * d, d, d, d, 4 * d * d, 4 * d, 4 * d * d, d}) sizes.push_back(n);
  for (const int64_t n : {d, d, classes * d, classes}) sizes.push_back(n);
  return sizes;
}

struct Parameters {
  int64_t elements = 0;
  Memory weight, gradient, first, second, mask, shadow;
  std::vector<lotus_tensor> list;

  static int64_t total(const std::vector<int64_t>& sizes) {
    int64_t n = 0;
    for (const int64_t s : sizes) n += (s + 63) / 64 * 64;  // each starts aligned, as an allocator would have it
    return n;
  }
  explicit Parameters(const std::vector<int64_t>& sizes)
      : weight(4 * static_cast<size_t>(total(sizes))), gradient(4 * static_cast<size_t>(total(sizes))),
        first(4 * static_cast<size_t>(total(sizes))), second(4 * static_cast<size_t>(total(sizes))),
        mask(static_cast<size_t>(total(sizes))), shadow(2 * static_cast<size_t>(total(sizes))) {
    fill(weight, static_cast<size_t>(total(sizes)), LOTUS_FLOAT32, 1);
    fill(gradient, static_cast<size_t>(total(sizes)), LOTUS_FLOAT32, 2);
    size_t at = 0;
    for (const int64_t n : sizes) {
      list.push_back({weight.at<float>(at), gradient.at<float>(at), first.at<float>(at), second.at<float>(at),
                      nullptr, nullptr, n});
      at += static_cast<size_t>((n + 63) / 64 * 64);
      elements += n;
    }
    must(cudaDeviceSynchronize());
  }
  lotus::TensorList tensors() const {
    return {list.data(), static_cast<int64_t>(list.size()), LOTUS_FLOAT32, 0, nullptr};
  }
};

void time_model(const char* model, const std::vector<int64_t>& sizes) {
  Parameters p(sizes);
  const Memory norm(8), norm_workspace(8 * LOTUS_NORM_WORKSPACE), top_k_workspace(8 * LOTUS_TOP_K_WORKSPACE);
  const std::string name = model;
  // `words`: four-byte words that an element must move.
  const auto time = [&](const char* op, double words, const std::function<void()>& call) {
    row(op + (":" + name), "fp32", static_cast<int64_t>(p.list.size()), p.elements, measure([&](int) { call(); }, 1),
        4 * words * static_cast<double>(p.elements));
  };
  const lotus::Clipping none{nullptr, 0};
  time("adamw", 7, [&] { must(backend().adamw({p.tensors(), 1e-4, 0.9, 0.999, 1e-8, 5e-4, 1, 0, none})); });
  time("sgd", 5, [&] { must(backend().sgd({p.tensors(), 1e-4, 0.9, 5e-4, 0, none})); });
  time("gradient_norm", 1,
       [&] { must(backend().gradient_norm({p.tensors(), norm.at<double>(), norm_workspace.at<double>()})); });
  time("square_accumulate", 3,
       [&] { must(backend().accumulate({p.tensors(), lotus::Accumulation::kSquare, 1e-3f})); });
  time("ssd_dampen", 4, [&] { must(backend().ssd_dampen({p.tensors(), 10, 1, 1, 1, nullptr})); });
  for (lotus_tensor& t : p.list) t.mask = p.mask.at<uint8_t>(static_cast<size_t>(t.weight - p.weight.at<float>()));
  time("top_k_mask", 1.25,
       [&] { must(backend().top_k_mask({p.tensors(), p.elements / 10, top_k_workspace.at<int64_t>()})); });
}

}  // namespace

void time_weights() {
  time_model("resnet18", resnet18(10));
  time_model("vit_b16", vit_b16(1000));
}

}  // namespace timing
