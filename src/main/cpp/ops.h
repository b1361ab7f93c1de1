// What a checked call looks like inside: one plain struct an operation, one table of functions a backend.
//
//   lotus.h function  ->  <op>.cpp checks the arguments, fills the struct  ->  Backend.<op>(args)
//
// A backend function trusts its arguments. No framework, no exception, no allocation on the device other than in the order
// of the stream (CUDA before sm_90, rows longer than a block takes).
#pragma once

#include <stdint.h>

#include "lotus.h"

namespace lotus {

struct PhiloxArgs {
  uint64_t seed;
  uint32_t step;
  uint32_t stream_id;
  const int64_t* samples;  // [B] or null
  int64_t rows, cols;
  uint32_t* out;
  int64_t out_stride;
  int32_t device;
  void* stream;
};

struct GumbelArgs {
  const void* student;
  int64_t student_stride;
  const void* teacher;
  int64_t teacher_stride;
  const uint8_t* is_forget;  // [B]
  int64_t rows, cols;
  int32_t dtype;
  float tau;
  int32_t forget_target, retain_target;
  uint64_t seed;
  uint32_t step;
  const int64_t* samples;  // [B] or null
  const float* noise;      // [B, C] or null
  int64_t noise_stride;
  float* loss;     // [B] or null
  void* gradient;  // [B, C] or null; may be student
  int64_t gradient_stride;
  float gradient_scale;
  int64_t* nonfinite_rows;  // or null
  int32_t device;
  void* stream;
  const lotus_draw* draw = nullptr;  // of the device, or null: tau and step above
};

struct NoiseArgs {
  uint64_t seed;
  uint32_t step;
  uint32_t stream_id;
  const int64_t* samples;  // [B] or null
  int64_t rows, cols;
  int32_t dtype;
  void* out;
  int64_t out_stride;
  int32_t device;
  void* stream;
};

struct GumbelSoftmaxArgs {
  const void* logits;
  int64_t logits_stride;
  int64_t rows, cols;
  int32_t dtype;
  float tau;
  bool hard;
  uint64_t seed;
  uint32_t step;
  uint32_t stream_id;
  const int64_t* samples;  // [B] or null
  const float* noise;      // [B, C] or null
  int64_t noise_stride;
  void* out;  // [B, C]; may be logits
  int64_t out_stride;
  int64_t* nonfinite_rows;  // or null
  int32_t device;
  void* stream;
};

struct DistillationArgs {
  const void* student;
  int64_t student_stride;
  const void* teacher;
  int64_t teacher_stride;
  const void* other_teacher;  // or null
  int64_t other_stride;
  const uint8_t* use_other;  // [B], null with other_teacher
  const float* row_weight;   // [B] or null
  int64_t rows, cols;
  int32_t dtype;
  float temperature;
  float* loss;     // [B] or null
  void* gradient;  // [B, C] or null; may be student
  int64_t gradient_stride;
  float gradient_scale;
  bool accumulate;
  int64_t* nonfinite_rows;  // or null
  int32_t device;
  void* stream;
};

struct CrossEntropyArgs {
  const void* logits;
  int64_t logits_stride;
  const int64_t* labels;  // [B]
  int64_t rows, cols;
  int32_t dtype;
  const float* class_weight;  // [C] or null
  float label_smoothing;
  const float* row_weight;  // [B] or null
  int64_t* correct;         // or null
  float* loss;              // [B] or null
  void* gradient;           // [B, C] or null; may be logits
  int64_t gradient_stride;
  float gradient_scale;
  int64_t* nonfinite_rows;  // or null
  int32_t device;
  void* stream;
};

// evaluate_logits, and with other outputs class_means and entropy_histogram.
struct EvaluateArgs {
  const void* logits;
  int64_t logits_stride;
  const int64_t* labels;  // [B]; null in entropy_histogram
  int64_t rows, cols;
  int32_t dtype;
  int64_t* correct;      // or null
  float* loss;           // [B] or null
  float* entropy;        // [B] or null
  double* class_sums;    // [K, C] or null
  int64_t class_sums_stride;
  int64_t* class_counts;      // [K], null with class_sums
  const int32_t* class_slot;  // [C] or null
  int64_t slots;              // K
  int64_t* nonfinite_rows;    // or null
  int32_t device;
  void* stream;
  int64_t* histogram = nullptr;  // [bins] of entropies, or null
  float low = 0, high = 0;
  int32_t bins = 0;
};

struct JsdArgs {
  const void* p;
  int64_t p_stride;
  const void* q;
  int64_t q_stride;
  int64_t rows, cols;
  int32_t dtype;
  int32_t input_kind, form;
  double* row_out;    // [B]
  double* total;      // or null
  // UPSTREAM only, 3 B + 3: the rows' clamped sums of p, of q, what comes of the two wholes, the rows' parts of W, W.
  double* workspace;
  void* gradient;     // [B, C] or null; may be p
  int64_t gradient_stride;
  float gradient_scale;
  int64_t* nonfinite_rows;
  int32_t device;
  void* stream;
};

struct RfJsdArgs {
  const double* p_sums;  // [K, C]
  int64_t p_stride;
  const int64_t* p_counts;  // [K]
  const double* q_sums;     // [K, C]
  int64_t q_stride;
  const int64_t* q_counts;  // [K]
  int64_t classes, cols;    // K, C
  int32_t subsets;
  uint64_t seed;
  double* out;         // [3]
  double* subset_out;  // [subsets]
  double* workspace;   // 4 K + 2
  int32_t device;
  void* stream;
};

// The list of an operation on the weights; `tensors` is host memory and gone after the call.
struct TensorList {
  const lotus_tensor* tensors;
  int64_t count;
  int32_t dtype;  // of the gradients
  int32_t device;
  void* stream;
};

struct NormArgs {
  TensorList list;
  double* norm;
  double* workspace;  // LOTUS_NORM_WORKSPACE
};

struct Clipping {
  const double* norm;  // or null: none
  double max_norm;
};

struct AdamWArgs {
  TensorList list;
  double lr, beta1, beta2, epsilon, weight_decay;
  int64_t step;
  int32_t mask_mode;
  Clipping clipping;
  const lotus_pace* pace = nullptr;  // of the device, or null: what the rates and the step come to
};

struct SgdArgs {
  TensorList list;
  double lr, momentum, weight_decay;
  int32_t mask_mode;
  Clipping clipping;
  const lotus_pace* pace = nullptr;  // of the device, or null: lr
};

enum class Accumulation { kSquare, kAbsolute, kSigned };

struct AccumulateArgs {
  TensorList list;
  Accumulation kind;
  float scale;
};

struct DampenArgs {
  TensorList list;
  float selection, dampening, exponent, bound;
  int64_t* dampened;  // or null
};

struct TopKArgs {
  TensorList list;
  int64_t k;
  int64_t* workspace;  // LOTUS_TOP_K_WORKSPACE
};

struct AugmentArgs {
  const uint8_t* images;
  int64_t image_count;
  int32_t channels, height, width, image_layout;
  const int64_t* indices;  // [B]
  int64_t rows;
  lotus_augment augment;
  uint64_t seed;
  uint32_t step;
  const int64_t* samples;  // [B] or null
  const int32_t* boxes;    // [B, 4] or null
  const uint8_t* flips;    // [B] or null
  void* out;
  int32_t out_height, out_width, out_layout, dtype;
  int64_t* nonfinite_rows;  // or null
  int32_t device;
  void* stream;
};

struct ResizeArgs {
  const uint8_t* source;  // [rows, columns, channels]
  int32_t rows, columns, channels;
  int64_t stride;
  bool reverse;
  int32_t resized_height, resized_width;
  int32_t top, left, height, width;
  uint8_t* out;  // [channels, height, width]
  int32_t device;
  void* stream;
};

// Each function returns a LOTUS_ status; on failure it has called set_error.
struct Backend {
  int32_t (*philox)(const PhiloxArgs&);
  int32_t (*gumbel_noise)(const NoiseArgs&);
  int32_t (*gumbel_softmax)(const GumbelSoftmaxArgs&);
  int32_t (*gumbel_cross_entropy)(const GumbelArgs&);
  int32_t (*distillation)(const DistillationArgs&);
  int32_t (*cross_entropy)(const CrossEntropyArgs&);
  int32_t (*evaluate_logits)(const EvaluateArgs&);  // class_means and entropy_histogram too
  int32_t (*js_divergence)(const JsdArgs&);
  int32_t (*rf_jsd)(const RfJsdArgs&);
  int32_t (*gradient_norm)(const NormArgs&);
  int32_t (*adamw)(const AdamWArgs&);
  int32_t (*sgd)(const SgdArgs&);
  int32_t (*accumulate)(const AccumulateArgs&);
  int32_t (*ssd_dampen)(const DampenArgs&);
  int32_t (*top_k_mask)(const TopKArgs&);
  int32_t (*gather_augment)(const AugmentArgs&);
  int32_t (*resize)(const ResizeArgs&);
};

}  // namespace lotus
