// Boxes and the weights of the resize, for host and device: integers up to the last division, so that every backend
// reads the same pixels and gives them the same weights.
//
// The box is cut out of the padded image and resized as a picture of its own: padding inside the box weighs in like any
// other pixel. With n box pixels and m outputs along an axis, output i sits at (i + 1/2) n / m on the box and pixel j
// at j + 1/2; the filter is a triangle of half-width max(n / m, 1) (antialias: it widens only where the image shrinks).
// Times 2 m, all of it is whole numbers:
//   distance_j = (2 j + 1) m - (2 i + 1) n ,  weight_j = max(0, 2 max(n, m) - |distance_j|) / sum of the same
#pragma once

#include <stdint.h>

#include "ops.h"
#include "math/philox.h"

namespace lotus {
// Internal to every file that includes this: the CPU's levels must not share one copy (cpu/simd.h).
namespace {

constexpr int32_t kMostPixels = 1 << 20;  // of an image's or an output's axis, and how far a box may reach outside

struct Box {
  int32_t top, left, height, width;
};

// What the draws of a call need beside the words.
struct BoxRule {
  int32_t height, width;            // of an image
  int32_t crop_height, crop_width;  // of the box
  int32_t padding;                  // below 0: centred
  uint64_t flip_below;              // a word below it flips: the probability times 2^32, rounded up
};

inline BoxRule box_rule(const AugmentArgs& a) {
  const double words = static_cast<double>(a.augment.flip_probability) * 0x1p32;
  const uint64_t whole = a.flips == nullptr ? static_cast<uint64_t>(words) : 0;
  return {a.height, a.width, a.augment.crop_height, a.augment.crop_width, a.augment.padding,
          whole + (a.flips == nullptr && static_cast<double>(whole) < words ? 1 : 0)};
}

LOTUS_HD int32_t drawn_start(uint32_t word, int32_t image, int32_t crop, int32_t padding) {
  const uint64_t places = static_cast<uint64_t>(static_cast<int64_t>(image) + 2 * padding - crop + 1);
  return static_cast<int32_t>(word * places >> 32) - padding;
}

// As torchvision's center_crop: a half is rounded to the even side; a box larger than the image has the odd pixel of
// its padding behind it.
LOTUS_HD int32_t centred_start(int32_t image, int32_t crop) {
  if (crop > image) return -((crop - image) / 2);
  const int32_t half = (image - crop) / 2;
  return (image - crop) % 2 == 0 ? half : half + half % 2;
}

LOTUS_HD Box box_of(const BoxRule& rule, uint32_t top_word, uint32_t left_word) {
  if (rule.padding < 0)
    return {centred_start(rule.height, rule.crop_height), centred_start(rule.width, rule.crop_width), rule.crop_height,
            rule.crop_width};
  return {drawn_start(top_word, rule.height, rule.crop_height, rule.padding),
          drawn_start(left_word, rule.width, rule.crop_width, rule.padding), rule.crop_height, rule.crop_width};
}

// Whether an axis of a ready-made box can be read: it has pixels and reaches no further out than it may.
LOTUS_HD bool axis_fits(int32_t start, int32_t length, int32_t image) {
  const int64_t end = static_cast<int64_t>(start) + length;
  return length >= 1 && start >= -kMostPixels && end <= static_cast<int64_t>(image) + kMostPixels;
}

struct Axis {
  int32_t box, out;      // n, m
  int32_t start, image;  // the box's first pixel in the image, the image's pixels
  bool edge;             // padding repeats the image's edge; else it is black

  // No output has more weights than this.
  LOTUS_HD_MEMBER int32_t most_taps() const {
    const int64_t taps = box > out ? 2 * static_cast<int64_t>(box) / out + 1 : box == out ? 1 : 2;
    return static_cast<int32_t>(taps < image ? taps : image);
  }
};

// What one output reads: image pixels first .. first + count - 1. Padding is folded in: black adds nothing, the edge's
// repetitions weigh on the edge pixel.
struct Reach {
  int32_t first, count;
  int64_t distance;      // of pixel `first`
  int64_t below, above;  // weight of the padding before the first and behind the last pixel
  int64_t total;
  float inverse;  // 1 / total
};

LOTUS_HD int64_t tap_weight(int64_t distance, int64_t half_width) {
  return half_width - (distance < 0 ? -distance : distance);
}

// a / m for a >= 0: an estimate in floats, at most a few off while the quotient is below 2^24, then made exact. A
// division of 64-bit integers is a subroutine on a GPU, and slow everywhere.
LOTUS_HD int64_t quotient(int64_t a, int64_t m) {
#ifdef __CUDA_ARCH__
  int64_t q = static_cast<int64_t>(__fdividef(static_cast<float>(a), static_cast<float>(m)));
#else
  int64_t q = static_cast<int64_t>(static_cast<float>(a) / static_cast<float>(m));
#endif
  int64_t rest = a - q * m;
  for (; rest < 0; rest += m) --q;
  for (; rest >= m; rest -= m) ++q;
  return q;
}

LOTUS_HD Reach reach_of(const Axis& axis, int32_t i) {
  const int64_t n = axis.box, m = axis.out, half_width = 2 * (n > m ? n : m);
  const int64_t at = (2 * static_cast<int64_t>(i) + 1) * n;
  // The pixels whose distance lies strictly inside the triangle.
  const int64_t low = at - half_width, high = at + half_width;
  const int64_t from = low < 0 ? 0 : (quotient(low, m) + 1) / 2;
  const int64_t after = quotient(high - 1, m), to = (after - 1) / 2 < n - 1 ? (after - 1) / 2 : n - 1;
  const int64_t first_inside = -static_cast<int64_t>(axis.start), last_inside = axis.image - 1 + first_inside;
  int64_t total = 0, below = 0, above = 0;
  for (int64_t j = from; j <= to; ++j) {
    const int64_t weight = tap_weight((2 * j + 1) * m - at, half_width);
    total += weight;
    below += j < first_inside ? weight : 0;
    above += j > last_inside ? weight : 0;
  }
  const int64_t first = from > first_inside ? from : first_inside, last = to < last_inside ? to : last_inside;
  Reach reach;
  reach.total = total;
  reach.inverse = 1.0f / static_cast<float>(total);
  reach.below = axis.edge ? below : 0;
  reach.above = axis.edge ? above : 0;
  if (first <= last) {
    reach.first = static_cast<int32_t>(first + axis.start);
    reach.count = static_cast<int32_t>(last - first + 1);
    reach.distance = (2 * first + 1) * m - at;
  } else {  // padding alone: the edge pixel with all of its weight, or nothing
    reach.first = from > last_inside ? axis.image - 1 : 0;
    reach.count = axis.edge ? 1 : 0;
    reach.distance = half_width;
  }
  return reach;
}

// Of pixel first + k, 0 <= k < count.
LOTUS_HD float weight_of(const Axis& axis, const Reach& reach, int32_t k) {
  const int64_t n = axis.box, m = axis.out;
  int64_t weight = tap_weight(reach.distance + 2 * m * k, 2 * (n > m ? n : m));
  weight += k == 0 ? reach.below : 0;
  weight += k == reach.count - 1 ? reach.above : 0;
  // A pixel that stands alone is copied, whatever the inverse was rounded to.
  return weight == reach.total ? 1.0f : static_cast<float>(weight) * reach.inverse;
}

}  // namespace
}  // namespace lotus
