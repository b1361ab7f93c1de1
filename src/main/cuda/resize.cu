// resize on CUDA: one launch; a block a tile of the window, a thread a pixel with all of its channels.
//
//   line_jc = byte(sum_k h_k source[first_y + j, first_x + k, c])      out_c = byte(sum_j v_j line_jc)
//
// v, h and byte() are those of math/resize.h. The tile's weights are made once, in shared memory, up to kTaps an axis;
// beyond that, where a picture shrinks to less than a fifteenth, a thread makes them as it goes. Neighbouring pixels sum
// some of the same lines: their taps overlap, and come from the L1 cache.
#include "common/launch.cuh"
#include "math/resize.h"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "resize";
constexpr int kTileRows = 8, kTileCols = 32, kThreads = kTileRows * kTileCols;
constexpr int kTaps = 32;

__device__ __forceinline__ Axis axis_of(const ResizeArgs& a, bool is_row) {
  return resize_axis(is_row ? a.rows : a.columns, is_row ? a.resized_height : a.resized_width);
}

__global__ void __launch_bounds__(kThreads) resize_tiles(ResizeArgs a, uint32_t tiles_across, int64_t tiles) {
  __shared__ Reach reach[kTileRows + kTileCols];  // of the tile's lines, then of its columns
  __shared__ int32_t row_weight[kTaps][kTileRows];
  __shared__ int32_t col_weight[kTaps][kTileCols];  // a warp reads one tap of 32 columns: 32 banks
  const int thread = static_cast<int>(threadIdx.x), row = thread / kTileCols, col = thread % kTileCols;
  const int channels = a.channels;

  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const uint32_t place = static_cast<uint32_t>(tile);  // below 2^32: a window has at most 2^32 pixels
    const int32_t first_y = static_cast<int32_t>(place / tiles_across) * kTileRows;
    const int32_t first_x = static_cast<int32_t>(place % tiles_across) * kTileCols;
    if (thread < kTileRows + kTileCols) {
      const bool is_row = thread < kTileRows;
      const int32_t at = is_row ? first_y + thread : first_x + thread - kTileRows, end = is_row ? a.height : a.width;
      const int32_t inside = at < end ? at : end - 1;
      reach[thread] = reach_of(axis_of(a, is_row), inside + (is_row ? a.top : a.left));
    }
    __syncthreads();  // without it threads would read reaches that are not yet written
    for (int i = thread; i < kTaps * (kTileRows + kTileCols); i += kThreads) {
      const bool is_row = i < kTaps * kTileRows;
      const int n = is_row ? i : i - kTaps * kTileRows, size = is_row ? kTileRows : kTileCols;
      const int line = n % size, tap = n / size;
      const Reach& r = reach[is_row ? line : kTileRows + line];
      if (tap < r.count)
        (is_row ? row_weight[tap] : col_weight[tap])[line] = rounded_weight(axis_of(a, is_row), r, tap);
    }
    __syncthreads();  // without it pixels would be weighed with the weights of the tile before, or none

    const int32_t y = first_y + row, x = first_x + col;
    if (y < a.height && x < a.width) {
      const Reach &down = reach[row], &across = reach[kTileRows + col];
      const uint8_t* line = a.source + down.first * a.stride + static_cast<int64_t>(across.first) * channels;
      int32_t sum[4] = {};
      for (int j = 0; j < down.count; ++j, line += a.stride) {
        const uint8_t* pixel = line;
        int32_t line_sum[4] = {};
        for (int k = 0; k < across.count; ++k, pixel += channels) {
          const int32_t weight = k < kTaps ? col_weight[k][col] : rounded_weight(axis_of(a, false), across, k);
#pragma unroll
          for (int c = 0; c < 4; ++c)
            if (c < channels) line_sum[c] += weight * pixel[c];
        }
        const int32_t weight = j < kTaps ? row_weight[j][row] : rounded_weight(axis_of(a, true), down, j);
#pragma unroll
        for (int c = 0; c < 4; ++c) sum[c] += weight * byte_of(line_sum[c]);
      }
      const int64_t plane = static_cast<int64_t>(a.height) * a.width, at = static_cast<int64_t>(y) * a.width + x;
#pragma unroll
      for (int c = 0; c < 4; ++c)
        if (c < channels)
          a.out[(a.reverse ? channels - 1 - c : c) * plane + at] = static_cast<uint8_t>(byte_of(sum[c]));
    }
    __syncthreads();  // without it the next tile would overwrite weights and reaches in use
  }
}

}  // namespace

int32_t resize(const ResizeArgs& a) {
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  const uint32_t across = static_cast<uint32_t>((a.width + kTileCols - 1) / kTileCols);
  const int64_t tiles = static_cast<int64_t>((a.height + kTileRows - 1) / kTileRows) * across;
  return check(kOp, launch(resize_tiles, {tiles, kThreads, 0}, a.stream, a, across, tiles));
}

}  // namespace cuda
}  // namespace lotus
