// Runs the contract tests of every operation: on the CPU kernels, on the emulation of CUDA, or on a GPU (exit 77 =
// skipped: no GPU, or a processor without the level that LOTUS_CPU_LEVEL asks for). usage: [--quick] [SUITE...]
#include <stdarg.h>

#include <chrono>

#include "cases.h"
#ifdef LOTUS_TEST_CPU
#include "internal.h"
#else
#include "cuda_library.h"
#endif

namespace native_test {

std::string error_text;

namespace {

struct Named {
  const char* name;
  void (*run)();
};

std::vector<Named>& suites() {
  static std::vector<Named> all;
  return all;
}

#ifdef LOTUS_TEST_CPU

const char* skip_reason() {
  printf("level %s\n", lotus_cpu_level());
  const char* wanted = getenv("LOTUS_CPU_LEVEL");
  return wanted != nullptr && strcmp(wanted, lotus_cpu_level()) != 0 ? "this processor lacks that level" : "";
}

#else

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

const char* skip_reason() { return table().reason(0); }

#endif

void run(const Named& suite) {
  const auto start = std::chrono::steady_clock::now();
  const int checks_before = checks, failures_before = failures;
  suite.run();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  printf("%-22s %7d checks %4d failures %6.2f s\n", suite.name, checks - checks_before, failures - failures_before,
         seconds.count());
  fflush(stdout);
}

}  // namespace

Suite::Suite(const char* name, void (*run)()) { suites().push_back({name, run}); }

#ifdef LOTUS_TEST_CPU
const lotus::Backend& backend() { return *lotus::backend_for(LOTUS_CPU); }
#else
const lotus::Backend& backend() { return table().backend; }
#endif

}  // namespace native_test

int main(int argc, char** argv) {
  using namespace native_test;
  const char* reason = skip_reason();
  if (*reason != '\0') {
    fprintf(stderr, "skipped: %s\n", reason);
    return 77;
  }
  std::vector<std::string> wanted;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--quick") == 0)
      quick = true;
    else
      wanted.push_back(argv[i]);
  }
  int ran = 0;
  for (const Named& suite : suites()) {
    bool asked = wanted.empty();
    for (const std::string& name : wanted) asked |= name == suite.name;
    if (!asked) continue;
    run(suite);
    ++ran;
  }
  if (ran == 0) {
    fprintf(stderr, "no such suite; there are:");
    for (const Named& suite : suites()) fprintf(stderr, " %s", suite.name);
    fprintf(stderr, "\n");
    return 2;
  }
  printf("%d checks, %d failures\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
