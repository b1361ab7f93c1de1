// resize against Pillow's arithmetic as it is published (weights made in doubles, 22 bits, bytes between the passes),
// which must come out to the bit, and against the same filter in doubles that rounds nothing.
#include "cases.h"
#include "math/resize.h"

namespace native_test {
namespace {

struct Case {
  int32_t rows, columns, resized_height, resized_width, top, left, height, width;
};

struct Variant {
  int32_t channels = 3;
  int64_t gap = 0;  // bytes between lines
  bool reverse = false;
  enum { kRandom, kWhite, kStripes } picture = kRandom;
};

// The window is all of it.
Case whole(int32_t rows, int32_t columns, int32_t height, int32_t width) {
  return {rows, columns, height, width, 0, 0, height, width};
}

struct Filter {
  int64_t first;
  std::vector<double> weights;
};

// Pillow's precompute_coeffs.
Filter filter(int32_t from, int32_t to, int32_t at) {
  const double scale = static_cast<double>(from) / to, support = fmax(scale, 1), center = (at + 0.5) * scale;
  const int64_t first = static_cast<int64_t>(fmax(center - support + 0.5, 0));
  const int64_t end = static_cast<int64_t>(fmin(center + support + 0.5, from));
  Filter f{first, {}};
  double total = 0;
  for (int64_t j = first; j < end; ++j) {
    f.weights.push_back(fmax(0, 1 - fabs((static_cast<double>(j) - center + 0.5) / support)));
    total += f.weights.back();
  }
  for (double& weight : f.weights) weight /= total;
  return f;
}

int64_t pillow_byte(const std::vector<int64_t>& bytes, const std::vector<double>& weights) {
  int64_t sum = 1 << 21;
  for (size_t k = 0; k < bytes.size(); ++k) sum += bytes[k] * static_cast<int64_t>(0.5 + weights[k] * (1 << 22));
  sum >>= 22;
  return sum < 0 ? 0 : sum > 255 ? 255 : sum;
}

struct Input {
  std::vector<uint8_t> bytes;
  int64_t stride;
  int64_t at(const Variant& v, int64_t y, int64_t x, int c) const {
    return bytes[static_cast<size_t>(y * stride + x * v.channels + c)];
  }
};

Input make_input(const Case& k, const Variant& v) {
  Input in{{}, static_cast<int64_t>(k.columns) * v.channels + v.gap};
  in.bytes.resize(static_cast<size_t>((k.rows - 1) * in.stride + static_cast<int64_t>(k.columns) * v.channels));
  Rng rng{static_cast<uint64_t>(k.rows * 131 + k.columns * 17 + v.channels)};
  for (size_t i = 0; i < in.bytes.size(); ++i)
    in.bytes[i] = v.picture == Variant::kWhite    ? 255
                  : v.picture == Variant::kStripes ? static_cast<uint8_t>(i % 2 * 255)
                                                   : static_cast<uint8_t>(rng.bits());
  return in;
}

void check(const Case& k, const Variant& v) {
  context = "resize " + std::to_string(k.rows) + "x" + std::to_string(k.columns) + "x" + std::to_string(v.channels) +
            " gap " + std::to_string(v.gap) + " -> " + std::to_string(k.resized_height) + "x" +
            std::to_string(k.resized_width) + " window " + std::to_string(k.height) + "x" + std::to_string(k.width) +
            (v.reverse ? " reversed" : "");
  const Input in = make_input(k, v);
  const int64_t plane = static_cast<int64_t>(k.height) * k.width;
  constexpr size_t kBehind = 64;  // bytes that must stay as they are
  const DeviceVector<uint8_t> source(in.bytes);
  const DeviceVector<uint8_t> out(static_cast<size_t>(plane * v.channels) + kBehind);
  const auto run = [&] {
    expect_ok(backend().resize({source.at(), k.rows, k.columns, v.channels, in.stride, v.reverse, k.resized_height,
                                k.resized_width, k.top, k.left, k.height, k.width, out.at(), 0, nullptr}));
    return out.get();
  };
  const std::vector<unsigned char> got = run();

  std::vector<Filter> down, across;
  for (int32_t y = 0; y < k.height; ++y) down.push_back(filter(k.rows, k.resized_height, k.top + y));
  for (int32_t x = 0; x < k.width; ++x) across.push_back(filter(k.columns, k.resized_width, k.left + x));
  const int64_t first = down.front().first,
                lines = down.back().first + static_cast<int64_t>(down.back().weights.size()) - first;
  int64_t different = 0;
  double worst = 0;
  std::vector<int64_t> under;
  for (int c = 0; c < v.channels; ++c)
    for (size_t x = 0; x < across.size(); ++x) {
      // Column x of the picture after the first pass, rounded and not.
      std::vector<int64_t> bytes(static_cast<size_t>(lines));
      std::vector<double> exact(static_cast<size_t>(lines));
      for (int64_t y = 0; y < lines; ++y) {
        under.clear();
        double sum = 0;
        for (size_t i = 0; i < across[x].weights.size(); ++i) {
          under.push_back(in.at(v, first + y, across[x].first + static_cast<int64_t>(i), c));
          sum += across[x].weights[i] * static_cast<double>(under.back());
        }
        bytes[static_cast<size_t>(y)] = pillow_byte(under, across[x].weights);
        exact[static_cast<size_t>(y)] = sum;
      }
      for (size_t y = 0; y < down.size(); ++y) {
        const Filter& f = down[y];
        const auto from = static_cast<size_t>(f.first - first);
        under.assign(bytes.begin() + static_cast<int64_t>(from),
                     bytes.begin() + static_cast<int64_t>(from + f.weights.size()));
        double sum = 0;
        for (size_t j = 0; j < f.weights.size(); ++j) sum += f.weights[j] * exact[from + j];
        const int plane_of = v.reverse ? v.channels - 1 - c : c;
        const int64_t value = got[static_cast<size_t>(plane_of * plane) + y * across.size() + x];
        different += value != pillow_byte(under, f.weights);
        worst = larger(worst, fabs(static_cast<double>(value) - sum));
      }
    }
  expect(different == 0, std::to_string(different) + " bytes are not Pillow's");
  // Half a level a pass, and what is left of the weights' rounding.
  expect(worst <= 1.01, "a byte is " + std::to_string(worst) + " from the sum in doubles");
  bool untouched = true;
  for (size_t i = got.size() - kBehind; i < got.size(); ++i) untouched &= got[i] == 0x5a;
  expect(untouched, "memory behind the output");
#ifdef LOTUS_CUDA_EMULATION
  if (plane < 4000)
    for_each_machine([&](const char* machine) { expect(run() == got, machine); });
#else
  expect(run() == got, "the same again, with the weights that were kept");
#endif
}

void check_all(const Case& k, int turn) {
  for (int32_t channels = 1; channels <= 4; ++channels) {
    Variant v;
    v.channels = channels;
    v.gap = (turn + channels) % 3 * 5;
    v.reverse = (turn + channels) % 2 == 0;
    check(k, v);
  }
}

}  // namespace

const Suite suite("resize", [] {
  const std::vector<Case> small = {
      whole(1, 1, 1, 1),
      whole(1, 1, 7, 5),
      whole(1, 40, 1, 9),
      whole(40, 1, 9, 1),
      whole(2, 3, 2, 3),
      whole(9, 70, 2, 1),
      whole(31, 33, 32, 31),
      whole(33, 5, 70, 66),
      whole(5, 6, 37, 131),
      whole(17, 300, 4, 3),     // more taps than shared memory holds
      whole(300, 17, 1, 65),
      whole(16, 16, 16, 16),
      {40, 60, 32, 48, 4, 5, 24, 37},
      {40, 60, 80, 120, 77, 118, 3, 2},
      {41, 7, 23, 1 << 20, 1, (1 << 20) - 40, 20, 40},
      {7, 7, 1 << 30, 1 << 30, 1 << 29, 0, 3, 5},
  };
  int turn = 0;
  for (const Case& k : small) check_all(k, turn++);
  if (quick) return;
  // As from a data set; the first two share their columns' weights.
  const Case imagenet{375, 500, 256, 341, 16, 58, 224, 224};
  check(imagenet, {3, 0, true, Variant::kRandom});
  check({333, 500, 256, 384, 16, 80, 224, 224}, {3, 0, true, Variant::kRandom});
  check({500, 375, 341, 256, 58, 16, 224, 224}, {4, 12, false, Variant::kRandom});
  for (const int32_t channels : {1, 3}) {
    check(imagenet, {channels, 0, false, Variant::kWhite});
    check(imagenet, {channels, 1, false, Variant::kStripes});
  }
  // The widest triangles there are.
  check(whole(lotus::kMostSide, 2, 1, 3), {3, 0, false, Variant::kRandom});
  check(whole(2, lotus::kMostSide, 2, 3), {3, 0, false, Variant::kRandom});
  check(whole(3, lotus::kMostSide, 3, 1), {4, 0, false, Variant::kWhite});
});

}  // namespace native_test
