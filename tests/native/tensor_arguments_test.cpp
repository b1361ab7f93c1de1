// The checks of the operations on the weights: each operand wrong in turn is refused by name, and nothing is written.
// On the CPU alone: the checks stand before any backend.
#include "tensor_cases.h"

#ifdef LOTUS_TEST_CPU

namespace native_test {
namespace {

void refused(int32_t status, const char* text) {
  expect(status == LOTUS_INVALID_ARGUMENT && strstr(lotus_last_error(), text) != nullptr,
         std::string("\"") + text + "\" is not in \"" + lotus_last_error() + "\"");
}

struct Call {
  float weight[2] = {1, 2}, gradient[2] = {3, 4}, first[2] = {0, 0}, second[2] = {0, 0};
  uint8_t mask[2] = {1, 1};
  lotus_tensor tensor = {weight, gradient, first, second, mask, nullptr, 2};
  int64_t tensors = 1;
  int32_t dtype = LOTUS_FLOAT32, mask_mode = LOTUS_MASK_GRADIENT;
  double lr = 1, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, weight_decay = 0, momentum = 0.5, max_norm = 1, norm = 5;
  int64_t step = 1, k = 1, workspace[LOTUS_TOP_K_WORKSPACE];
  double sums[LOTUS_NORM_WORKSPACE];
  float scale = 1, selection = 1, dampening = 1, exponent = 1, bound = 1;

  int32_t adamw() {
    return lotus_adamw(&tensor, tensors, dtype, lr, beta1, beta2, epsilon, weight_decay, step, mask_mode, &norm,
                       max_norm, nullptr, LOTUS_CPU, nullptr);
  }
  int32_t sgd() {
    return lotus_sgd(&tensor, tensors, dtype, lr, momentum, weight_decay, mask_mode, &norm, max_norm, nullptr,
                     LOTUS_CPU, nullptr);
  }
  int32_t square() { return lotus_square_accumulate(&tensor, tensors, dtype, scale, LOTUS_CPU, nullptr); }
  int32_t magnitude() { return lotus_abs_accumulate(&tensor, tensors, dtype, scale, 0, LOTUS_CPU, nullptr); }
  int32_t dampen() {
    return lotus_ssd_dampen(&tensor, tensors, selection, dampening, exponent, bound, nullptr, LOTUS_CPU, nullptr);
  }
  int32_t top_k() { return lotus_top_k_mask(&tensor, tensors, k, workspace, LOTUS_CPU, nullptr); }
  int32_t gradient_norm() {
    return lotus_gradient_norm(&tensor, tensors, dtype, &norm, sums, LOTUS_CPU, nullptr);
  }
};

}  // namespace

const Suite suite("tensor_arguments", [] {
  context = "arguments of the operations on the weights";
  using Operation = int32_t (Call::*)();
  const Operation all[] = {&Call::adamw,  &Call::sgd,   &Call::square,       &Call::magnitude,
                           &Call::dampen, &Call::top_k, &Call::gradient_norm};
  for (const Operation operation : all) {
    Call good;
    expect((good.*operation)() == LOTUS_OK, "a good call");
    Call few;
    few.tensors = -1;
    refused((few.*operation)(), "tensor_count is -1");
    Call negative;
    negative.tensor.count = -3;
    refused((negative.*operation)(), "the count of tensor 0 is -3");
    Call empty;  // nothing is needed of a tensor without elements
    empty.tensor = {};
    empty.k = 0;
    expect((empty.*operation)() == LOTUS_OK, "a list without elements");
  }
#define REFUSED(operation, statement, text)            \
  {                                                    \
    Call c;                                            \
    statement;                                         \
    refused(c.operation(), text);                      \
    expect(c.weight[0] == 1, "a weight was written");  \
  }
  REFUSED(adamw, c.tensor.weight = nullptr, "adamw: weight of tensor 0 is null")
  REFUSED(adamw, c.tensor.gradient = nullptr, "gradient of tensor 0 is null")
  REFUSED(adamw, c.tensor.first = nullptr, "first of tensor 0 is null")
  REFUSED(adamw, c.tensor.second = nullptr, "second of tensor 0 is null")
  REFUSED(adamw, c.dtype = 3, "dtype is 3")
  REFUSED(adamw, c.lr = kNaN, "lr is nan")
  REFUSED(adamw, c.beta1 = 1, "beta1 is 1")
  REFUSED(adamw, c.beta2 = -0.1, "beta2 is -0.1")
  REFUSED(adamw, c.epsilon = kInf, "epsilon is inf")
  REFUSED(adamw, c.weight_decay = -1, "weight_decay is -1")
  REFUSED(adamw, c.step = 0, "step is 0")
  REFUSED(adamw, c.mask_mode = 2, "mask_mode is 2")
  REFUSED(adamw, c.max_norm = -1, "max_norm is -1")
  REFUSED(sgd, c.tensor.weight = nullptr, "sgd: weight of tensor 0 is null")
  REFUSED(sgd, c.tensor.gradient = nullptr, "gradient of tensor 0 is null")
  REFUSED(sgd, c.tensor.first = nullptr, "first of tensor 0 is null")
  REFUSED(sgd, c.lr = -1, "lr is -1")
  REFUSED(sgd, c.momentum = 1, "momentum is 1")
  REFUSED(sgd, c.weight_decay = kNaN, "weight_decay is nan")
  REFUSED(sgd, c.dtype = -1, "dtype is -1")
  REFUSED(sgd, c.mask_mode = -1, "mask_mode is -1")
  REFUSED(sgd, c.max_norm = kNaN, "max_norm is nan")
  REFUSED(square, c.tensor.gradient = nullptr, "square_accumulate: gradient of tensor 0 is null")
  REFUSED(square, c.scale = INFINITY, "scale is inf")
  REFUSED(magnitude, c.tensor.first = nullptr, "abs_accumulate: first of tensor 0 is null")
  REFUSED(magnitude, c.dtype = 7, "dtype is 7")
  REFUSED(dampen, c.tensor.second = nullptr, "ssd_dampen: second of tensor 0 is null")
  REFUSED(dampen, c.selection = -1, "selection is -1")
  REFUSED(dampen, c.dampening = NAN, "dampening is nan")
  REFUSED(dampen, c.exponent = -1, "exponent is -1")
  REFUSED(dampen, c.bound = INFINITY, "bound is inf")
  REFUSED(top_k, c.tensor.mask = nullptr, "top_k_mask: mask of tensor 0 is null")
  REFUSED(top_k, c.tensor.first = nullptr, "first of tensor 0 is null")
  REFUSED(top_k, c.k = 3, "k is 3; it must be 0 to the number of elements, 2")
  REFUSED(top_k, c.k = -1, "k is -1")
  REFUSED(gradient_norm, c.tensor.gradient = nullptr, "gradient_norm: gradient of tensor 0 is null")
#undef REFUSED
  Call c;
  refused(lotus_gradient_norm(&c.tensor, 1, 0, nullptr, c.sums, LOTUS_CPU, nullptr), "norm is null");
  refused(lotus_gradient_norm(&c.tensor, 1, 0, &c.norm, nullptr, LOTUS_CPU, nullptr), "workspace is null");
  refused(lotus_top_k_mask(&c.tensor, 1, 1, nullptr, LOTUS_CPU, nullptr), "workspace is null");
  refused(lotus_top_k_mask(nullptr, 1, 1, c.workspace, LOTUS_CPU, nullptr), "tensors is null");
});

}  // namespace native_test

#endif
