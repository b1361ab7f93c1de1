// gather_augment against a plain double reference that pads the box pixel by pixel and resizes it with the filter as
// published, not with the folded integer weights of the kernels.
#include "cases.h"
#include "math/augment.h"

namespace native_test {
namespace {

enum class Boxes { kRandom, kCentred, kGiven };

struct Case {
  int32_t channels = 3, height = 32, width = 32, crop_height = 32, crop_width = 32, out_height = 32, out_width = 32;
  Boxes boxes = Boxes::kRandom;
  int32_t padding = 4, pad_mode = LOTUS_PAD_ZERO;
  int32_t image_layout = LOTUS_CHANNELS_FIRST, out_layout = LOTUS_CHANNELS_LAST, dtype = LOTUS_FLOAT32;
  int64_t rows = 5;
  bool given_flips = false, given_samples = false;
};

constexpr int64_t kImages = 4;
constexpr uint64_t kSeed = 0x123456789abcdefu;
constexpr uint32_t kStep = 11;
constexpr int64_t kBefore = 7;  // of the counter, which is added to

struct Input {
  std::vector<uint8_t> images, flips;
  std::vector<int64_t> indices, samples;
  std::vector<int32_t> boxes;
  lotus_augment augment;
};

Input make_input(const Case& k) {
  Input in;
  Rng rng{static_cast<uint64_t>(k.height * 131 + k.width * 17 + k.channels + k.out_height)};
  in.images.resize(static_cast<size_t>(kImages * k.channels * k.height * k.width));
  for (uint8_t& pixel : in.images) pixel = static_cast<uint8_t>(rng.bits());
  for (int64_t b = 0; b < k.rows; ++b) {
    in.indices.push_back(rng.below(kImages));
    in.samples.push_back(b * 1000000007 + (b % 2 == 0 ? int64_t{1} << 33 : 0));
    in.flips.push_back(static_cast<uint8_t>(b % 2 * 0x40));
    // Inside, over every side, over all sides at once, wholly outside, of other sizes.
    const int32_t h = k.crop_height, w = k.crop_width;
    const std::vector<std::vector<int32_t>> turns = {
        {0, 0, h, w},      {-3, 2, h, w},         {k.height - 1, -w / 2, h, w}, {-2, -5, h + 9, w + 7},
        {-h - 2, 0, h, w}, {1, k.width + 3, h, w}, {0, 0, 1, 1},                 {-1, -1, 2 * h + 1, w}};
    const std::vector<int32_t>& box = turns[static_cast<size_t>((b + k.height) % 8)];
    in.boxes.insert(in.boxes.end(), box.begin(), box.end());
  }
  if (k.rows >= 5) {
    in.indices[1] = -1;
    in.indices[3] = kImages;
    in.boxes[4 * 4 + 2] = 0;  // read only where boxes are given
  }
  in.augment = {k.crop_height, k.crop_width, k.boxes == Boxes::kCentred ? -1 : k.padding, k.pad_mode, 0.5f,
                {0.4914f, 0.25f, 0.4465f, 0.5f}, {0.2023f, 1.0f, 0.201f, 0.125f}};
  return in;
}

// One axis of the resize: torch's _upsample_bilinear2d_aa, in doubles.
std::vector<double> filter(int32_t n, int32_t m, int32_t i, int64_t* first) {
  const double scale = static_cast<double>(n) / m, support = fmax(scale, 1), center = scale * (i + 0.5);
  *first = static_cast<int64_t>(fmax(floor(center - support + 0.5), 0));
  const int64_t end = static_cast<int64_t>(fmin(floor(center + support + 0.5), n));
  std::vector<double> weights;
  double total = 0;
  for (int64_t j = *first; j < end; ++j) {
    weights.push_back(fmax(0, 1 - fabs((static_cast<double>(j) + 0.5 - center) / fmax(scale, 1))));
    total += weights.back();
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

struct Drawn {
  lotus::Box box;
  bool flip, readable;
};

Drawn draw(const Case& k, const Input& in, int64_t b) {
  const size_t i = static_cast<size_t>(b);
  const lotus::PhiloxWords drawn =
      lotus::philox(kSeed, kStep, LOTUS_STREAM_AUGMENT, k.given_samples ? in.samples[i] : b, 0);
  const uint32_t* words = drawn.v;
  Drawn d{};
  d.readable = in.indices[i] >= 0 && in.indices[i] < kImages;
  d.flip = k.given_flips ? in.flips[i] != 0 : words[2] * 0x1p-32 < 0.5;
  d.box.height = k.crop_height;
  d.box.width = k.crop_width;
  if (k.boxes == Boxes::kGiven) {
    d.box = {in.boxes[4 * i], in.boxes[4 * i + 1], in.boxes[4 * i + 2], in.boxes[4 * i + 3]};
    d.readable &= d.box.height > 0;
  } else if (k.boxes == Boxes::kRandom) {
    const auto start = [&](uint32_t word, int32_t image, int32_t crop) {
      return static_cast<int32_t>(floor(word * 0x1p-32 * (image + 2 * k.padding - crop + 1))) - k.padding;
    };
    d.box.top = start(words[0], k.height, k.crop_height);
    d.box.left = start(words[1], k.width, k.crop_width);
  } else {  // rint rounds a half to even, as Python's round does in center_crop
    const auto start = [](int32_t image, int32_t crop) {
      return crop > image ? -((crop - image) / 2) : static_cast<int32_t>(rint((image - crop) / 2.0));
    };
    d.box.top = start(k.height, k.crop_height);
    d.box.left = start(k.width, k.crop_width);
  }
  return d;
}

double pixel_of(const Case& k, const Input& in, int64_t index, int c, int64_t y, int64_t x) {
  if (k.pad_mode == LOTUS_PAD_ZERO && (y < 0 || x < 0 || y >= k.height || x >= k.width)) return 0;
  y = y < 0 ? 0 : y >= k.height ? k.height - 1 : y;
  x = x < 0 ? 0 : x >= k.width ? k.width - 1 : x;
  const int64_t at = k.image_layout == LOTUS_CHANNELS_FIRST ? ((index * k.channels + c) * k.height + y) * k.width + x
                                                           : ((index * k.height + y) * k.width + x) * k.channels + c;
  return in.images[static_cast<size_t>(at)];
}

std::vector<double> reference(const Case& k, const Input& in, int64_t* nonfinite) {
  const int64_t per = static_cast<int64_t>(k.channels) * k.out_height * k.out_width;
  std::vector<double> out(static_cast<size_t>(k.rows * per), kNaN);
  for (int64_t b = 0; b < k.rows; ++b) {
    const Drawn d = draw(k, in, b);
    *nonfinite += !d.readable;
    if (!d.readable) continue;
    std::vector<std::vector<double>> down, across;
    std::vector<int64_t> first_y(static_cast<size_t>(k.out_height)), first_x(static_cast<size_t>(k.out_width));
    for (int32_t y = 0; y < k.out_height; ++y)
      down.push_back(filter(d.box.height, k.out_height, y, &first_y[static_cast<size_t>(y)]));
    for (int32_t x = 0; x < k.out_width; ++x)
      across.push_back(filter(d.box.width, k.out_width, x, &first_x[static_cast<size_t>(x)]));
    for (int c = 0; c < k.channels; ++c)
      for (size_t y = 0; y < down.size(); ++y)
        for (size_t x = 0; x < across.size(); ++x) {
          const size_t from = d.flip ? across.size() - 1 - x : x;
          double value = 0;
          for (size_t j = 0; j < down[y].size(); ++j)
            for (size_t i = 0; i < across[from].size(); ++i)
              value += down[y][j] * across[from][i] *
                       pixel_of(k, in, in.indices[static_cast<size_t>(b)], c,
                                d.box.top + first_y[y] + static_cast<int64_t>(j),
                                d.box.left + first_x[from] + static_cast<int64_t>(i));
          const int64_t pixel = static_cast<int64_t>(y) * k.out_width + static_cast<int64_t>(x);
          const int64_t at = k.out_layout == LOTUS_CHANNELS_FIRST
                                 ? static_cast<int64_t>(c) * k.out_height * k.out_width + pixel
                                 : pixel * k.channels + c;
          out[static_cast<size_t>(b * per + at)] = (value / 255 - in.augment.mean[c]) / in.augment.std[c];
        }
  }
  return out;
}

struct Output {
  std::vector<double> values;
  std::vector<unsigned char> bytes;
  int64_t nonfinite = 0;
  bool neighbours_untouched = true;
};

Output run(const Case& k, const Input& in) {
  const DeviceVector<uint8_t> images(in.images), flips(in.flips);
  const DeviceVector<int64_t> indices(in.indices), samples(in.samples);
  const DeviceVector<int32_t> boxes(in.boxes);
  const DeviceVector<int64_t> counter(std::vector<int64_t>{kBefore});
  DeviceMatrix out(k.rows, static_cast<int64_t>(k.channels) * k.out_height * k.out_width, k.dtype, {0, 1});
  expect_ok(backend().gather_augment(
      {images.at(), kImages, k.channels, k.height, k.width, k.image_layout, indices.at(), k.rows, in.augment, kSeed,
       kStep, k.given_samples ? samples.at() : nullptr, k.boxes == Boxes::kGiven ? boxes.at() : nullptr,
       k.given_flips ? flips.at() : nullptr, out.at(), k.out_height, k.out_width, k.out_layout, k.dtype, counter.at(),
       0, nullptr}));
  return {out.values(), out.get(), counter.values()[0] - kBefore, out.gaps_untouched()};
}

void check(const Case& k) {
  static const char* kNames[] = {"random", "centred", "given"};
  const auto by = [](int32_t height, int32_t width) { return std::to_string(height) + "x" + std::to_string(width); };
  context = "gather_augment " + std::to_string(k.channels) + "x" + by(k.height, k.width) + " crop " +
            by(k.crop_height, k.crop_width) + " -> " + by(k.out_height, k.out_width) + " " +
            kNames[static_cast<int>(k.boxes)] + (k.pad_mode == LOTUS_PAD_EDGE ? " edge" : " zero") +
            (k.image_layout == LOTUS_CHANNELS_FIRST ? " planes" : " pixels") +
            (k.out_layout == LOTUS_CHANNELS_FIRST ? " to planes " : " to pixels ") + name_of(k.dtype);
  const Input in = make_input(k);
  int64_t nonfinite = 0;
  const std::vector<double> wanted = reference(k, in, &nonfinite);
  const Output out = run(k, in);
  expect_close("out", out.values, wanted, k.dtype);
  expect(out.nonfinite == nonfinite, "rows that are not finite");
  expect(out.neighbours_untouched, "memory beside the output");
#if defined(LOTUS_TEST_CPU)
  for (const int threads : {1, 3}) {
    lotus_set_num_threads(threads);
    expect(run(k, in).bytes == out.bytes, "the same bits with " + std::to_string(threads) + " threads");
  }
  lotus_set_num_threads(0);
#elif defined(LOTUS_CUDA_EMULATION)
  if (k.height * k.width < 4000)
    for_each_machine([&](const char* machine) { expect(run(k, in).bytes == out.bytes, machine); });
#endif
}

// The layouts, paddings, types and channels take turns; every size meets several of each.
void check_size(Case k, int variants_of_it) {
  static int turn = 0;
  for (int v = 0; v < variants_of_it; ++v, ++turn) {
    k.channels = (turn * 3 + 2) % 4 + 1;
    k.image_layout = turn % 2;
    k.out_layout = turn / 2 % 2;
    k.pad_mode = turn / 4 % 2;
    k.dtype = kDtypes[static_cast<size_t>(turn % 3)];
    k.boxes = static_cast<Boxes>(turn / 2 % 3);
    k.given_flips = turn % 5 == 0;
    k.given_samples = turn % 3 == 0;
    check(k);
  }
}

Case sized(int32_t height, int32_t width, int32_t crop_height, int32_t crop_width, int32_t out_height,
           int32_t out_width, int32_t padding, int64_t rows) {
  Case k;
  k.height = height;
  k.width = width;
  k.crop_height = crop_height;
  k.crop_width = crop_width;
  k.out_height = out_height;
  k.out_width = out_width;
  k.padding = padding;
  k.rows = rows;
  return k;
}

// All pixel values under many means and deviations, some at the ends of fp32: the bits of the three operations.
void check_rounding() {
  Case k;
  k.channels = 4, k.height = k.crop_height = k.out_height = 16, k.width = k.crop_width = k.out_width = 16;
  k.boxes = Boxes::kCentred, k.rows = 1;
  Input in;
  for (int i = 0; i < kImages * 4 * 256; ++i) in.images.push_back(static_cast<uint8_t>(i));
  in.indices = {1};
  in.flips = {0};
  Rng rng{7};
  for (int turn = 0; turn < (quick ? 40 : 1000); ++turn) {
    k.image_layout = turn % 2;
    k.out_layout = turn / 2 % 2;
    in.augment = {16, 16, -1, LOTUS_PAD_ZERO, 0, {}, {}};
    const int spread = turn % 16 == 0 ? 120 : turn % 4 == 0 ? 30 : 2;
    for (int c = 0; c < 4; ++c) {
      in.augment.mean[c] = static_cast<float>(ldexp(rng.uniform() - 0.5, static_cast<int>(rng.below(spread)) - spread / 2));
      in.augment.std[c] = static_cast<float>(ldexp(rng.uniform(), static_cast<int>(rng.below(spread)) - spread / 2));
    }
    if (turn % 5 == 0) in.augment.mean[turn % 4] = static_cast<float>(rng.below(256)) / 255;
    context = "gather_augment rounding, turn " + std::to_string(turn);
    const std::vector<double> out = run(k, in).values;
    int different = 0;
    for (int c = 0; c < 4; ++c)
      for (int i = 0; i < 256; ++i) {
        const int pixel = in.images[static_cast<size_t>(k.image_layout == LOTUS_CHANNELS_FIRST ? i : i * 4 + c)];
        const float unit = static_cast<float>(pixel) / 255, moved = unit - in.augment.mean[c];
        const float wanted = moved / in.augment.std[c];
        different += out[static_cast<size_t>(k.out_layout == LOTUS_CHANNELS_FIRST ? c * 256 + i : i * 4 + c)] !=
                     static_cast<double>(wanted);
      }
    expect(different == 0, std::to_string(different) + " of 1024 values are rounded otherwise");
  }
}

}  // namespace

const Suite suite("gather_augment", [] {
  const int all = quick ? 8 : 24;
  check_size(sized(32, 32, 32, 32, 32, 32, 4, 7), all);
  check_size(sized(32, 32, 27, 29, 27, 29, 0, 5), all);
  check_size(sized(1, 1, 1, 1, 1, 1, 0, 5), all);
  check_size(sized(1, 1, 3, 3, 5, 2, 2, 5), all);
  check_size(sized(1, 7, 1, 7, 3, 5, 1, 5), all);
  check_size(sized(31, 33, 31, 33, 32, 32, 3, 5), all);
  check_size(sized(19, 41, 17, 40, 4, 33, 2, 5), all);
  check_size(sized(9, 70, 9, 70, 2, 1, 0, 5), all);  // more taps than a piece of the CUDA kernel holds
  check_size(sized(37, 500, 37, 500, 224, 224, 0, 1), quick ? 1 : 3);
  check_size(sized(500, 375, 480, 360, 224, 224, 0, 1), quick ? 1 : 3);

  check_rounding();

  // A draw at either end of the words, which no seed above may hit, and a probability of 0 and of 1.
  context = "gather_augment draws";
  expect(lotus::drawn_start(0, 32, 32, 4) == -4 && lotus::drawn_start(~0u, 32, 32, 4) == 4, "first and last place");
  constexpr int32_t kMost = lotus::kMostPixels;
  expect(lotus::drawn_start(~0u, kMost, 1, kMost) == 2 * kMost - 1, "the largest range");
  lotus::AugmentArgs a{};
  for (const double probability : {0.0, 1.0, 0.1}) {
    a.augment.flip_probability = static_cast<float>(probability);
    const uint64_t below = lotus::box_rule(a).flip_below;
    const double exact = static_cast<double>(a.augment.flip_probability) * 0x1p32;
    expect(static_cast<double>(below) >= exact && static_cast<double>(below) < exact + 1, "words that flip");
  }
});

}  // namespace native_test
