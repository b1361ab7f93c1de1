/*
 * lotus.h - the fused operations of the engine, as plain C.
 *
 * This is the only header that Java, C and C++ callers see. It knows no framework: raw pointers, sizes, row
 * strides, a dtype, a device and a stream. The full contract of an operation stands in the Javadoc of the class
 * named beside it (package dev.lotus.kernel); here are the facts that a C caller needs.
 *
 * Conventions
 *   B rows, C classes. Matrices are row-major; row b starts at data + b * stride, stride counted in ELEMENTS, and
 *   stride >= C. Sums are accumulated in fp32 or better whatever the dtype. B = 0 is allowed and does nothing.
 *   device  LOTUS_CPU (every pointer is host memory) or a CUDA device index >= 0 (every pointer is memory of that
 *           device, or NULL where NULL is allowed).
 *   stream  a cudaStream_t, NULL for the default stream; ignored on the CPU. CUDA calls return at once.
 *   result  LOTUS_OK, or another status; lotus_last_error() then has the text, per calling thread.
 *   Nothing is allocated on the device. No call aborts the process. Calls are thread safe.
 *
 * Values that are not finite
 *   -inf is a masked class: probability 0, gradient 0, adds nothing; only a target with weight on a class that the
 *   student alone masks costs an infinite loss, as its formula says. A row that holds NaN or +inf in an operand
 *   that the row reads, or whose entries are all -inf, yields NaN in that row's results and in no other row; where an
 *   operation takes `nonfinite_rows`, the number of such rows is ADDED to it (zero it before the first call).
 */
#ifndef LOTUS_H
#define LOTUS_H

#include <stdint.h>

#if defined(_WIN32)
#define LOTUS_API __declspec(dllexport)
#else
#define LOTUS_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Statuses ---------------------------------------------------------------------------------------------- */
#define LOTUS_OK 0
#define LOTUS_INVALID_ARGUMENT 1 /* the caller's fault; nothing was written */
#define LOTUS_UNSUPPORTED 2      /* no such backend here; lotus_backend_reason() says why */
#define LOTUS_DEVICE_ERROR 3     /* CUDA reported an error */
#define LOTUS_OUT_OF_MEMORY 4    /* host scratch memory could not be had */
#define LOTUS_INTERNAL 5

/* ---- Element types and devices ------------------------------------------------------------------------------ */
#define LOTUS_FLOAT32 0
#define LOTUS_BFLOAT16 1

#define LOTUS_CPU (-1)

/* ---- Library ------------------------------------------------------------------------------------------------ */

/* Version of the library, "major.minor.patch". */
LOTUS_API const char* lotus_version(void);

/* Text of the last error on this thread; "" if there was none. Valid until the thread's next failing call. */
LOTUS_API const char* lotus_last_error(void);

/* Instruction set that the CPU kernels were dispatched to: "x86-64", "x86-64-v3" or "x86-64-v4". The environment
 * variable LOTUS_CPU_LEVEL lowers it (never above what the processor has); read once, at the first call. */
LOTUS_API const char* lotus_cpu_level(void);

/* 1 if kernels for that device can run here, else 0. device: LOTUS_CPU or a CUDA device index. */
LOTUS_API int32_t lotus_backend_available(int32_t device);

/* Why lotus_backend_available is 0 for that device; "" if it is 1. */
LOTUS_API const char* lotus_backend_reason(int32_t device);

/* Most threads a CPU call may use, for the whole process; 0 (the default) = OpenMP's own setting. Results do not
 * depend on it, bit for bit. */
LOTUS_API int32_t lotus_set_num_threads(int32_t threads);

/* ---- Random numbers (dev.lotus.kernel.Philox) ---------------------------------------------------------------- */
/*
 * Philox4x32-10. key = (seed low word, seed high word);
 * counter = (c / 4, sample low word, sample high word << 8 | stream, step); word c % 4 belongs to class c.
 * u = ((word >> 8) + 0.5) * 2^-24, in (0, 1); Gumbel g = -log(-log u). The same integers on every backend.
 */
#define LOTUS_STREAM_FORGET_TARGET 0
#define LOTUS_STREAM_RETAIN_TARGET 1
/* Streams 2 to 255 are free. */

/* The raw words: out[b * stride + c] for C classes of each sample. CPU and CUDA. */
LOTUS_API int32_t lotus_philox(uint64_t seed, uint32_t step, uint32_t stream_id, const int64_t* samples, int64_t rows,
                               int64_t cols, uint32_t* out, int64_t out_stride, int32_t device, void* stream);

/* ---- gumbel_cross_entropy (dev.lotus.kernel.GumbelCrossEntropy) ---------------------------------------------- */
#define LOTUS_FORGET_GUMBEL_SOFTMAX 0 /* target = softmax((t + g) / tau) */
#define LOTUS_FORGET_SOFTMAX 1        /* target = softmax(t / tau) */
#define LOTUS_RETAIN_GUMBEL_HARD 0    /* target = onehot(argmax(t + g)) : a sample, as published */
#define LOTUS_RETAIN_ARGMAX 1         /* target = onehot(argmax(t)) */

/*
 * The LoTUS loss (Spartalis et al., CVPR 2025, eq. 2 and 5) and its gradient, in one pass over the logits:
 *   loss_b = -sum_c target_bc log_softmax(s_b)_c ;  gradient_bc = gradient_scale * (softmax(s_b) - target_b)_c
 * (gradient_scale = 1 / B gives the gradient of the mean loss).
 *
 * student, teacher [B, C] in `dtype`; is_forget [B] bytes, not 0 = forget; tau > 0 and finite.
 * samples [B] or NULL (= the row's index): counter of each row's noise. noise [B, C] fp32 or NULL: ready-made Gumbel
 * noise in place of the one made inside. loss [B] fp32 or NULL. gradient [B, C] in `dtype`, or NULL; it may be
 * `student` itself (in place, same stride) and otherwise overlaps no input. nonfinite_rows: NULL or one counter.
 */
LOTUS_API int32_t lotus_gumbel_cross_entropy(
    const void* student, int64_t student_stride, const void* teacher, int64_t teacher_stride,
    const uint8_t* is_forget, int64_t rows, int64_t cols, int32_t dtype, float tau, int32_t forget_target,
    int32_t retain_target, uint64_t seed, uint32_t step, const int64_t* samples, const float* noise,
    int64_t noise_stride, float* loss, void* gradient, int64_t gradient_stride, float gradient_scale,
    int64_t* nonfinite_rows, int32_t device, void* stream);

/* ---- evaluate_logits (dev.lotus.kernel.EvaluateLogits) ------------------------------------------------------- */
/*
 * From one read of logits [B, C] and labels [B] (0 <= label < C; another label makes that row count as not finite):
 *   loss [B]      fp32, -log softmax at the label         entropy [B]   fp32, of the softmax, in nats
 *   correct       ADDS the number of rows whose first largest logit is at the label
 *   class_sums    ADDS softmax(row) to row class_slot[label] of a [K, C] fp64 matrix, in the order of the rows;
 *                 class_counts [K] ADDS one. class_slot [C] maps a label to 0..K-1, or below 0 to leave it out;
 *                 NULL = the label itself (then K >= C).
 * Every output may be NULL; class_sums and class_counts come together. Rows that are not finite count as wrong, get
 * NaN in loss and entropy, and are left out of class_sums and class_counts.
 */
LOTUS_API int32_t lotus_evaluate_logits(const void* logits, int64_t logits_stride, const int64_t* labels, int64_t rows,
                                        int64_t cols, int32_t dtype, int64_t* correct, float* loss, float* entropy,
                                        double* class_sums, int64_t class_sums_stride, int64_t* class_counts,
                                        const int32_t* class_slot, int64_t slots, int64_t* nonfinite_rows,
                                        int32_t device, void* stream);

/* ---- js_divergence (dev.lotus.kernel.JsDivergence) ----------------------------------------------------------- */
#define LOTUS_JSD_TEXTBOOK 0 /* 0.5 KL(p||m) + 0.5 KL(q||m), m = (p+q)/2; rows are normalised to sum one first */
#define LOTUS_JSD_UPSTREAM 1 /* the published code's JSDiv */
#define LOTUS_JSD_BAD_TEACHING 2 /* upstream's form without whole-matrix normalisation, over B C instead of B */

#define LOTUS_LOGITS 0        /* p = softmax(row) */
#define LOTUS_PROBABILITIES 1 /* p = row; zeros and unnormalised rows allowed, negative values are not finite */

/*
 * Divergence of two matrices p, q [B, C], in nats.
 *   TEXTBOOK      row_out[b] = JSD of row b;               total = mean over rows
 *   UPSTREAM      p, q clamped to [1e-8, 1], each divided by the sum of its WHOLE matrix, m = (p + q) / 2;
 *                 row_out[b] = sum_c m log(m / sqrt(p q)); total = sum over rows / B
 *   BAD_TEACHING  the same without the division by the whole sums; total = sum over rows / (B C)
 * row_out [B] fp64, never NULL; total: one fp64 or NULL; workspace: 2 B + 2 fp64, needed for UPSTREAM only.
 */
LOTUS_API int32_t lotus_js_divergence(const void* p, int64_t p_stride, const void* q, int64_t q_stride, int64_t rows,
                                      int64_t cols, int32_t dtype, int32_t input_kind, int32_t form, double* row_out,
                                      double* total, double* workspace, int64_t* nonfinite_rows, int32_t device,
                                      void* stream);

#ifdef __cplusplus
}
#endif

#endif /* LOTUS_H */
