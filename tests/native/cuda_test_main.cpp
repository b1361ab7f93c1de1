// Runs the CUDA tests: on the emulation by default, on a GPU when built against liblotus_cuda (exit 77 = skipped: no
// GPU).
#include <stdarg.h>

#include <chrono>

#include "cuda_cases.h"

#ifdef LOTUS_CUDA_EMULATION
void emulation_suite();
void numeric_suite();
void table_suite();
#endif

namespace cuda_test {

std::string error_text;

namespace {

int32_t take_error(int32_t status, const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  error_text = text;
  return status;
}

const lotus::CudaTable& table() {
  static const lotus::CudaTable* table = lotus_cuda_table(&take_error);
  return *table;
}

void run(const char* name, void (*suite)()) {
  const auto start = std::chrono::steady_clock::now();
  const int checks_before = checks, failures_before = failures;
  suite();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  printf("%-10s %7d checks %4d failures %6.2f s\n", name, checks - checks_before, failures - failures_before,
         seconds.count());
  fflush(stdout);
}

}  // namespace

const lotus::Backend& backend() { return table().backend; }

}  // namespace cuda_test

// usage: [--quick]
int main(int argc, char** argv) {
  using namespace cuda_test;
  quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  const char* reason = table().reason(0);
  if (*reason != '\0') {
    fprintf(stderr, "skipped: %s\n", reason);
    return 77;
  }
#ifdef LOTUS_CUDA_EMULATION
  run("emulation", emulation_suite);
  run("numeric", numeric_suite);
  run("table", table_suite);
#endif
  run("philox", philox_suite);
  run("gumbel", gumbel_suite);
  run("evaluate", evaluate_suite);
  run("jsd", jsd_suite);
  printf("%d checks, %d failures\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
