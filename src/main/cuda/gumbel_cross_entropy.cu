// gumbel_cross_entropy on CUDA: noise, target, loss and gradient in one pass over the two logit matrices.
//
//   a_c = t_c + g_c,   A = max a,   y = the first c with a_c = A
//   forget row   w_c = exp((a_c - A) / tau)       retain row   w_c = [c = y]
//   m = max s,   S = sum exp(s_c - m),   W = sum w_c,   D = sum w_c (s_c - m)
//   loss = log S - D / W                          gradient_c = scale (exp(s_c - m) / S - w_c / W)
//
// Subtracting before dividing by tau keeps the exponent exact near the maximum, where the target's mass lies, and
// cannot overflow however small tau is; subtracting m inside D keeps the loss exact where log-sum-exp and the dot
// product would cancel. A target on a class that the student masks (s = -inf) costs an infinite loss, as the formula
// says.
//
// Two kernels. Up to kWarpCols a row lives in the registers of a warp (or of 1, 2, .. 16 lanes of one): one read, one
// write, no shared memory, no barrier. Beyond, a block walks the row twice: first both maxima, S and W on line; then,
// the student coming from L2, D and the gradient. In between a_c waits in shared memory where it fits (4 C bytes: 85
// KiB at C = 21,841, so two blocks share an SM of sm_90), because making the noise again costs more than the rest of
// the pass; where it does not fit it is made again, with the same bits.
//
// In place: a student value is last read by the thread that then overwrites it, and only that thread reads it.
#include "common/numeric.cuh"
#include "common/quads.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "gumbel_cross_entropy";
constexpr int kMaxBlockThreads = 512;

// Warp kernel: blocks that an SM must hold at once, so 168 registers a thread for Q = 8 and 102 for Q = 4. Without it
// ptxas saves registers at Q = 4 and spills; asked for more at Q = 8 it spills too, and the 64 values of a lane already
// keep 96 KiB an SM in flight.
template <int Q>
constexpr int kBlocksPerSm = Q == 8 ? 3 : Q == 4 ? 5 : 6;

// What a row's thread needs to know of it.
template <class T>
struct Row {
  const T* student;
  const T* teacher;
  const float* noise;  // ready-made, or null
  T* gradient;         // or null
  NoiseKey key;
  bool forget, draws;

  __device__ Row(const GumbelArgs& a, int64_t b) {
    forget = a.is_forget[b] != 0;
    draws = forget ? a.forget_target == LOTUS_FORGET_GUMBEL_SOFTMAX : a.retain_target == LOTUS_RETAIN_GUMBEL_HARD;
    student = static_cast<const T*>(a.student) + b * a.student_stride;
    teacher = static_cast<const T*>(a.teacher) + b * a.teacher_stride;
    noise = draws && a.noise != nullptr ? a.noise + b * a.noise_stride : nullptr;
    gradient = a.gradient != nullptr ? static_cast<T*>(a.gradient) + b * a.gradient_stride : nullptr;
    key = {a.seed, a.step,
           static_cast<uint32_t>(forget ? LOTUS_STREAM_FORGET_TARGET : LOTUS_STREAM_RETAIN_TARGET),
           a.samples != nullptr ? a.samples[b] : b};
  }

  // a_c of Q quads.
  template <int Q>
  __device__ __forceinline__ void scores(int first, int step, int cols, int width, float (&x)[4 * Q]) const {
    load_quads<Q>(teacher, first, step, cols, width, -kInf, x);
    if (noise != nullptr) {
#pragma unroll
      for (int i = 0; i < Q; ++i) {  // a quad at a time: four registers, not 4 Q
        float g[4];
        load_quads<1>(noise, first + i * step, step, cols, width, 0.0f, g);
#pragma unroll
        for (int j = 0; j < 4; ++j) x[4 * i + j] += g[j];
      }
    } else if (draws) {
#pragma unroll
      for (int i = 0; i < Q; ++i)
        if (4 * (first + i * step) < cols) add_gumbel(key, first + i * step, x + 4 * i);
    }
  }
};

// 1 / tau, kept finite: 0 * inf would turn the maximum's own weight into NaN.
__device__ __forceinline__ float inverse(float tau) { return fminf(1.0f / tau, 3.402823466e+38f); }

// The loss of a row; the same text for both kernels.
__device__ __forceinline__ float loss_of(bool finite, float sum, float dot, float weight) {
  return finite ? log_positive(sum) - dot / weight : kNan;
}

// ---- C <= kWarpCols: 32 / lanes rows a warp, Q quads a lane ----
template <class T, int Q>
__global__ void __launch_bounds__(kWarpBlockThreads, kBlocksPerSm<Q>)
    gumbel_warp_rows(GumbelArgs a, int lanes, int width) {
  const int in_group = static_cast<int>(threadIdx.x) & (lanes - 1);
  const int rows_per_block = static_cast<int>(blockDim.x) / lanes;
  const int row_in_block = static_cast<int>(threadIdx.x) / lanes;
  const int warp_row = static_cast<int>(threadIdx.x) / kWarp * (kWarp / lanes);
  const float inverse_tau = inverse(a.tau);
  int64_t nonfinite = 0;

  // The bound is the warp's first row, so that all 32 lanes take part in every shuffle; a lane group beyond the last
  // row computes on row 0 and keeps quiet.
  for (int64_t base = int64_t{blockIdx.x} * rows_per_block; base + warp_row < a.rows;
       base += int64_t{gridDim.x} * rows_per_block) {
    const int64_t b = base + row_in_block;
    const bool present = b < a.rows;
    const Row<T> row(a, present ? b : 0);
    const int cols = present ? static_cast<int>(a.cols) : 0;

    float s[4 * Q], w[4 * Q];
    load_quads<Q>(row.student, in_group, lanes, cols, width, -kInf, s);
    row.template scores<Q>(in_group, lanes, cols, width, w);

    Both<Top, Best> largest;
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      largest.first.add(s[i]);
      largest.second.add(w[i], 4 * (in_group + i / 4 * lanes) + i % 4);
    }
    largest = group_reduce(largest, lanes);
    const float top = largest.first.value;
    const Best best = largest.second;
    const bool finite = largest.first.finite() && best.finite();

    Sums<float, 3> sums;  // S, W, D
#pragma unroll
    for (int i = 0; i < 4 * Q; ++i) {
      const int c = 4 * (in_group + i / 4 * lanes) + i % 4;
      w[i] = row.forget ? expf((w[i] - best.value) * inverse_tau) : c == best.index ? 1.0f : 0.0f;
      const float d = s[i] - top;
      s[i] = expf(d);
      sums.value[0] += s[i];
      sums.value[1] += w[i];
      sums.value[2] += w[i] > 0.0f ? w[i] * d : 0.0f;
    }
    sums = group_reduce(sums, lanes);

    if (present && in_group == 0 && a.loss != nullptr)
      a.loss[b] = loss_of(finite, sums.value[0], sums.value[2], sums.value[1]);
    if (row.gradient != nullptr) {
      const float student_scale = finite ? a.gradient_scale / sums.value[0] : kNan;
      const float target_scale = finite ? a.gradient_scale / sums.value[1] : kNan;
#pragma unroll
      for (int i = 0; i < 4 * Q; ++i) s[i] = s[i] * student_scale - w[i] * target_scale;
      store_quads<Q>(row.gradient, in_group, lanes, cols, width, s);
    }
    nonfinite += __popc(__ballot_sync(kAllLanes, present && in_group == 0 && !finite));
  }
  add_count(a.nonfinite_rows, nonfinite);
}

// ---- C > kWarpCols: a block a row. `keep`: room for a_c in dynamic shared memory ----
template <class T>
__global__ void __launch_bounds__(kMaxBlockThreads, 2) gumbel_block_rows(GumbelArgs a, int width, bool keep) {
  using Largest = Both<Top, Best>;
  __shared__ Slots<Largest> largest_slots;
  __shared__ Slots<Sums<float, 2>> sum_slots;
  __shared__ Slots<Sums<float, 1>> dot_slots;
  float* kept = dynamic_shared<float>();  // each thread reads back only what it wrote: no barrier
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  const int cols = static_cast<int>(a.cols), quads = cols / 4 + (cols % 4 != 0);
  const float inverse_tau = inverse(a.tau);
  int64_t nonfinite = 0;

  for (int64_t b = blockIdx.x; b < a.rows; b += gridDim.x) {
    const Row<T> row(a, b);

    OnlineSums student;
    Largest largest;
    float weight = 0.0f;  // the thread's share of W, relative to its largest a so far
    for (int q = thread; q < quads; q += threads) {
      float s[4], x[4];
      load_quads<1>(row.student, q, threads, cols, width, -kInf, s);
      row.template scores<1>(q, threads, cols, width, x);
      if (keep && row.forget) *reinterpret_cast<float4*>(kept + 4 * q) = make_float4(x[0], x[1], x[2], x[3]);
      student.add(s);
      const float before = largest.second.value;
#pragma unroll
      for (int j = 0; j < 4; ++j) largest.second.add(x[j], 4 * q + j);
      if (row.forget) {
        const float now = largest.second.value, base = OnlineSums::shift(now);
        if (before > -kInf && now > before) weight *= expf((before - now) * inverse_tau);
        float partial = 0.0f;
#pragma unroll
        for (int j = 0; j < 4; ++j) partial += expf((x[j] - base) * inverse_tau);
        weight += partial;
      }
    }
    largest.first = student.top;
    const float own = largest.second.value;
    largest = block_reduce(largest, largest_slots.get());
    const float top = largest.first.value;
    const Best best = largest.second;
    const bool finite = largest.first.finite() && best.finite();

    Sums<float, 2> sums;  // S, W
    student.rescale(top);
    sums.value[0] = student.sum;
    sums.value[1] = own > -kInf ? weight * expf((own - best.value) * inverse_tau) : 0.0f;
    sums = block_reduce(sums, sum_slots.get());
    const float weight_sum = row.forget ? sums.value[1] : 1.0f;
    const float student_scale = finite ? a.gradient_scale / sums.value[0] : kNan;
    const float target_scale = finite ? a.gradient_scale / weight_sum : kNan;

    Sums<float, 1> dot;
    for (int q = thread; q < quads; q += threads) {
      float s[4], w[4];
      load_quads<1>(row.student, q, threads, cols, width, -kInf, s);
      if (!row.forget) {
#pragma unroll
        for (int j = 0; j < 4; ++j) w[j] = 4 * q + j == best.index ? 1.0f : 0.0f;
      } else {
        if (keep) {
          const float4 x = *reinterpret_cast<const float4*>(kept + 4 * q);
          w[0] = x.x, w[1] = x.y, w[2] = x.z, w[3] = x.w;
        } else {
          row.template scores<1>(q, threads, cols, width, w);
        }
#pragma unroll
        for (int j = 0; j < 4; ++j) w[j] = expf((w[j] - best.value) * inverse_tau);
      }
      float partial = 0.0f;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float d = s[j] - top;
        partial += w[j] > 0.0f ? w[j] * d : 0.0f;
        s[j] = expf(d) * student_scale - w[j] * target_scale;
      }
      dot.value[0] += partial;
      if (row.gradient != nullptr) store_quads<1>(row.gradient, q, threads, cols, width, s);
    }
    dot = block_reduce(dot, dot_slots.get());
    if (thread == 0) {
      if (a.loss != nullptr) a.loss[b] = loss_of(finite, sums.value[0], dot.value[0], weight_sum);
      nonfinite += !finite;
    }
  }
  // Thread 0 alone has counted; add_count wants one value a warp and writes the first lane's.
  if (thread < kWarp) add_count(a.nonfinite_rows, nonfinite);
}

template <class T>
int32_t run(const GumbelArgs& a) {
  const int64_t bytes = element_bytes(a.dtype);
  const int width = AccessWidth(a.cols)
                        .matrix(a.student, a.student_stride, bytes)
                        .matrix(a.teacher, a.teacher_stride, bytes)
                        .matrix(a.gradient, a.gradient_stride, bytes)
                        .matrix(a.noise, a.noise_stride, 4)
                        .value();
  if (a.cols <= kWarpCols) {
    const WarpRows shape = warp_rows(a.cols);
    const int64_t rows_per_block = kWarpBlockThreads / shape.lanes;
    return with_quads(shape.quads, [&](auto quads) {
      return check(kOp, launch(gumbel_warp_rows<T, decltype(quads)::value>,
                               {(a.rows + rows_per_block - 1) / rows_per_block, kWarpBlockThreads, 0}, a.stream, a,
                               shape.lanes, width));
    });
  }
  const size_t shared = static_cast<size_t>((a.cols + 3) / 4) * 16;
  const bool keep = allow_shared(gumbel_block_rows<T>, shared);
  return check(kOp, launch(gumbel_block_rows<T>, {a.rows, block_threads(a.cols), keep ? shared : 0}, a.stream, a, width,
                           keep));
}

}  // namespace

int32_t gumbel_cross_entropy(const GumbelArgs& a) {
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  return with_dtype(a.dtype, [&](auto type) { return run<decltype(type)>(a); });
}

}  // namespace cuda
}  // namespace lotus
