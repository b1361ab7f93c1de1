// gather_augment: checks, then the backend.
#include <math.h>

#include "internal.h"
#include "math/augment.h"

namespace lotus {
namespace {

constexpr const char* kOp = "gather_augment";

int32_t check_range(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return LOTUS_OK;
  return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is %lld; it must be %lld to %lld", kOp, name,
                   static_cast<long long>(value), static_cast<long long>(low), static_cast<long long>(high));
}

// The rule for boxes that are not ready-made.
int32_t check_crop(const char* name, int32_t crop, int32_t image, int32_t padding) {
  if (padding < 0) return check_range(name, crop, 1, static_cast<int64_t>(image) + 2 * kMostPixels);
  const int64_t room = static_cast<int64_t>(image) + 2 * static_cast<int64_t>(padding);
  if (crop >= 1 && crop <= room) return LOTUS_OK;
  return set_error(LOTUS_INVALID_ARGUMENT,
                   "%s: %s is %d; it must be 1 to %lld, the image's %d pixels with a padding of %d on both sides", kOp,
                   name, crop, static_cast<long long>(room), image, padding);
}

int32_t check_normalisation(const lotus_augment& augment, int32_t channels) {
  for (int32_t c = 0; c < channels; ++c) {
    const double mean = augment.mean[c], std = augment.std[c];
    if (!isfinite(mean) || !isfinite(std) || !(std > 0))
      return set_error(LOTUS_INVALID_ARGUMENT,
                       "%s: channel %d has mean %g and std %g; both must be finite and std above 0", kOp, c, mean, std);
  }
  return LOTUS_OK;
}

}  // namespace
}  // namespace lotus

int32_t lotus_gather_augment(const uint8_t* images, int64_t image_count, int32_t channels, int32_t height,
                             int32_t width, int32_t image_layout, const int64_t* indices, int64_t rows,
                             const lotus_augment* augment, uint64_t seed, uint32_t step, const int64_t* samples,
                             const int32_t* boxes, const uint8_t* flips, void* out, int32_t out_height,
                             int32_t out_width, int32_t out_layout, int32_t dtype, int64_t* nonfinite_rows,
                             int32_t device, void* stream) {
  using namespace lotus;
  LOTUS_TRY(check_range("rows", rows, 0, INT64_MAX));
  LOTUS_TRY(check_range("image_count", image_count, 0, INT64_MAX));
  LOTUS_TRY(check_range("channels", channels, 1, 4));
  LOTUS_TRY(check_range("height", height, 1, kMostPixels));
  LOTUS_TRY(check_range("width", width, 1, kMostPixels));
  LOTUS_TRY(check_range("out_height", out_height, 1, kMostPixels));
  LOTUS_TRY(check_range("out_width", out_width, 1, kMostPixels));
  LOTUS_TRY(check_choice(kOp, "image_layout", image_layout, 2));
  LOTUS_TRY(check_choice(kOp, "out_layout", out_layout, 2));
  LOTUS_TRY(check_choice(kOp, "dtype", dtype, 3));
  LOTUS_TRY(check_present(kOp, "augment", augment));
  LOTUS_TRY(check_choice(kOp, "pad_mode", augment->pad_mode, 2));
  LOTUS_TRY(check_normalisation(*augment, channels));
  if (flips == nullptr && !(augment->flip_probability >= 0 && augment->flip_probability <= 1))
    return set_error(LOTUS_INVALID_ARGUMENT, "%s: flip_probability is %g; it must be 0 to 1", kOp,
                     static_cast<double>(augment->flip_probability));
  if (boxes == nullptr) {
    LOTUS_TRY(check_range("padding", augment->padding, INT32_MIN, kMostPixels));
    LOTUS_TRY(check_crop("crop_height", augment->crop_height, height, augment->padding));
    LOTUS_TRY(check_crop("crop_width", augment->crop_width, width, augment->padding));
  }
  // What follows multiplies: no size of images or output may leave int64.
  LOTUS_TRY(check_range("rows", rows, 0, INT64_MAX / (8LL * channels * out_height * out_width)));
  LOTUS_TRY(check_range("image_count", image_count, 0, INT64_MAX / (int64_t{channels} * height * width)));
  if (rows > 0) {
    if (image_count > 0) LOTUS_TRY(check_present(kOp, "images", images));
    LOTUS_TRY(check_present(kOp, "indices", indices));
    LOTUS_TRY(check_present(kOp, "out", out));
  }
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  if (rows == 0) return LOTUS_OK;
  return backend->gather_augment({images, image_count, channels, height, width, image_layout, indices, rows, *augment,
                                  seed, step, samples, boxes, flips, out, out_height, out_width, out_layout, dtype,
                                  nonfinite_rows, device, stream});
}
