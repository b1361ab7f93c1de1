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
 *   Structs that a call takes (lotus_tensor, lotus_augment) are read on the host before it returns; not lotus_draw, lotus_pace.
 *   No call aborts the process. Calls are thread safe.
 *
 * Values that are not finite
 *   -inf is a masked class: probability 0, gradient 0, adds nothing. Only a target with weight on a class that the
 *   student alone masks has its formula's infinite loss, and minus its weight in the gradient; of gumbel_cross_entropy's
 *   soft targets, weights that underflow in fp32 (below 1e-38 to 1e-45, by backend) count as none. A row that holds NaN
 *   or +inf in logits, probabilities or noise that the row reads, or whose entries are all -inf, yields NaN in that row's results and in no other row; where an
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
#define LOTUS_FLOAT16 2 /* IEEE half; results beyond 65504 become infinite */

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

/* From now on counts (in all threads) the calls of native methods of org.bytedeco and dev.lotus that this process's JVM
 * binds later, some nanoseconds each, for good; LOTUS_UNSUPPORTED without a JVM, or where built without jvmti.h. */
LOTUS_API int32_t lotus_count_jni_calls(void);
LOTUS_API int64_t lotus_jni_calls(void);

/* ---- Random numbers (dev.lotus.kernel.Philox) ---------------------------------------------------------------- */
/*
 * Philox4x32-10. key = (seed low word, seed high word);
 * counter = (c / 4, sample low word, sample high word << 8 | stream, step); word c % 4 belongs to class c.
 * u = ((word >> 8) + 0.5) * 2^-24, in (0, 1); Gumbel g = -log(-log u). The same integers on every backend.
 */
#define LOTUS_STREAM_FORGET_TARGET 0
#define LOTUS_STREAM_RETAIN_TARGET 1
#define LOTUS_STREAM_SUBSETS 2 /* columns of rf_jsd */
#define LOTUS_STREAM_AUGMENT 3 /* crops and flips of gather_augment */
/* Streams 4 to 255 are free. */

/* The raw words: out[b * stride + c] for C classes of each sample. CPU and CUDA. */
LOTUS_API int32_t lotus_philox(uint64_t seed, uint32_t step, uint32_t stream_id, const int64_t* samples, int64_t rows,
                               int64_t cols, uint32_t* out, int64_t out_stride, int32_t device, void* stream);

/* ---- gumbel_noise, gumbel_softmax (dev.lotus.kernel.GumbelNoise, GumbelSoftmax) ------------------------------- */
/* out [B, C] in `dtype`: Gumbel(0, 1) noise of the words above. */
LOTUS_API int32_t lotus_gumbel_noise(uint64_t seed, uint32_t step, uint32_t stream_id, const int64_t* samples,
                                     int64_t rows, int64_t cols, int32_t dtype, void* out, int64_t out_stride,
                                     int32_t device, void* stream);

/*
 * out [B, C] in `dtype` = softmax((logits + g) / tau), or, where `hard` is not 0, onehot(argmax(logits + g)); the first
 * of equal scores. noise [B, C] fp32 or NULL: ready-made noise in place of the one made inside. out may be `logits`
 * itself (same stride) and otherwise overlaps no input.
 */
LOTUS_API int32_t lotus_gumbel_softmax(const void* logits, int64_t logits_stride, int64_t rows, int64_t cols,
                                       int32_t dtype, float tau, int32_t hard, uint64_t seed, uint32_t step,
                                       uint32_t stream_id, const int64_t* samples, const float* noise,
                                       int64_t noise_stride, void* out, int64_t out_stride, int64_t* nonfinite_rows,
                                       int32_t device, void* stream);

/* ---- gumbel_cross_entropy (dev.lotus.kernel.GumbelCrossEntropy) ---------------------------------------------- */
#define LOTUS_FORGET_GUMBEL_SOFTMAX 0 /* target = softmax((t + g) / tau) */
#define LOTUS_FORGET_SOFTMAX 1        /* target = softmax(t / tau) */
#define LOTUS_RETAIN_GUMBEL_HARD 0    /* target = onehot(argmax(t + g)) : a sample, as published */
#define LOTUS_RETAIN_ARGMAX 1         /* target = onehot(argmax(t)) */

/* What changes from step to step, in memory of the call's device, read when the work runs: by-value arguments are part of
 * a captured CUDA graph. To be written in the order of the stream, before the graph's launch. */
typedef struct lotus_draw {
  uint32_t step; /* of the noise */
  float tau;     /* > 0 and finite; any other value makes NaN of rows that use it */
} lotus_draw;

/*
 * The LoTUS loss (Spartalis et al., CVPR 2025, eq. 2 and 5) and its gradient, in one pass over the logits:
 *   loss_b = -sum_c target_bc log_softmax(s_b)_c ;  gradient_bc = gradient_scale * (softmax(s_b) - target_b)_c
 * (gradient_scale = 1 / B gives the gradient of the mean loss).
 *
 * student, teacher [B, C] in `dtype`; is_forget [B] bytes, not 0 = forget; tau > 0 and finite.
 * samples [B] or NULL (= the row's index): counter of each row's noise. noise [B, C] fp32 or NULL: ready-made Gumbel
 * noise in place of the one made inside. loss [B] fp32 or NULL. gradient [B, C] in `dtype`, or NULL; it may be
 * `student` itself (in place, same stride) and otherwise overlaps no input. nonfinite_rows: NULL or one counter.
 * draw: NULL, or tau and step in the device's memory, in place of the arguments `tau` (which must be valid) and `step`.
 */
LOTUS_API int32_t lotus_gumbel_cross_entropy(
    const void* student, int64_t student_stride, const void* teacher, int64_t teacher_stride,
    const uint8_t* is_forget, int64_t rows, int64_t cols, int32_t dtype, float tau, int32_t forget_target,
    int32_t retain_target, uint64_t seed, uint32_t step, const int64_t* samples, const float* noise,
    int64_t noise_stride, float* loss, void* gradient, int64_t gradient_stride, float gradient_scale,
    int64_t* nonfinite_rows, const lotus_draw* draw, int32_t device, void* stream);

/* ---- distillation (dev.lotus.kernel.Distillation) -------------------------------------------------------------- */
/*
 * KL divergence of tempered softmaxes and its gradient, each row from the teacher it chooses:
 *   p = softmax(teacher_b / T), q = softmax(student_b / T) ;   loss_b = KL_b = sum_c p_c log(p_c / q_c)
 *   gradient_bc = gradient_scale * row_weight_b * (q_c - p_c) / T
 * Published reductions are scales: SCRUB T^2 / B; Bad Teacher (PyTorch's 'mean') 1 / (B C); row_weight -1 ascends.
 *
 * student, teacher, other_teacher [B, C] in `dtype`; other_teacher and use_other [B] bytes (not 0 = other_teacher)
 * come together or are both NULL. row_weight [B] fp32 or NULL (= 1). temperature > 0 and finite. loss [B] fp32 or
 * NULL. gradient [B, C] in `dtype` or NULL; it may be `student` itself (same stride; not with accumulate), otherwise
 * overlaps no input; where `accumulate` is not 0 the result is ADDED to it.
 */
LOTUS_API int32_t lotus_distillation(const void* student, int64_t student_stride, const void* teacher,
                                     int64_t teacher_stride, const void* other_teacher, int64_t other_stride,
                                     const uint8_t* use_other, const float* row_weight, int64_t rows, int64_t cols,
                                     int32_t dtype, float temperature, float* loss, void* gradient,
                                     int64_t gradient_stride, float gradient_scale, int32_t accumulate,
                                     int64_t* nonfinite_rows, int32_t device, void* stream);

/* ---- cross_entropy (dev.lotus.kernel.CrossEntropy) -------------------------------------------------------------- */
/*
 * Cross entropy against labels, with gradient and correct count. y the label, e the label smoothing, C' the number of
 * classes that are not masked, w the class weights:
 *   loss_b = (1 - e) w_y (-log softmax_y) + e / C' * sum_{c not masked} w_c (-log softmax_c)
 *   gradient_b = gradient_scale * row_weight_b * d loss_b / d logits_b
 * (PyTorch's cross_entropy with reduction 'none'; its 'mean' divides by the sum of the labels' weights.)
 *
 * labels [B], 0 <= label < C (another label makes that row count as not finite). class_weight [C] fp32 or NULL (= 1).
 * label_smoothing in [0, 1). row_weight [B] fp32 or NULL (= 1); -1 ascends (NegGrad). correct: NULL or one counter, to
 * which the number of rows whose first largest logit is at the label is ADDED. loss, gradient, nonfinite_rows: as in
 * gumbel_cross_entropy; the gradient may be `logits` itself.
 */
LOTUS_API int32_t lotus_cross_entropy(const void* logits, int64_t logits_stride, const int64_t* labels, int64_t rows,
                                      int64_t cols, int32_t dtype, const float* class_weight, float label_smoothing,
                                      const float* row_weight, int64_t* correct, float* loss, void* gradient,
                                      int64_t gradient_stride, float gradient_scale, int64_t* nonfinite_rows,
                                      int32_t device, void* stream);

/* ---- evaluate_logits (dev.lotus.kernel.EvaluateLogits) ------------------------------------------------------- */
/*
 * From one read of logits [B, C] and labels [B] (0 <= label < C; another label makes that row count as not finite):
 *   loss [B]      fp32, -log softmax at the label         entropy [B]   fp32, of the softmax, in nats
 *   correct       ADDS the number of rows whose first largest logit is at the label
 *   class_sums    ADDS softmax(row) to row class_slot[label] of a [K, C] fp64 matrix, in the order of the rows;
 *                 class_counts [K] ADDS one. class_slot [C] maps a label to 0..K-1, or below 0 to leave it out;
 *                 NULL = the label itself (then K >= C).
 * Every output may be NULL; class_sums and class_counts come together. Rows that are not finite count as wrong, get
 * NaN in loss and entropy, and are left out of class_sums and class_counts. Where correct, loss and entropy are all
 * NULL, a row that class_slot leaves out is not read, and so not counted.
 */
LOTUS_API int32_t lotus_evaluate_logits(const void* logits, int64_t logits_stride, const int64_t* labels, int64_t rows,
                                        int64_t cols, int32_t dtype, int64_t* correct, float* loss, float* entropy,
                                        double* class_sums, int64_t class_sums_stride, int64_t* class_counts,
                                        const int32_t* class_slot, int64_t slots, int64_t* nonfinite_rows,
                                        int32_t device, void* stream);

/* ---- class_means (dev.lotus.kernel.ClassMeans) ------------------------------------------------------------------ */
/* One batch of class means: class_sums and class_counts of evaluate_logits alone. Mean k = sums[k] / counts[k]. */
LOTUS_API int32_t lotus_class_means(const void* logits, int64_t logits_stride, const int64_t* labels, int64_t rows,
                                    int64_t cols, int32_t dtype, double* class_sums, int64_t class_sums_stride,
                                    int64_t* class_counts, const int32_t* class_slot, int64_t slots,
                                    int64_t* nonfinite_rows, int32_t device, void* stream);

/* ---- entropy_histogram (dev.lotus.kernel.EntropyHistogram) ------------------------------------------------------ */
/*
 * ADDS to counts [bins] how many rows' softmax entropies (nats) fall into each of `bins` equal bins of [low, high]; the
 * last bin is closed, entropies outside go to the first or last. Rows that are not finite are in no bin.
 */
LOTUS_API int32_t lotus_entropy_histogram(const void* logits, int64_t logits_stride, int64_t rows, int64_t cols,
                                          int32_t dtype, float low, float high, int32_t bins, int64_t* counts,
                                          int64_t* nonfinite_rows, int32_t device, void* stream);

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
 * row_out [B] fp64, never NULL; total: one fp64 or NULL; workspace: 3 B + 3 fp64, needed for UPSTREAM only.
 * gradient [B, C] in `dtype` or NULL: gradient_scale * d total / d p, for LOGITS only (p's logits; q is held fixed); it
 * may be `p` itself (same stride) and otherwise overlaps no input.
 */
LOTUS_API int32_t lotus_js_divergence(const void* p, int64_t p_stride, const void* q, int64_t q_stride, int64_t rows,
                                      int64_t cols, int32_t dtype, int32_t input_kind, int32_t form, double* row_out,
                                      double* total, double* workspace, void* gradient, int64_t gradient_stride,
                                      float gradient_scale, int64_t* nonfinite_rows, int32_t device, void* stream);

/* ---- rf_jsd (dev.lotus.kernel.RetrainFreeJsd) ------------------------------------------------------------------ */
/*
 * RF-JSD from two sets of class sums and counts [K, C] (class_means): p of the unlearned model on the forget set, q of
 * the original on the test half. Over the classes k that both count: P_k, Q_k = the class means, rows normalised.
 *   out[0] = mean_k JSD(P_k, Q_k) (TEXTBOOK) ; out[1] = the UPSTREAM form of the two matrices of those means, rows as
 *   they are ; out[2] = classes used
 *   subset_out[r] = out[0] on a random subset r of ceil(C / 2) columns, renormalised: those with the smallest words of
 *   (seed, step 0, LOTUS_STREAM_SUBSETS, sample r), the lower column first among equals. A class without mass on the
 *   subset counts 0 where both sides lack it, log 2 where one does.
 * Sums that are negative or not finite make NaN of out[0] and subset_out; out[1] clamps, as the published code. No class in common: out[0], out[1] and subset_out
 * are NaN. K >= 1; subsets >= 0; subset_out [subsets] or NULL with 0. workspace: 4 K + 2 fp64 of the device.
 */
LOTUS_API int32_t lotus_rf_jsd(const double* p_sums, int64_t p_stride, const int64_t* p_counts, const double* q_sums,
                               int64_t q_stride, const int64_t* q_counts, int64_t classes, int64_t cols,
                               int32_t subsets, uint64_t seed, double* out, double* subset_out, double* workspace,
                               int32_t device, void* stream);

/* ---- Operations on the weights: a list of tensors in one call -------------------------------------------------- */
/*
 * One parameter tensor of `count` elements (0 is allowed) and what goes with it, all contiguous, all on the call's
 * device. Each operation says which fields it uses; the others may be NULL. The list itself is host memory. On CUDA it
 * travels with the launch: up to 500 tensors make one launch, more tensors more launches.
 */
typedef struct lotus_tensor {
  float* weight;        /* fp32 master weights */
  const void* gradient; /* in the call's dtype */
  float* first;         /* AdamW: first moment. SGD: momentum buffer. Scores and importances */
  float* second;        /* AdamW: second moment. ssd_dampen: importance on the forget set */
  uint8_t* mask;        /* 0 or 1 an element, or NULL */
  uint16_t* shadow;     /* bf16 copy of the new weights, or NULL */
  int64_t count;
} lotus_tensor;

#define LOTUS_MASK_GRADIENT 0 /* a masked-out element has gradient 0; decay and momentum go on (SalUn as published) */
#define LOTUS_MASK_UPDATE 1   /* a masked-out element and its moments stay as they are */
#define LOTUS_NORM_WORKSPACE 4096 /* fp64 elements */

/*
 * norm[0] = sqrt(sum of all squared gradients), fp64, on the device, in a fixed order; 0 for an empty list. Uses
 * gradient. workspace: LOTUS_NORM_WORKSPACE fp64 of the device.
 */
LOTUS_API int32_t lotus_gradient_norm(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, double* norm,
                                      double* workspace, int32_t device, void* stream);

/* As lotus_draw, of an optimizer: all that its step and its learning rate come to. */
typedef struct lotus_pace {
  float decay; /* AdamW: 1 - lr wd. SGD: not read */
  float rate;  /* AdamW: lr / (1 - b1^step). SGD: lr */
  float root;  /* AdamW: 1 / sqrt(1 - b2^step). SGD: not read */
} lotus_pace;

/* pace[0] (host memory) of an AdamW step: the numbers that lotus_adamw makes of these arguments. */
LOTUS_API int32_t lotus_adamw_pace(double lr, double beta1, double beta2, double weight_decay, int64_t step,
                                   lotus_pace* pace);

/*
 * AdamW (Loshchilov and Hutter, ICLR 2019), as PyTorch's, step >= 1:
 *   g = clip * gradient ; weight -= lr wd weight ; m += (1 - b1)(g - m) ; v = b2 v + (1 - b2) g^2
 *   weight -= lr / (1 - b1^step) * m / (sqrt(v / (1 - b2^step)) + epsilon)
 * clip = min(1, max_norm / (gradient_norm[0] + 1e-6)), NaN where the norm is; it is read on the device. gradient_norm
 * NULL = no clipping. Uses weight, gradient, first, second, mask, shadow; the shadow is written at every element. A
 * gradient that is not finite spoils its own element only. pace: NULL, or the step's numbers in the device's memory, in
 * place of what lr, weight_decay and step (which must be valid) come to.
 */
LOTUS_API int32_t lotus_adamw(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, double lr, double beta1,
                              double beta2, double epsilon, double weight_decay, int64_t step, int32_t mask_mode,
                              const double* gradient_norm, double max_norm, const lotus_pace* pace, int32_t device,
                              void* stream);

/*
 * SGD with momentum, as PyTorch's (no dampening, not Nesterov's): g = clip * gradient + wd weight ;
 * b = momentum b + g ; weight -= lr b. first holds b and starts at zero; where momentum is 0 it is not used. Otherwise
 * as lotus_adamw.
 */
LOTUS_API int32_t lotus_sgd(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, double lr,
                            double momentum, double weight_decay, int32_t mask_mode, const double* gradient_norm,
                            double max_norm, const lotus_pace* pace, int32_t device, void* stream);

/* first += scale * gradient^2: SSD's importances (Foster et al., AAAI 2024). */
LOTUS_API int32_t lotus_square_accumulate(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, float scale,
                                          int32_t device, void* stream);

/* first += scale * |gradient|, or, where keep_sign is not 0, scale * gradient (SalUn takes |sum| as published). */
LOTUS_API int32_t lotus_abs_accumulate(const lotus_tensor* tensors, int64_t tensor_count, int32_t dtype, float scale,
                                       int32_t keep_sign, int32_t device, void* stream);

/*
 * Selective synaptic dampening: where second > selection * first (forget against retain importance),
 *   weight *= min(bound, (dampening * first / second)^exponent).
 * dampened: NULL or one counter, to which the number of such elements is ADDED. Uses weight, first, second, shadow.
 */
LOTUS_API int32_t lotus_ssd_dampen(const lotus_tensor* tensors, int64_t tensor_count, float selection, float dampening,
                                   float exponent, float bound, int64_t* dampened, int32_t device, void* stream);

/*
 * mask = 1 at the k elements with the largest |first| over ALL tensors, else 0 (SalUn, Fan et al., ICLR 2024). Among
 * equals the earlier element, tensor by tensor, comes first; NaN counts as 0. 0 <= k <= the number of elements.
 * workspace: LOTUS_TOP_K_WORKSPACE int64 of the device.
 */
#define LOTUS_TOP_K_WORKSPACE 8192
LOTUS_API int32_t lotus_top_k_mask(const lotus_tensor* tensors, int64_t tensor_count, int64_t k, int64_t* workspace,
                                   int32_t device, void* stream);

/* ---- gather_augment (dev.lotus.kernel.GatherAugment) ------------------------------------------------------------ */
#define LOTUS_CHANNELS_FIRST 0 /* [., channels, height, width] */
#define LOTUS_CHANNELS_LAST 1  /* [., height, width, channels] */
#define LOTUS_PAD_ZERO 0       /* black pixels (0 before normalisation) */
#define LOTUS_PAD_EDGE 1       /* the nearest pixel of the image */

typedef struct lotus_augment {
  int32_t crop_height, crop_width; /* of the box cut out of each image; the image's own size takes all of it */
  int32_t padding;                 /* pixels of padding around the image that a random box may reach into; below 0: the
                                      box is not drawn but centred (as torchvision's center_crop), over the padding
                                      where it is larger than the image */
  int32_t pad_mode;                /* LOTUS_PAD_ZERO or LOTUS_PAD_EDGE */
  float flip_probability;          /* of a horizontal flip, 0 to 1 */
  float mean[4], std[4];           /* a channel, on the scale 0..1; std > 0 */
} lotus_augment;

/*
 * A batch from uint8 images that are resident in memory, in one pass: gather, box (random, centred or given), bilinear
 * resize with antialias (as torchvision's on tensors) where box and output differ in size, horizontal flip,
 * (pixel / 255 - mean) / std, type, layout. Padding inside the box is part of the picture that is resized.
 *
 * images [N] of channels (1 to 4) x height x width, in image_layout; indices [B], 0 <= index < N (another index fills
 * the row with NaN and counts as not finite). out [B] of channels x out_height x out_width in `dtype`, out_layout.
 * Sizes of images and outputs: 1 to 2^20.
 * Draws of row b: words w of (seed, step, LOTUS_STREAM_AUGMENT, samples[b] or b): top = floor(w0 (height + 2 padding -
 * crop_height + 1) / 2^32) - padding, left likewise from w1, flip = w2 / 2^32 < flip_probability.
 * boxes [B, 4] int32 (top, left, height, width, reaching up to 2^20 outside) or NULL: ready-made boxes, and
 * crop_height, crop_width and padding are not read; a box that is empty or reaches further counts as an index out of
 * range. flips [B] bytes or NULL: ready-made flips.
 */
LOTUS_API int32_t lotus_gather_augment(const uint8_t* images, int64_t image_count, int32_t channels, int32_t height,
                                       int32_t width, int32_t image_layout, const int64_t* indices, int64_t rows,
                                       const lotus_augment* augment, uint64_t seed, uint32_t step,
                                       const int64_t* samples, const int32_t* boxes, const uint8_t* flips, void* out,
                                       int32_t out_height, int32_t out_width, int32_t out_layout, int32_t dtype,
                                       int64_t* nonfinite_rows, int32_t device, void* stream);

/* ---- resize (dev.lotus.kernel.Resize) ---------------------------------------------------------------------------- */
/*
 * A window of a resized picture, to the bit what Pillow's resize(..., BILINEAR) gives (and so torchvision's Resize and
 * crops on its images): separable triangles as wide as the reduction, columns first, bytes in between.
 *
 * source: uint8 [rows, columns] pixels of `channels` (1 to 4) bytes, rows `stride` bytes apart. The whole of it resized
 * has resized_height x resized_width pixels, of which height x width from (top, left) go to out, uint8 [channels,
 * height, width], channels in the opposite order where `reverse` is not 0. out overlaps no input. Sides of the picture
 * and of the window: 1 to 65535; resized: 1 to 2^30. On the CPU the calling thread does all of it.
 */
LOTUS_API int32_t lotus_resize(const uint8_t* source, int32_t rows, int32_t columns, int32_t channels, int64_t stride,
                               int32_t reverse, int32_t resized_height, int32_t resized_width, int32_t top,
                               int32_t left, int32_t height, int32_t width, uint8_t* out, int32_t device,
                               void* stream);

#ifdef __cplusplus
}
#endif

#endif /* LOTUS_H */
