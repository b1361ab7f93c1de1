// resize: checks, then the backend.
#include "internal.h"
#include "math/resize.h"

namespace lotus {
namespace {

constexpr const char* kOp = "resize";

int32_t check_range(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return LOTUS_OK;
  return set_error(LOTUS_INVALID_ARGUMENT, "%s: %s is %lld; it must be %lld to %lld", kOp, name,
                   static_cast<long long>(value), static_cast<long long>(low), static_cast<long long>(high));
}

}  // namespace
}  // namespace lotus

int32_t lotus_resize(const uint8_t* source, int32_t rows, int32_t columns, int32_t channels, int64_t stride,
                     int32_t reverse, int32_t resized_height, int32_t resized_width, int32_t top, int32_t left,
                     int32_t height, int32_t width, uint8_t* out, int32_t device, void* stream) {
  using namespace lotus;
  LOTUS_TRY(check_range("rows", rows, 1, kMostSide));
  LOTUS_TRY(check_range("columns", columns, 1, kMostSide));
  LOTUS_TRY(check_range("channels", channels, 1, 4));
  LOTUS_TRY(check_range("stride", stride, static_cast<int64_t>(columns) * channels, INT64_MAX / kMostSide));
  LOTUS_TRY(check_range("resized_height", resized_height, 1, kMostResized));
  LOTUS_TRY(check_range("resized_width", resized_width, 1, kMostResized));
  LOTUS_TRY(check_range("height", height, 1, kMostSide));
  LOTUS_TRY(check_range("width", width, 1, kMostSide));
  LOTUS_TRY(check_range("top", top, 0, static_cast<int64_t>(resized_height) - height));
  LOTUS_TRY(check_range("left", left, 0, static_cast<int64_t>(resized_width) - width));
  LOTUS_TRY(check_present(kOp, "source", source));
  LOTUS_TRY(check_present(kOp, "out", out));
  const Backend* backend = backend_for(device);
  if (backend == nullptr) return LOTUS_UNSUPPORTED;
  return backend->resize({source, rows, columns, channels, stride, reverse != 0, resized_height, resized_width, top,
                          left, height, width, out, device, stream});
}
