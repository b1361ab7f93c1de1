// gather_augment on the CPU: a thread an image.
//
// Box as large as the output: its bytes are cut out line by line (padding, flip, layout) into a tile that stays in the
// cache, and the tile is normalised in one run. Else a resize, kWidth output lines at a time:
//   vertical    column by column in the lanes, the taps of each line accumulated from the bytes; then turned, so that
//               one vector holds one column of all kWidth lines
//   horizontal  a tap is one aligned load and one multiply-add for kWidth lines; turned back, normalised, stored
// Padding costs nothing in the loops: math/augment.h folds it into the weights.
#include "cpu/kernels.h"
#include "cpu/noise.h"
#include "cpu/pixels.h"
#include "cpu/scratch.h"
#include "internal.h"
#include "math/augment.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr int64_t kTileBytes = 16384;  // of cut pixels: with their normalised values still in the second cache

inline int32_t clamp(int64_t x, int32_t low, int32_t high) {
  return x < low ? low : x > high ? high : static_cast<int32_t>(x);
}

// ---- Weights of an axis, made once an image; boxes of one size inside their images share them ----
// Every output has the same number of taps, some of weight 0, so that no branch in the loops depends on the output.
struct Taps {
  int32_t first;  // image pixel
  const float* weight;
};

class AxisTable {
 public:
  // False if there is no memory.
  bool set(Axis axis) {
    const bool inside = axis.start >= 0 && static_cast<int64_t>(axis.start) + axis.box <= axis.image;
    offset_ = inside ? axis.start : 0;
    if (inside) axis = {axis.box, axis.out, 0, axis.box, false};
    if (made_ && axis.box == axis_.box && axis.out == axis_.out && axis.start == axis_.start &&
        axis.image == axis_.image && axis.edge == axis_.edge)
      return true;
    made_ = false;
    count_ = axis.most_taps();
    weights_ = scratch_.floats((static_cast<int64_t>(count_) + 1) * axis.out);
    if (weights_ == nullptr) return false;
    firsts_ = reinterpret_cast<int32_t*>(weights_ + static_cast<int64_t>(count_) * axis.out);
    first_ = axis.image;
    end_ = 0;
    for (int32_t i = 0; i < axis.out; ++i) {
      const Reach reach = reach_of(axis, i);
      float* weights = weights_ + static_cast<int64_t>(i) * count_;
      for (int32_t t = 0; t < count_; ++t) weights[t] = 0;
      firsts_[i] = reach.first < axis.image - count_ ? reach.first : axis.image - count_;
      for (int32_t t = 0; t < reach.count; ++t) weights[reach.first - firsts_[i] + t] = weight_of(axis, reach, t);
      first_ = firsts_[i] < first_ ? firsts_[i] : first_;
      end_ = firsts_[i] + count_ > end_ ? firsts_[i] + count_ : end_;
    }
    axis_ = axis;
    made_ = true;
    return true;
  }
  int32_t count() const { return count_; }
  Taps at(int32_t i) const { return {firsts_[i] + offset_, weights_ + static_cast<int64_t>(i) * count_}; }
  // Image pixels [first, end) that any output reads.
  int32_t first() const { return first_ + offset_; }
  int32_t end() const { return end_ + offset_; }

 private:
  Scratch scratch_;
  Axis axis_;
  bool made_ = false;
  int32_t count_, offset_, first_, end_;
  float* weights_;
  int32_t* firsts_;
};

// ---- One image and what becomes of it ----
struct Picture {
  const uint8_t* pixels;
  int32_t height, width;
  bool planes;  // channels first
  Box box;
  bool edge, flip;
};

// What a thread keeps from image to image and from call to call.
struct Work {
  AxisTable rows, cols;
  Scratch lines;
};
inline Work& thread_work() {
  static thread_local Work work;
  return work;
}

// ---- Cut: the box is as large as the output ----
template <int G>
void pad_line(const uint8_t* pixel, int32_t n, uint8_t* out) {
  for (int32_t i = 0; i < n; ++i)
    for (int c = 0; c < G; ++c) out[i * G + c] = pixel[c];
}

template <int G>
void reverse(const uint8_t* __restrict from, int32_t n, uint8_t* __restrict to) {
  for (int32_t i = 0; i < n; ++i)
    for (int c = 0; c < G; ++c) to[i * G + c] = from[(n - 1 - i) * G + c];
}

// n pixels of G bytes from a line of the image; `line` null: a black line. `spare` has room for them.
template <int G>
void cut_line(const Picture& p, const uint8_t* line, int32_t n, uint8_t* spare, uint8_t* out) {
  static constexpr uint8_t kBlack[G] = {};
  if (line == nullptr) return pad_line<G>(kBlack, n, out);
  uint8_t* to = p.flip ? spare : out;
  const int64_t start = p.box.left;
  const int32_t begin = clamp(-start, 0, n), end = clamp(p.width - start, begin, n);
  pad_line<G>(p.edge ? line : kBlack, begin, to);
  if (end > begin)
    __builtin_memcpy(to + begin * G, line + (start + begin) * G, static_cast<size_t>(end - begin) * G);
  pad_line<G>(p.edge ? line + (p.width - 1) * G : kBlack, n - end, to + end * G);
  if (p.flip) reverse<G>(spare, n, out);
}

template <int C>
void interleave(const uint8_t* __restrict planes, int32_t n, uint8_t* __restrict out) {
  for (int32_t i = 0; i < n; ++i)
    for (int c = 0; c < C; ++c) out[i * C + c] = planes[c * n + i];
}

template <int C, class T>
bool cut(const AugmentArgs& a, const Picture& p, Work& work, T* out) {
  const int32_t height = a.out_height, width = a.out_width;
  const int64_t line_bytes = static_cast<int64_t>(width) * C;
  const int32_t tile = clamp(kTileBytes / line_bytes, 1, height);
  uint8_t* spare = reinterpret_cast<uint8_t*>(work.lines.floats((2 + tile) * line_bytes / 4 + 1));
  if (spare == nullptr) return false;
  uint8_t *line = spare + line_bytes, *pixels = line + line_bytes;
  const bool planes_out = a.out_layout == LOTUS_CHANNELS_FIRST;
  const Normalise<C> all(a.augment, 0);
  const int64_t source_line = static_cast<int64_t>(p.width) * (p.planes ? 1 : C);

  for (int32_t first = 0; first < height; first += tile) {
    const int32_t lines = height - first < tile ? height - first : tile;
    const int64_t plane = static_cast<int64_t>(lines) * width;
    for (int32_t i = 0; i < lines; ++i) {
      const int64_t y = static_cast<int64_t>(p.box.top) + first + i;
      const bool outside = y < 0 || y >= p.height;
      const uint8_t* from = outside && !p.edge ? nullptr : p.pixels + clamp(y, 0, p.height - 1) * source_line;
      if (p.planes) {
        for (int64_t c = 0; c < C; ++c)
          cut_line<1>(p, from == nullptr ? nullptr : from + c * p.height * p.width, width, spare,
                      planes_out ? pixels + c * plane + static_cast<int64_t>(i) * width : line + c * width);
        if (!planes_out) interleave<C>(line, width, pixels + i * line_bytes);
      } else {
        cut_line<C>(p, from, width, spare, planes_out ? line : pixels + i * line_bytes);
        for (int c = 0; planes_out && c < C; ++c)
          for (int32_t x = 0; x < width; ++x) pixels[c * plane + static_cast<int64_t>(i) * width + x] = line[x * C + c];
      }
    }
    if (planes_out) {
      for (int c = 0; c < C; ++c) {
        T* to = out + (static_cast<int64_t>(c) * height + first) * width;
        Normalise<1>(a.augment, c).run(pixels + c * plane, plane, to);
      }
    } else {
      all.run(pixels, lines * line_bytes, out + first * line_bytes);
    }
  }
  return true;
}

// ---- Resize ----
// Lines first .. of the output, kWidth of them, from a run of n source bytes a line: turned[k] = byte k of all lines.
// N: the number of taps where it is known at compile time, else 0.
template <int N>
void vertical_taps(const AxisTable& rows, const uint8_t* source, int64_t line_bytes, int64_t n, int32_t first,
                   int32_t height, float* turned) {
  // Lines beyond the last repeat it; they are not stored.
  Taps taps[kWidth];
  for (int line = 0; line < kWidth; ++line) taps[line] = rows.at(first + line < height ? first + line : height - 1);
  const int32_t count = N > 0 ? N : rows.count();
  for_vectors(n, [&](int64_t k, auto lanes) {
    F block[kWidth];
    for (int line = 0; line < kWidth; ++line) {
      const uint8_t* from = source + taps[line].first * line_bytes + k;
      F sum{};
      for (int32_t t = 0; t < count; ++t) sum += taps[line].weight[t] * load_bytes(from + t * line_bytes, lanes);
      block[line] = sum;
    }
    transpose(block);
    for (int i = 0; i < kWidth; ++i) store(turned + (k + i) * kWidth, block[i], Whole{});
  });
}

void vertical(const AxisTable& rows, const uint8_t* source, int64_t line_bytes, int64_t n, int32_t first,
              int32_t height, float* turned) {
  const auto taps = rows.count() == 2   ? vertical_taps<2>   // growing
                    : rows.count() == 3 ? vertical_taps<3>   // shrinking by less than 3 / 2
                    : rows.count() == 4 ? vertical_taps<4>   // by less than 2
                                        : vertical_taps<0>;
  taps(rows, source, line_bytes, n, first, height, turned);
}

// The way through turned values: pixel x of channel c is at x pixel_step + c channel_step.
struct Turned {
  float* data;
  int64_t pixel_step, channel_step;
};

// All channels of a pixel at once: they share the weights. `from` starts at the table's first column.
template <int C>
void horizontal(const AxisTable& cols, const Turned& from, int32_t width, bool flip, const Turned& to) {
  const int32_t count = cols.count(), first = cols.first();
  for (int32_t x = 0; x < width; ++x) {
    const Taps taps = cols.at(x);
    const float* column = from.data + (taps.first - first) * from.pixel_step;
    F sum[C] = {};
    for (int32_t t = 0; t < count; ++t, column += from.pixel_step)
      for (int c = 0; c < C; ++c) sum[c] += taps.weight[t] * load(column + c * from.channel_step, Whole{}, 0.0f);
    float* out = to.data + (flip ? width - 1 - x : x) * to.pixel_step;
    for (int c = 0; c < C; ++c) store(out + c * to.channel_step, sum[c], Whole{});
  }
}

// n turned values become the first `lines` lines of them, normalised; lines lie out_step apart.
template <int G, class T>
void turn_back(const float* turned, int64_t n, const Normalise<G>& normalise, int lines, T* out, int64_t out_step) {
  for_vectors(n, [&](int64_t i, auto lanes) {
    F block[kWidth];
    for (int k = 0; k < kWidth; ++k) block[k] = load(turned + (i + k) * kWidth, Whole{}, 0.0f);
    transpose(block);
    for (int line = 0; line < lines; ++line)
      store(out + line * out_step + i, normalise(block[line], i / kWidth), lanes);
  });
}

template <int C, class T>
bool resize(const AugmentArgs& a, const Picture& p, Work& work, T* out) {
  if (!work.rows.set({p.box.height, a.out_height, p.box.top, p.height, p.edge}) ||
      !work.cols.set({p.box.width, a.out_width, p.box.left, p.width, p.edge}))
    return false;
  const int32_t first = work.cols.first();
  const int64_t columns = work.cols.end() - first, width = a.out_width;
  // Both parts have a vector more, for the last run's whole blocks.
  float* scratch = work.lines.floats(((columns + width) * C + 2 * kWidth) * kWidth);
  if (scratch == nullptr) return false;
  const bool planes_out = a.out_layout == LOTUS_CHANNELS_FIRST;
  const Turned from{scratch, p.planes ? kWidth : C * kWidth, p.planes ? columns * kWidth : kWidth};
  const Turned to{scratch + (columns * C + kWidth) * kWidth, planes_out ? kWidth : C * kWidth,
                  planes_out ? width * kWidth : kWidth};
  const Normalise<C> all(a.augment, 0);
  const int64_t plane = static_cast<int64_t>(p.height) * p.width;
  for (int32_t y = 0; y < a.out_height; y += kWidth) {
    if (p.planes) {
      for (int c = 0; c < C; ++c)
        vertical(work.rows, p.pixels + c * plane + first, p.width, columns, y, a.out_height,
                 from.data + c * from.channel_step);
    } else {
      vertical(work.rows, p.pixels + static_cast<int64_t>(first) * C, static_cast<int64_t>(p.width) * C, columns * C, y,
               a.out_height, from.data);
    }
    horizontal<C>(work.cols, from, a.out_width, p.flip, to);
    const int lines = a.out_height - y < kWidth ? a.out_height - y : kWidth;
    if (planes_out) {
      for (int c = 0; c < C; ++c)
        turn_back(to.data + c * to.channel_step, width, Normalise<1>(a.augment, c), lines,
                  out + (static_cast<int64_t>(c) * a.out_height + y) * width, width);
    } else {
      turn_back(to.data, width * C, all, lines, out + y * width * C, width * C);
    }
  }
  return true;
}

// ---- A row of the batch ----
enum class Result { kDone, kNonfinite, kNoMemory };

template <int C, class T>
Result augment_row(const AugmentArgs& a, const BoxRule& rule, int64_t b, Work& work) {
  const int64_t image_bytes = static_cast<int64_t>(a.height) * a.width * C;
  const int64_t out_elements = static_cast<int64_t>(a.out_height) * a.out_width * C;
  T* out = static_cast<T*>(a.out) + b * out_elements;
  const NoiseKey key{a.seed, a.step, LOTUS_STREAM_AUGMENT, a.samples != nullptr ? a.samples[b] : b};
  const Words words = philox_words(key, 0);
  const int32_t* given = a.boxes != nullptr ? a.boxes + 4 * b : nullptr;
  const Box box =
      given != nullptr ? Box{given[0], given[1], given[2], given[3]} : box_of(rule, words.low[0], words.low[1]);
  if (a.indices[b] < 0 || a.indices[b] >= a.image_count || !axis_fits(box.top, box.height, a.height) ||
      !axis_fits(box.left, box.width, a.width)) {
    for_vectors(out_elements, [&](int64_t i, auto lanes) { store(out + i, splat(__builtin_nanf("")), lanes); });
    return Result::kNonfinite;
  }
  const bool flip = a.flips != nullptr ? a.flips[b] != 0 : words.low[2] < rule.flip_below;
  const Picture picture{a.images + a.indices[b] * image_bytes, a.height, a.width,
                        a.image_layout == LOTUS_CHANNELS_FIRST, box, a.augment.pad_mode == LOTUS_PAD_EDGE, flip};
  const bool same_size = box.height == a.out_height && box.width == a.out_width;
  const bool done = same_size ? cut<C>(a, picture, work, out) : resize<C>(a, picture, work, out);
  return done ? Result::kDone : Result::kNoMemory;
}

template <int C, class T>
int32_t run(const AugmentArgs& a) {
  const BoxRule rule = box_rule(a);
  const int threads = threads_for(a.rows * a.out_height * a.out_width * C);
  int64_t nonfinite = 0;
  int32_t out_of_memory = 0;
#pragma omp parallel num_threads(threads) if (threads > 1) reduction(+ : nonfinite) reduction(| : out_of_memory)
  {
    Work& work = thread_work();
#pragma omp for schedule(static)
    for (int64_t b = 0; b < a.rows; ++b) {
      const Result result = augment_row<C, T>(a, rule, b, work);
      nonfinite += result == Result::kNonfinite;
      out_of_memory |= result == Result::kNoMemory;
    }
  }
  if (out_of_memory != 0)
    return set_error(LOTUS_OUT_OF_MEMORY, "gather_augment: no memory for the scratch of images %d x %d", a.height,
                     a.width);
  if (a.nonfinite_rows != nullptr) *a.nonfinite_rows += nonfinite;
  return LOTUS_OK;
}

template <class T>
int32_t run_channels(const AugmentArgs& a) {
  switch (a.channels) {
    case 1:
      return run<1, T>(a);
    case 2:
      return run<2, T>(a);
    case 3:
      return run<3, T>(a);
    default:
      return run<4, T>(a);
  }
}

}  // namespace

int32_t gather_augment(const AugmentArgs& a) {
  return with_dtype(a.dtype, [&](auto type) { return run_channels<decltype(type)>(a); });
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
