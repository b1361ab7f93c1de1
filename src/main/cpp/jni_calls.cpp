// Counts a JVM's calls into native code: each native method that the JVM binds from now on is bound to a few
// instructions that count and jump on. Nothing is in the way of a JVM that never asks.
#include "internal.h"

#if __has_include(<jvmti.h>) && defined(__x86_64__) && defined(__linux__)
#define LOTUS_COUNTS_JNI 1
#include <dlfcn.h>
#include <jvmti.h>
#include <string.h>
#include <sys/mman.h>

#include <atomic>
#include <mutex>
#endif

namespace lotus {
namespace {

#ifdef LOTUS_COUNTS_JNI

std::atomic<int64_t> calls{0};

// movabs r11, &calls; lock inc qword [r11]; movabs r11, target; jmp r11. r11 carries no argument in the System V ABI.
constexpr size_t kStub = 32;
constexpr size_t kStubs = 8192;

// Stubs are never given back: the JVM keeps their addresses.
class Stubs {
 public:
  void* to(void* target) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (code_ == nullptr || used_ == kStubs) return nullptr;
    unsigned char* const stub = code_ + kStub * used_;
    const int64_t counter = reinterpret_cast<int64_t>(&calls);
    const int64_t onwards = reinterpret_cast<int64_t>(target);
    unsigned char* at = stub;
    at = put(at, "\x49\xbb", 2);
    at = put(at, &counter, sizeof counter);
    at = put(at, "\xf0\x49\xff\x03", 4);
    at = put(at, "\x49\xbb", 2);
    at = put(at, &onwards, sizeof onwards);
    put(at, "\x41\xff\xe3", 3);
    used_++;
    return stub;
  }

  bool reserve() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (code_ == nullptr) {
      // Written while other threads run in earlier stubs, so both at once; a system that forbids it says so here.
      void* const memory = mmap(nullptr, kStub * kStubs, PROT_READ | PROT_WRITE | PROT_EXEC,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      code_ = memory == MAP_FAILED ? nullptr : static_cast<unsigned char*>(memory);
    }
    return code_ != nullptr;
  }

 private:
  static unsigned char* put(unsigned char* at, const void* bytes, size_t count) {
    memcpy(at, bytes, count);
    return at + count;
  }

  std::mutex mutex_;
  unsigned char* code_ = nullptr;
  size_t used_ = 0;
};

Stubs& stubs() {
  static Stubs* const all = new Stubs; // outlives every thread that may still bind a method
  return *all;
}

// The binding's methods and this library's; the JDK's own natives are not the engine's doing.
bool counts(const char* signature) {
  return strncmp(signature, "Lorg/bytedeco/", 14) == 0 || strncmp(signature, "Ldev/lotus/", 11) == 0;
}

void JNICALL bound(jvmtiEnv* jvmti, JNIEnv*, jthread, jmethodID method, void* address, void** instead) {
  jclass declaring = nullptr;
  char* signature = nullptr;
  if (jvmti->GetMethodDeclaringClass(method, &declaring) != JVMTI_ERROR_NONE ||
      jvmti->GetClassSignature(declaring, &signature, nullptr) != JVMTI_ERROR_NONE) {
    return;
  }
  void* const stub = counts(signature) ? stubs().to(address) : nullptr;
  if (stub != nullptr) *instead = stub;
  jvmti->Deallocate(reinterpret_cast<unsigned char*>(signature));
}

int32_t begin() {
  using Created = jint (*)(JavaVM**, jsize, jsize*);
  const auto created = reinterpret_cast<Created>(dlsym(RTLD_DEFAULT, "JNI_GetCreatedJavaVMs"));
  JavaVM* vm = nullptr;
  jsize count = 0;
  if (created == nullptr || created(&vm, 1, &count) != JNI_OK || count == 0) {
    return set_error(LOTUS_UNSUPPORTED, "no JVM runs in this process");
  }
  jvmtiEnv* jvmti = nullptr;
  if (vm->GetEnv(reinterpret_cast<void**>(&jvmti), JVMTI_VERSION_1_2) != JNI_OK) {
    return set_error(LOTUS_UNSUPPORTED, "the JVM has no tool interface");
  }
  jvmtiCapabilities wanted = {};
  wanted.can_generate_native_method_bind_events = 1;
  jvmtiEventCallbacks callbacks = {};
  callbacks.NativeMethodBind = bound;
  if (!stubs().reserve() || jvmti->AddCapabilities(&wanted) != JVMTI_ERROR_NONE ||
      jvmti->SetEventCallbacks(&callbacks, sizeof callbacks) != JVMTI_ERROR_NONE ||
      jvmti->SetEventNotificationMode(JVMTI_ENABLE, JVMTI_EVENT_NATIVE_METHOD_BIND, nullptr) != JVMTI_ERROR_NONE) {
    return set_error(LOTUS_UNSUPPORTED, "the JVM does not tell of the native methods it binds");
  }
  return LOTUS_OK;
}

#endif

}  // namespace
}  // namespace lotus

int32_t lotus_count_jni_calls(void) {
#ifdef LOTUS_COUNTS_JNI
  // Once for the process: a second environment would count every call twice.
  static const int32_t status = lotus::begin();
  return status;
#else
  return lotus::set_error(LOTUS_UNSUPPORTED, "built without the JDK's jvmti.h, or not for Linux on x86-64");
#endif
}

int64_t lotus_jni_calls(void) {
#ifdef LOTUS_COUNTS_JNI
  return lotus::calls.load(std::memory_order_relaxed);
#else
  return 0;
#endif
}
