// What the files of this folder share: error text, argument checks, the choice of a backend.
#pragma once

#include "ops.h"

namespace lotus {

// Stores the calling thread's error text (printf-like) and returns `status`.
int32_t set_error(int32_t status, const char* format, ...) __attribute__((format(printf, 2, 3)));

// The backend for `device`, or null with the error set.
const Backend* backend_for(int32_t device);

// The CPU kernels, compiled once a level from the same sources (cpu/).
extern const Backend cpu_x86_64, cpu_v3, cpu_v4;

// Threads for a CPU call over `elements` logits: small work stays on the calling thread.
int32_t threads_for(int64_t elements);

// Checks shared by all operations: each returns LOTUS_OK or sets the error, naming `op` and the operand.
int32_t check_matrix(const char* op, const char* name, const void* data, int64_t rows, int64_t cols, int64_t stride);
int32_t check_shape(const char* op, int64_t rows, int64_t cols, int32_t dtype);
int32_t check_choice(const char* op, const char* name, int32_t value, int32_t count);
int32_t check_present(const char* op, const char* name, const void* pointer);
int32_t check_positive(const char* op, const char* name, float value);

// An operand of a call, for the checks of two of them.
struct Operand {
  const char* name;
  const void* data;
  int64_t stride;
};
// `out` may be `in` itself, but then row by row.
int32_t check_in_place(const char* op, Operand out, Operand in);

// The [slots, cols] matrix of sums by class and the map to its rows.
int32_t check_not_same(const char* op, const char* out_name, const void* out, const char* in_name, const void* in);
int32_t check_class_slots(const char* op, const double* class_sums, int64_t stride, int64_t cols,
                          const int32_t* class_slot, int64_t slots);

// Leaves the calling function with the first failed check.
#define LOTUS_TRY(call)                                \
  do {                                                 \
    const int32_t lotus_status = (call);               \
    if (lotus_status != LOTUS_OK) return lotus_status; \
  } while (0)

}  // namespace lotus
