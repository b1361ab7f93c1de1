// resize on the CPU, on the calling thread; weights and rounding are those of math/resize.h.
//
//   columns   lines of the picture, kLanes at a time, each its own lane of a vector: 16 bytes hold four pixels, which a
//             shuffle turns into pairs of words, channel by channel. What comes of them lies in planes
//   rows      along the planes, a vector of bytes at a time; only the lines under one output line's triangle are kept
//
// A weight has more bits than a word: it is cut in two, whose sums are joined at the end.
#include "cpu/bytes.h"
#include "cpu/kernels.h"
#include "cpu/scratch.h"
#include "internal.h"
#include "math/resize.h"

namespace lotus {
namespace LOTUS_LEVEL {
namespace {

constexpr int kCut = kWeightBits / 2;
constexpr int kPixels = 4;  // a step of the columns' loop
constexpr int kVectors = 2, kLines = kVectors * kLanes;  // of lines, that share the weights they are multiplied with

inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// ---- Weights of an axis; kept, since the pictures of a data set often have one size ----
class Taps {
 public:
  // Outputs start .. start + count - 1, each of as many pairs of taps, a multiple of `pairs_step`. False if there is no
  // memory.
  bool set(const Axis& axis, int32_t start, int32_t count, int32_t pairs_step) {
    if (made_ && axis.box == axis_.box && axis.out == axis_.out && start == start_ && count == count_) return true;
    made_ = false;
    pairs_ = static_cast<int32_t>(round_up((axis.most_taps() + 1) / 2, pairs_step));
    const int64_t outputs = round_up(count, kPixels), cells = outputs * pairs_ * 2;
    int32_t* memory = reinterpret_cast<int32_t*>(scratch_.floats(cells + 2 * outputs));
    if (memory == nullptr) return false;
    weights_ = memory;
    firsts_ = memory + cells;
    ends_ = firsts_ + outputs;
    for (int32_t i = 0; i < outputs; ++i) {
      const Reach reach = reach_of(axis, start + (i < count ? i : count - 1));
      firsts_[i] = reach.first;
      ends_[i] = reach.first + reach.count;
      int32_t* to = weights_ + static_cast<int64_t>(i) * pairs_ * 2;
      for (int32_t pair = 0; pair < pairs_; ++pair) {
        const int32_t a = weight(axis, reach, 2 * pair), b = weight(axis, reach, 2 * pair + 1);
        to[2 * pair] = (a >> kCut) | (b >> kCut) << 16;
        to[2 * pair + 1] = (a & kLow) | (b & kLow) << 16;
      }
    }
    axis_ = axis;
    start_ = start;
    count_ = count;
    made_ = true;
    return true;
  }
  int32_t pairs() const { return pairs_; }
  int32_t first(int32_t i) const { return firsts_[i]; }
  const int32_t* firsts() const { return firsts_; }
  int32_t end(int32_t i) const { return ends_[i]; }
  // For each pair of taps the upper parts of both weights, then the lower ones.
  const int32_t* weights(int32_t i) const { return weights_ + static_cast<int64_t>(i) * pairs_ * 2; }

 private:
  static constexpr int32_t kLow = (1 << kCut) - 1;
  static int32_t weight(const Axis& axis, const Reach& reach, int32_t k) {
    return k < reach.count ? rounded_weight(axis, reach, k) : 0;
  }
  Scratch scratch_;
  Axis axis_;
  bool made_ = false;
  int32_t start_, count_, pairs_;
  int32_t *weights_, *firsts_, *ends_;
};

// A sum of weighted bytes, in two parts.
struct Sums {
  V high = zero(), low = splat_words(kHalf);

  void add_pair(V words, const int32_t* weights) {
    high = add(high, dot(words, splat_words(weights[0])));
    low = add(low, dot(words, splat_words(weights[1])));
  }
  V values() const { return shift_right(add(shift_left(high, kCut), low), kWeightBits); }
};

// What a thread keeps from picture to picture.
struct Work {
  Taps rows, cols;
  Scratch lines, padded, under;
};
inline Work& thread_work() {
  static thread_local Work work;
  return work;
}

// ---- Columns ----
// One line, a channel after the other, each `pitch` bytes from the one before.
template <int C>
void line_by_bytes(const Taps& cols, const uint8_t* line, int32_t width, bool reverse, uint8_t* out, int64_t pitch) {
  for (int32_t x = 0; x < width; ++x) {
    const int32_t* weights = cols.weights(x);
    const uint8_t* pixel = line + static_cast<int64_t>(cols.first(x)) * C;
    const int32_t count = cols.end(x) - cols.first(x);
    int32_t sums[C] = {};
    for (int32_t k = 0; k < count; ++k, pixel += C) {
      const int shift = k % 2 * 16;
      const int32_t* pair = weights + k / 2 * 2;
      const int32_t weight = (pair[0] >> shift & 0xffff) << kCut | (pair[1] >> shift & 0xffff);
      for (int c = 0; c < C; ++c) sums[c] += weight * pixel[c];
    }
    for (int c = 0; c < C; ++c) out[(reverse ? C - 1 - c : c) * pitch + x] = static_cast<uint8_t>(byte_of(sums[c]));
  }
}

#if defined(LOTUS_HAS_SHUFFLE)
// Bytes of the first and of the second pair of pixels as words: for each channel one of each; -1 makes a 0.
template <int C>
struct Places {
  int8_t pair[2][16], planes[16];
  constexpr Places() : pair(), planes() {
    for (int p = 0; p < 2; ++p)
      for (int i = 0; i < 16; ++i) {
        const int channel = i / 4;
        pair[p][i] = static_cast<int8_t>(i % 2 == 0 && channel < C ? (2 * p + i % 4 / 2) * C + channel : -1);
      }
    for (int i = 0; i < 16; ++i) planes[i] = static_cast<int8_t>(i % 4 * 4 + i / 4);
  }
};

// kLines lines at once. N: the number of pairs of taps where it is known at compile time, else 0.
template <int C, int N>
void lines_by_lanes(const Taps& cols, const uint8_t* const* lines, int32_t width, bool reverse, uint8_t* const* out,
                    int64_t pitch) {
  static constexpr Places<C> kPlaces;
  const V first_pair = lanes_of(kPlaces.pair[0]), second_pair = lanes_of(kPlaces.pair[1]);
  const V by_plane = lanes_of(kPlaces.planes);
  const int32_t pairs = N > 0 ? N : cols.pairs();
  const int32_t *weights = cols.weights(0), *firsts = cols.firsts();
  const int64_t first_plane = reverse ? (C - 1) * pitch : 0, plane_step = reverse ? -pitch : pitch;
  for (int32_t x = 0; x < width; x += kPixels) {
    V values[kVectors][kPixels];
    for (int i = 0; i < kPixels; ++i) {
      int64_t at = static_cast<int64_t>(firsts[x + i]) * C;
      Sums sums[kVectors];
      for (int32_t pair = 0; pair < pairs; pair += 2, at += 4 * C, weights += 4)
        for (int v = 0; v < kVectors; ++v) {
          const V pixels = load_lanes(lines + v * kLanes, at);
          sums[v].add_pair(shuffle(pixels, first_pair), weights);
          sums[v].add_pair(shuffle(pixels, second_pair), weights + 2);
        }
      for (int v = 0; v < kVectors; ++v) values[v][i] = sums[v].values();
    }
    for (int v = 0; v < kVectors; ++v) {
      const V planes = shuffle(pack(values[v][0], values[v][1], values[v][2], values[v][3]), by_plane);
      store_lanes<C>(planes, out + v * kLanes, first_plane + x, plane_step);
    }
  }
}
#endif

// ---- Rows ----
// One output line of one plane. lines [2 pairs]: those under its triangle; what weighs nothing may be any line.
template <int N>
void combine(const uint8_t* const* lines, const int32_t* weights, int32_t pairs_there, int32_t width,
             uint8_t* __restrict out) {
  const int32_t pairs = N > 0 ? N : pairs_there;
  for (int32_t x = 0; x < width; x += kBytes) {
    Sums sums[4];
    for (int32_t pair = 0; pair < pairs; ++pair) {
      const V a = load_vector(lines[2 * pair] + x), b = load_vector(lines[2 * pair + 1] + x);
      const V low = low_bytes(a, b), high = high_bytes(a, b);
      const int32_t* w = weights + 2 * pair;
      sums[0].add_pair(low_bytes(low, zero()), w);
      sums[1].add_pair(high_bytes(low, zero()), w);
      sums[2].add_pair(low_bytes(high, zero()), w);
      sums[3].add_pair(high_bytes(high, zero()), w);
    }
    const V bytes = pack(sums[0].values(), sums[1].values(), sums[2].values(), sums[3].values());
    if (x + kBytes <= width) {
      store_vector(out + x, bytes);
    } else {
      uint8_t rest[kBytes];
      store_vector(rest, bytes);
      __builtin_memcpy(out + x, rest, static_cast<size_t>(width - x));
    }
  }
}

// ---- Both ----
// The lines under a triangle, summed by columns; line r of the picture is in place r mod slots.
template <int C>
class Lines {
 public:
  Lines(const ResizeArgs& a, Work& work) : a_(a), cols_(work.cols) {
    pitch_ = round_up(a.width, kBytes);
    slots_ = 2 * work.rows.pairs() + kLines;
    memory_ = reinterpret_cast<uint8_t*>(work.lines.floats(slots_ * C * pitch_ / 4));
    read_ = (static_cast<int64_t>(cols_.first(a.width - 1)) + 2 * cols_.pairs() - 4) * C + 16;
    const int64_t bytes = static_cast<int64_t>(a.columns) * C;
    padded_bytes_ = round_up(read_ > bytes ? read_ : bytes, 16);
    padded_ = reinterpret_cast<uint8_t*>(work.padded.floats(kLines * padded_bytes_ / 4));
    made_ = work.rows.first(0);
  }
  bool has_memory() const { return memory_ != nullptr && padded_ != nullptr; }
  const uint8_t* at(int32_t line) const { return memory_ + line % slots_ * C * pitch_; }
  int64_t pitch() const { return pitch_; }

  // Makes the lines before `end` that are not made yet.
  void make(int32_t end) {
    while (made_ < end) {
      if (kByLanes) {
        make_by_lanes();
        made_ += kLines;
      } else {
        line_by_bytes<C>(cols_, a_.source + made_ * a_.stride, a_.width, a_.reverse, place(made_), pitch_);
        ++made_;
      }
    }
  }

 private:
#if defined(LOTUS_HAS_SHUFFLE)
  static constexpr bool kByLanes = C >= 3;
#else
  static constexpr bool kByLanes = false;
#endif
  uint8_t* place(int32_t line) { return memory_ + line % slots_ * C * pitch_; }

  void make_by_lanes() {
#if defined(LOTUS_HAS_SHUFFLE)
    const uint8_t* from[kLines];
    uint8_t* to[kLines];
    const int64_t bytes = static_cast<int64_t>(a_.columns) * C, end = (a_.rows - 1) * a_.stride + bytes;
    for (int lane = 0; lane < kLines; ++lane) {
      // Beyond the last line it is made again, to a place that nothing is read from.
      const int32_t line = made_ + lane < a_.rows ? made_ + lane : a_.rows - 1;
      from[lane] = a_.source + line * a_.stride;
      to[lane] = place(made_ + lane);
      if (line * a_.stride + read_ > end) {  // whole vectors would be read from behind the picture
        uint8_t* copy = padded_ + lane * padded_bytes_;
        __builtin_memcpy(copy, from[lane], static_cast<size_t>(bytes));
        __builtin_memset(copy + bytes, 0, static_cast<size_t>(padded_bytes_ - bytes));
        from[lane] = copy;
      }
    }
    const auto lines = cols_.pairs() == 2 ? lines_by_lanes<C, 2> : lines_by_lanes<C, 0>;
    lines(cols_, from, a_.width, a_.reverse, to, pitch_);
#endif
  }

  const ResizeArgs& a_;
  const Taps& cols_;
  int64_t pitch_, slots_, read_, padded_bytes_;
  uint8_t *memory_, *padded_;
  int32_t made_;
};

template <int C>
bool run(const ResizeArgs& a) {
  Work& work = thread_work();
  if (!work.cols.set(resize_axis(a.columns, a.resized_width), a.left, a.width, 2) ||
      !work.rows.set(resize_axis(a.rows, a.resized_height), a.top, a.height, 1))
    return false;
  Lines<C> lines(a, work);
  const int32_t pairs = work.rows.pairs();
  const uint8_t** under = reinterpret_cast<const uint8_t**>(work.under.floats(2 * pairs * sizeof(uint8_t*) / 4));
  if (!lines.has_memory() || under == nullptr) return false;
  const auto combine_pairs = pairs == 1 ? combine<1> : pairs == 2 ? combine<2> : combine<0>;
  const int64_t plane = static_cast<int64_t>(a.height) * a.width;
  for (int32_t y = 0; y < a.height; ++y) {
    const int32_t first = work.rows.first(y), end = work.rows.end(y);
    lines.make(end);
    for (int c = 0; c < C; ++c) {
      for (int32_t t = 0; t < 2 * pairs; ++t)
        under[t] = lines.at(first + t < end ? first + t : end - 1) + c * lines.pitch();
      combine_pairs(under, work.rows.weights(y), pairs, a.width, a.out + c * plane + static_cast<int64_t>(y) * a.width);
    }
  }
  return true;
}

}  // namespace

int32_t resize(const ResizeArgs& a) {
  const auto run_channels = a.channels == 1 ? run<1> : a.channels == 2 ? run<2> : a.channels == 3 ? run<3> : run<4>;
  if (run_channels(a)) return LOTUS_OK;
  return set_error(LOTUS_OUT_OF_MEMORY, "resize: no memory for the scratch of a picture %d x %d", a.rows, a.columns);
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
