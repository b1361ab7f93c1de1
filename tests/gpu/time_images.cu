// gather_augment: CIFAR batches (crop and flip) and ImageNet-like ones (crop, antialiased resize, flip).
// resize: a picture of ImageNet's usual size, short side to 256, the middle 224.
#include "timing.h"

namespace timing {
namespace {

void time_batch(const char* name, int64_t images, int64_t rows, int32_t size, int32_t crop, int32_t padding, int32_t out) {
  const Memory pixels(static_cast<size_t>(images * size * size * 3));
  fill(pixels, static_cast<size_t>(images * size * size * 3 / 4), LOTUS_FLOAT32, 1);  // any bytes will do
  std::vector<int64_t> order(static_cast<size_t>(rows));
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i * 2654435761u) % images;
  const Memory indices(order), batch(static_cast<size_t>(rows * out * out * 3) * 2);
  lotus::AugmentArgs a{};
  a.images = pixels.at<uint8_t>(), a.image_count = images, a.channels = 3, a.height = a.width = size;
  a.image_layout = LOTUS_CHANNELS_LAST, a.indices = indices.at<int64_t>(), a.rows = rows;
  a.augment = {crop, crop, padding, LOTUS_PAD_ZERO, 0.5f, {0.5f, 0.5f, 0.5f, 0}, {0.25f, 0.25f, 0.25f, 1}};
  a.out = batch.at(), a.out_height = a.out_width = out, a.out_layout = LOTUS_CHANNELS_LAST, a.dtype = LOTUS_BFLOAT16;
  const double bytes = static_cast<double>(rows) * 3 * (static_cast<double>(crop) * crop + 2.0 * out * out);
  row(std::string("gather_augment:") + name, "bf16", rows, int64_t{3} * out * out,
      measure([&](int i) { a.step = static_cast<uint32_t>(i), must(backend().gather_augment(a)); }, 64), bytes);
}

void time_picture() {
  constexpr int32_t kRows = 375, kColumns = 500, kSide = 224;
  const Memory pixels(static_cast<size_t>(kRows * kColumns * 3)), planes(static_cast<size_t>(3 * kSide * kSide));
  fill(pixels, static_cast<size_t>(kRows * kColumns * 3 / 4), LOTUS_FLOAT32, 1);  // any bytes will do
  const lotus::ResizeArgs a{pixels.at<uint8_t>(), kRows, kColumns, 3,     kColumns * 3, true, 256, 341, 16, 58, kSide,
                            kSide,                planes.at<uint8_t>(), 0, nullptr};
  row("resize:imagenet", "uint8", 1, int64_t{3} * kSide * kSide, measure([&](int) { must(backend().resize(a)); }, 64),
      3.0 * (kRows * kColumns + kSide * kSide));
}

}  // namespace

void time_images() {
  time_batch("cifar", 50000, 512, 32, 32, 4, 32);
  time_batch("imagenet", 2000, 256, 256, 224, 0, 224);
  time_batch("resize", 2000, 256, 256, 256, 0, 160);
  time_picture();
}

}  // namespace timing
