// What a checked call looks like inside: one plain struct an operation, one table of functions a backend.
//
//   lotus.h function  ->  <op>.cpp checks the arguments, fills the struct  ->  Backend.<op>(args)
//
// A backend function trusts its arguments. No framework, no allocation on the device, no exception.
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
};

struct EvaluateArgs {
  const void* logits;
  int64_t logits_stride;
  const int64_t* labels;  // [B]
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
  double* workspace;  // 2 B + 2, UPSTREAM only
  int64_t* nonfinite_rows;
  int32_t device;
  void* stream;
};

// Each function returns a LOTUS_ status; on failure it has called set_error.
struct Backend {
  int32_t (*philox)(const PhiloxArgs&);
  int32_t (*gumbel_cross_entropy)(const GumbelArgs&);
  int32_t (*evaluate_logits)(const EvaluateArgs&);
  int32_t (*js_divergence)(const JsdArgs&);
};

}  // namespace lotus
