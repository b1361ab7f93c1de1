/* lotus.h compiled as C99, and each function called once from C: wrong use is answered with a status and a text. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lotus.h"

static int failures = 0;

static void expect(int condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "FAILED: %s (last error: %s)\n", what, lotus_last_error());
  ++failures;
}

int main(void) {
  const float student[6] = {1, 2, 3, 3, 2, 1}, teacher[6] = {0, 1, 0, 5, 0, 0};
  const uint8_t is_forget[2] = {1, 0};
  const int64_t labels[2] = {2, 1};
  float loss[2], gradient[6], entropy[2];
  double rows[2], total = -1, workspace[9];
  int64_t correct = 0, nonfinite = 0;
  uint32_t words[8];
  lotus_pace pace;
  int c;

  expect(strlen(lotus_version()) >= 5, "lotus_version");
  expect(lotus_backend_available(LOTUS_CPU) == 1, "the CPU is available");
  expect(lotus_backend_available(-2) == 0 && strlen(lotus_backend_reason(-2)) > 0, "device -2 is refused with a reason");
  expect(lotus_set_num_threads(-1) == LOTUS_INVALID_ARGUMENT, "negative thread count");
  expect(lotus_set_num_threads(1) == LOTUS_OK, "one thread");
  expect(lotus_philox(0, 0, 0, NULL, 1, 8, words, 8, LOTUS_CPU, NULL) == LOTUS_OK, "philox");
  /* Random123's known answer for key and counter zero. */
  expect(words[0] == 0x6627e8d5u && words[1] == 0xe169c58du && words[2] == 0xbc57ac4cu && words[3] == 0x9b00dbd8u,
         "philox known answer");

  expect(lotus_gumbel_cross_entropy(student, 3, teacher, 3, is_forget, 2, 3, LOTUS_FLOAT32, 2.0f,
                                    LOTUS_FORGET_SOFTMAX, LOTUS_RETAIN_ARGMAX, 0, 0, NULL, NULL, 0, loss, gradient, 3,
                                    0.5f, &nonfinite, NULL, LOTUS_CPU, NULL) == LOTUS_OK,
         "gumbel_cross_entropy");
  expect(fabs(loss[1] - 0.40760596) < 1e-6, "loss of the retain row");
  expect(nonfinite == 0, "no row that is not finite");
  for (c = 0; c < 3; ++c) expect(isfinite(gradient[c]), "gradient is finite");
  expect(lotus_gumbel_cross_entropy(student, 3, teacher, 3, is_forget, 2, 3, LOTUS_FLOAT32, 0.0f, 0, 0, 0, 0, NULL,
                                    NULL, 0, loss, gradient, 3, 0.5f, NULL, NULL, LOTUS_CPU,
                                    NULL) == LOTUS_INVALID_ARGUMENT &&
             strstr(lotus_last_error(), "tau is 0") != NULL,
         "tau = 0 is refused by name");
  expect(lotus_adamw_pace(0.5, 0.9, 0.99, 0.1, 2, &pace) == LOTUS_OK && fabs(pace.decay - 0.95) < 1e-6 &&
             fabs(pace.rate - 0.5 / 0.19) < 1e-6 && fabs(pace.root - 1 / sqrt(0.0199)) < 1e-5,
         "adamw_pace");
  expect(lotus_adamw_pace(0.5, 0.9, 0.99, 0.1, 0, &pace) == LOTUS_INVALID_ARGUMENT &&
             strstr(lotus_last_error(), "step is 0") != NULL,
         "steps count from 1");
  expect(lotus_evaluate_logits(student, 3, labels, 2, 3, LOTUS_FLOAT32, &correct, loss, entropy, NULL, 0, NULL, NULL,
                               0, &nonfinite, LOTUS_CPU, NULL) == LOTUS_OK &&
             correct == 1,
         "evaluate_logits");
  expect(lotus_js_divergence(student, 3, teacher, 3, 2, 3, LOTUS_FLOAT32, LOTUS_LOGITS, LOTUS_JSD_UPSTREAM, rows,
                             &total, workspace, NULL, 0, 0, NULL, LOTUS_CPU, NULL) == LOTUS_OK &&
             total > 0,
         "js_divergence");
  expect(lotus_js_divergence(student, 2, teacher, 3, 2, 3, LOTUS_FLOAT32, LOTUS_LOGITS, LOTUS_JSD_TEXTBOOK, rows,
                             NULL, NULL, NULL, 0, 0, NULL, LOTUS_CPU, NULL) == LOTUS_INVALID_ARGUMENT,
         "a stride below the columns is refused");
  if (failures == 0) puts("header_test: all passed");
  return failures == 0 ? 0 : 1;
}
