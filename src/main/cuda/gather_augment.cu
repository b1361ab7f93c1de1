// gather_augment on CUDA: one launch; a block a tile of one output image, a thread a pixel with all of its channels.
//
//   out_yxc = (sum_j v_yj sum_k h_xk image[first_y + j, first_x + k, c] / 255 - mean_c) / std_c
//
// v and h are the weights of math/augment.h, padding folded in: one tap each where the box is as large as the output.
// The tile's weights are made once, in shared memory, up to kTaps an axis at a time; a pixel needs more only where an
// image shrinks to less than a fifteenth, and then the tile is summed in pieces. Both directions are summed at once:
// the taps of neighbouring pixels overlap, four reads of a box pixel where it shrinks, and come from the L1 cache.
#include "common/quads.cuh"
#include "common/reduce.cuh"
#include "math/augment.h"
#include "math/normalise.h"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "gather_augment";
constexpr int kTileRows = 8, kTileCols = 32, kThreads = kTileRows * kTileCols;
constexpr int kTaps = 32;

struct Normalisation {
  float mean[4], std[4], inverse[4];
  bool plain;
  __device__ float operator()(float pixel, int c) const {
    if (!plain) return (pixel / 255.0f - mean[c]) / std[c];
    return divided(divided(pixel, 255.0f, 1 / 255.0f) - mean[c], std[c], inverse[c]);
  }
};

// What row b of the batch is made of.
struct Cut {
  Box box;
  int64_t image;  // its first byte; below 0: the row cannot be read
  bool flip;
};

__device__ __forceinline__ Cut cut_of(const AugmentArgs& a, const BoxRule& rule, int64_t b) {
  const PhiloxWords words =
      philox(a.seed, a.step, LOTUS_STREAM_AUGMENT, a.samples != nullptr ? a.samples[b] : b, 0);
  Box box;
  if (a.boxes != nullptr)
    box = {a.boxes[4 * b], a.boxes[4 * b + 1], a.boxes[4 * b + 2], a.boxes[4 * b + 3]};
  else
    box = box_of(rule, words.v[0], words.v[1]);
  const int64_t index = a.indices[b];
  const bool readable = index >= 0 && index < a.image_count && axis_fits(box.top, box.height, a.height) &&
                        axis_fits(box.left, box.width, a.width);
  return {box, readable ? index * a.channels * a.height * a.width : -1,
          a.flips != nullptr ? a.flips[b] != 0 : words.v[2] < rule.flip_below};
}

__device__ __forceinline__ Axis axis_of(const AugmentArgs& a, const Box& box, bool is_row) {
  return {is_row ? box.height : box.width, is_row ? a.out_height : a.out_width, is_row ? box.top : box.left,
          is_row ? a.height : a.width, a.augment.pad_mode == LOTUS_PAD_EDGE};
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    augment_tiles(AugmentArgs a, BoxRule rule, Normalisation normalisation, uint32_t tiles_across,
                  int64_t tiles_an_image) {
  __shared__ Cut cut;  // of the tile's row of the batch
  __shared__ Reach reach[kTileRows + kTileCols];  // of the tile's lines, then of its columns
  __shared__ float row_weight[kTaps][kTileRows];
  __shared__ float col_weight[kTaps][kTileCols];  // a warp reads one tap of 32 columns: 32 banks
  const int thread = static_cast<int>(threadIdx.x), row = thread / kTileCols, col = thread % kTileCols;
  const int channels = a.channels;
  const int64_t plane = static_cast<int64_t>(a.height) * a.width;
  const bool planes = a.image_layout == LOTUS_CHANNELS_FIRST, planes_out = a.out_layout == LOTUS_CHANNELS_FIRST;
  const int64_t channel_step = planes ? plane : 1, pixel_step = planes ? 1 : channels;
  const int64_t out_plane = static_cast<int64_t>(a.out_height) * a.out_width;
  int64_t nonfinite = 0;

  for (int64_t work = blockIdx.x; work < a.rows * tiles_an_image; work += gridDim.x) {
    const int64_t b = quotient(work, tiles_an_image);
    const uint32_t place = static_cast<uint32_t>(work - b * tiles_an_image);  // below 2^32: sizes are at most 2^20
    const int32_t first_y = static_cast<int32_t>(place / tiles_across) * kTileRows;
    const int32_t first_x = static_cast<int32_t>(place % tiles_across) * kTileCols;

    if (thread < kTileRows + kTileCols) {
      const Cut mine = cut_of(a, rule, b);
      const bool is_row = thread < kTileRows;
      const Axis axis = axis_of(a, mine.box, is_row);
      const int32_t at = is_row ? first_y + thread : first_x + thread - kTileRows;
      const int32_t inside = at < axis.out ? at : axis.out - 1;
      if (mine.image >= 0) reach[thread] = reach_of(axis, !is_row && mine.flip ? axis.out - 1 - inside : inside);
      if (thread == 0) cut = mine;
    }
    __syncthreads();  // without it threads would read a cut and reaches that are not yet written

    float sum[4] = {};
    const bool readable = cut.image >= 0;
    if (readable) {
      // At least what any line of the tile has, and the same for all threads.
      const int row_taps = axis_of(a, cut.box, true).most_taps(), col_taps = axis_of(a, cut.box, false).most_taps();
      const Reach down = reach[row], across = reach[kTileRows + col];
      const uint8_t* corner =
          a.images + cut.image + (static_cast<int64_t>(down.first) * a.width + across.first) * pixel_step;
      const int64_t line_step = a.width * pixel_step;
      for (int j0 = 0; j0 < row_taps; j0 += kTaps) {
        for (int k0 = 0; k0 < col_taps; k0 += kTaps) {
          const int j_taps = row_taps - j0 < kTaps ? row_taps - j0 : kTaps;
          const int k_taps = col_taps - k0 < kTaps ? col_taps - k0 : kTaps;
          for (int i = thread; i < j_taps * kTileRows + k_taps * kTileCols; i += kThreads) {
            const bool is_row = i < j_taps * kTileRows;
            const int n = is_row ? i : i - j_taps * kTileRows, size = is_row ? kTileRows : kTileCols;
            const int line = n % size, tap = n / size;
            const Reach& r = reach[is_row ? line : kTileRows + line];
            const int k = (is_row ? j0 : k0) + tap;
            const float weight = k < r.count ? weight_of(axis_of(a, cut.box, is_row), r, k) : 0.0f;
            (is_row ? row_weight[tap] : col_weight[tap])[line] = weight;
          }
          __syncthreads();  // without it pixels would be weighed with weights of the piece before, or none

          const int j_count = down.count - j0 < j_taps ? down.count - j0 : j_taps;
          const int k_count = across.count - k0 < k_taps ? across.count - k0 : k_taps;
          for (int j = 0; j < j_count; ++j) {
            const uint8_t* pixel = corner + (j0 + j) * line_step + k0 * pixel_step;
            float line[4] = {};
            for (int k = 0; k < k_count; ++k, pixel += pixel_step) {
              const float weight = col_weight[k][col];
#pragma unroll
              for (int c = 0; c < 4; ++c)
                if (c < channels) line[c] = fmaf(weight, static_cast<float>(pixel[c * channel_step]), line[c]);
            }
            const float weight = row_weight[j][row];
#pragma unroll
            for (int c = 0; c < 4; ++c) sum[c] = fmaf(weight, line[c], sum[c]);
          }
          __syncthreads();  // without it the next piece, or the next tile, would overwrite weights and reaches in use
        }
      }
    } else {
      nonfinite += place == 0;
      __syncthreads();  // without it the next tile would be written while this one is still asked for
    }

    const int32_t y = first_y + row, x = first_x + col;
    if (y >= a.out_height || x >= a.out_width) continue;  // no barrier lies below
    const int64_t pixel = static_cast<int64_t>(y) * a.out_width + x;
    T* out = static_cast<T*>(a.out) + b * channels * out_plane + (planes_out ? pixel : pixel * channels);
#pragma unroll
    for (int c = 0; c < 4; ++c)
      if (c < channels)
        narrow(readable ? normalisation(sum[c], c) : kNan,
               out[planes_out ? c * out_plane : c]);
  }
  // The same in every thread of the block; thread 0's warp writes it.
  if (thread < kWarp) add_count(a.nonfinite_rows, nonfinite);
}

}  // namespace

int32_t gather_augment(const AugmentArgs& a) {
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  Normalisation normalisation = {};
  normalisation.plain = plain(a.augment, a.channels);
  for (int c = 0; c < a.channels; ++c) {
    normalisation.mean[c] = a.augment.mean[c];
    normalisation.std[c] = a.augment.std[c];
    normalisation.inverse[c] = 1 / a.augment.std[c];
  }
  const uint32_t across = static_cast<uint32_t>((a.out_width + kTileCols - 1) / kTileCols);
  const int64_t tiles = static_cast<int64_t>((a.out_height + kTileRows - 1) / kTileRows) * across;
  return with_dtype(a.dtype, [&](auto type) {
    return check(kOp, launch(augment_tiles<decltype(type)>, {a.rows * tiles, kThreads, 0}, a.stream, a, box_rule(a),
                             normalisation, across, tiles));
  });
}

}  // namespace cuda
}  // namespace lotus
