// The operations on logits, from launch-bound batches to 89 million elements. 1024x21841 and 64x262144: several blocks a
// row.
#include "timing.h"

namespace timing {
namespace {

// What every operation of one shape reads and writes; matrices rotate, what is small does not.
struct Buffers {
  int64_t rows, cols;
  int32_t dtype;
  const char* name;
  size_t matrix;  // bytes
  int sets;
  std::vector<Memory> first, second, out;
  Memory flags, labels, loss, doubles, counters;

  static std::vector<uint8_t> half(int64_t rows) {
    std::vector<uint8_t> x(static_cast<size_t>(rows));
    for (size_t i = 0; i < x.size(); ++i) x[i] = i % 2;
    return x;
  }
  static std::vector<int64_t> in_turn(int64_t rows, int64_t cols) {
    std::vector<int64_t> x(static_cast<size_t>(rows));
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int64_t>(i) % cols;
    return x;
  }

  Buffers(int64_t rows_, int64_t cols_, int32_t dtype_)
      : rows(rows_), cols(cols_), dtype(dtype_),
        name(dtype == LOTUS_FLOAT32 ? "fp32" : dtype == LOTUS_BFLOAT16 ? "bf16" : "fp16"),
        matrix(static_cast<size_t>(rows * cols) * (dtype == LOTUS_FLOAT32 ? 4 : 2)), sets(sets_for(3 * matrix)),
        flags(half(rows)), labels(in_turn(rows, cols)), loss(static_cast<size_t>(rows) * 8),
        doubles(static_cast<size_t>(4 * rows + 4) * 8), counters(8 * 256) {
    for (int i = 0; i < sets; ++i) {
      for (auto* list : {&first, &second, &out}) list->emplace_back(matrix);
      fill(first.back(), static_cast<size_t>(rows * cols), dtype, static_cast<uint32_t>(2 * i));
      fill(second.back(), static_cast<size_t>(rows * cols), dtype, static_cast<uint32_t>(2 * i + 1));
    }
    must(cudaDeviceSynchronize());
  }

  // `matrices`: how many of [B, C] the operation must move.
  void time(const char* op, double matrices, const std::function<void(int)>& call) const {
    row(op, name, rows, cols, measure(call, sets), matrices * static_cast<double>(matrix));
  }
  float scale() const { return 1.0f / static_cast<float>(rows); }
};

void time_losses(const Buffers& b) {
  b.time("gumbel_cross_entropy", 3, [&](int i) {
    lotus::GumbelArgs a{};
    a.student = b.first[i].at(), a.teacher = b.second[i].at(), a.gradient = b.out[i].at();
    a.student_stride = a.teacher_stride = a.gradient_stride = b.cols;
    a.is_forget = b.flags.at<uint8_t>(), a.rows = b.rows, a.cols = b.cols, a.dtype = b.dtype;
    a.tau = 1.0f, a.seed = 1, a.loss = b.loss.at<float>(), a.gradient_scale = b.scale();
    must(backend().gumbel_cross_entropy(a));
  });
  b.time("distillation", 3, [&](int i) {
    lotus::DistillationArgs a{};
    a.student = b.first[i].at(), a.teacher = b.second[i].at(), a.gradient = b.out[i].at();
    a.student_stride = a.teacher_stride = a.gradient_stride = b.cols;
    a.rows = b.rows, a.cols = b.cols, a.dtype = b.dtype;
    a.temperature = 4.0f, a.loss = b.loss.at<float>(), a.gradient_scale = 16.0f * b.scale();
    must(backend().distillation(a));
  });
  b.time("cross_entropy", 2, [&](int i) {
    lotus::CrossEntropyArgs a{};
    a.logits = b.first[i].at(), a.gradient = b.out[i].at(), a.logits_stride = a.gradient_stride = b.cols;
    a.labels = b.labels.at<int64_t>(), a.rows = b.rows, a.cols = b.cols, a.dtype = b.dtype;
    a.correct = b.counters.at<int64_t>(), a.loss = b.loss.at<float>(), a.gradient_scale = b.scale();
    must(backend().cross_entropy(a));
  });
}

void time_noise(const Buffers& b) {
  b.time("gumbel_noise", 1, [&](int i) {
    lotus::NoiseArgs a{};
    a.seed = 1, a.rows = b.rows, a.cols = a.out_stride = b.cols, a.dtype = b.dtype, a.out = b.out[i].at();
    must(backend().gumbel_noise(a));
  });
  b.time("gumbel_softmax", 2, [&](int i) {
    lotus::GumbelSoftmaxArgs a{};
    a.logits = b.first[i].at(), a.out = b.out[i].at(), a.logits_stride = a.out_stride = b.cols;
    a.rows = b.rows, a.cols = b.cols, a.dtype = b.dtype, a.tau = 1.0f, a.seed = 1;
    must(backend().gumbel_softmax(a));
  });
}

void time_evaluation(const Buffers& b) {
  b.time("evaluate_logits", 1, [&](int i) {
    lotus::EvaluateArgs a{};
    a.logits = b.first[i].at(), a.logits_stride = b.cols, a.labels = b.labels.at<int64_t>();
    a.rows = b.rows, a.cols = b.cols, a.dtype = b.dtype;
    a.correct = b.counters.at<int64_t>(), a.loss = b.loss.at<float>();
    a.entropy = b.loss.at<float>(static_cast<size_t>(b.rows));
    must(backend().evaluate_logits(a));
  });
  b.time("entropy_histogram", 1, [&](int i) {
    lotus::HistogramArgs a{};
    a.logits = b.first[i].at(), a.logits_stride = b.cols, a.rows = b.rows, a.cols = b.cols, a.dtype = b.dtype;
    a.high = 8.0f, a.bins = 64, a.counts = b.counters.at<int64_t>();
    must(backend().entropy_histogram(a));
  });
  // K = C classes: the sums alone are C^2 doubles, which only belongs to the shapes of real data sets.
  if (b.cols <= 1000) {
    const Memory sums(static_cast<size_t>(b.cols * b.cols) * 8), counts(static_cast<size_t>(b.cols) * 8);
    b.time("class_means", 1, [&](int i) {
      lotus::EvaluateArgs a{};
      a.logits = b.first[i].at(), a.logits_stride = b.cols, a.labels = b.labels.at<int64_t>();
      a.rows = b.rows, a.cols = a.class_sums_stride = a.slots = b.cols, a.dtype = b.dtype;
      a.class_sums = sums.at<double>(), a.class_counts = counts.at<int64_t>();
      must(backend().evaluate_logits(a));
    });
  }
}

void time_divergence(const Buffers& b) {
  const struct {
    const char* name;
    int32_t form;
    bool gradient;
    double matrices;
  } cases[] = {{"js_divergence", LOTUS_JSD_TEXTBOOK, false, 2},
               {"js_divergence:gradient", LOTUS_JSD_TEXTBOOK, true, 3},
               {"js_divergence:upstream", LOTUS_JSD_UPSTREAM, false, 4}};
  for (const auto& c : cases)
    b.time(c.name, c.matrices, [&](int i) {
      lotus::JsdArgs a{};
      a.p = b.first[i].at(), a.q = b.second[i].at(), a.p_stride = a.q_stride = a.gradient_stride = b.cols;
      a.rows = b.rows, a.cols = b.cols, a.dtype = b.dtype, a.input_kind = LOTUS_LOGITS, a.form = c.form;
      a.row_out = b.doubles.at<double>(), a.total = b.doubles.at<double>(static_cast<size_t>(b.rows));
      a.workspace = b.doubles.at<double>(static_cast<size_t>(b.rows + 1));
      a.gradient = c.gradient ? b.out[i].at() : nullptr, a.gradient_scale = 1.0f;
      must(backend().js_divergence(a));
    });
}

}  // namespace

void time_logits() {
  const std::vector<std::vector<int64_t>> shapes = {{128, 10},     {256, 1000},   {4096, 1000}, {1024, 21841},
                                                    {65536, 1000}, {4096, 21841}, {8192, 10000}, {64, 262144}};
  for (const int32_t dtype : {LOTUS_FLOAT32, LOTUS_BFLOAT16, LOTUS_FLOAT16})
    for (const auto& shape : shapes) {
      const Buffers buffers(shape[0], shape[1], dtype);
      time_losses(buffers);
      time_noise(buffers);
      time_evaluation(buffers);
      time_divergence(buffers);
    }
}

}  // namespace timing
