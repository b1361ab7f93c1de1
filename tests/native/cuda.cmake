# Tests of the CUDA kernels (included by CMakeLists.txt).
#   cuda_emulation_test  compiles the very .cu files with g++ against cuda_emulation/: no nvcc, no GPU
#   cuda_device_test     the same tests against liblotus_cuda on a GPU; skipped where there is none
file(GLOB LOTUS_CUDA_KERNELS CONFIGURE_DEPENDS ${SRC}/cuda/*.cu)
set(LOTUS_CUDA_WRAPPERS)
foreach(source ${LOTUS_CUDA_KERNELS})
  get_filename_component(kernel ${source} NAME_WE)
  set(wrapper ${CMAKE_CURRENT_BINARY_DIR}/emulated_${kernel}.cpp)
  file(GENERATE OUTPUT ${wrapper} CONTENT "#include \"${SRC}/cuda/${kernel}.cu\"\n")
  list(APPEND LOTUS_CUDA_WRAPPERS ${wrapper})
endforeach()
add_executable(
  cuda_emulation_test ${LOTUS_CONTRACT_TESTS} ${LOTUS_CUDA_WRAPPERS} cuda_emulation/emulation_test.cpp cuda_emulation/blocks.cpp
                      cuda_emulation/fiber.cpp cuda_emulation/runtime.cpp)
target_include_directories(cuda_emulation_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/cuda_emulation
                                                       ${CMAKE_CURRENT_SOURCE_DIR} ${SRC}/cpp ${SRC}/cuda)
target_compile_definitions(cuda_emulation_test PRIVATE LOTUS_CUDA_EMULATION "LOTUS_CUDA_ARCH_TEXT=\"the emulation\"")
# Contracted multiply-adds as nvcc makes them; accesses that are not aligned trap, as they would on the device. O2: half
# the time of O3 to compile.
include(CheckCXXSourceRuns)
set(CMAKE_REQUIRED_FLAGS -mfma)
check_cxx_source_runs("int main(){return __builtin_cpu_supports(\"fma\")?0:1;}" LOTUS_HOST_HAS_FMA)
unset(CMAKE_REQUIRED_FLAGS)
target_compile_options(
  cuda_emulation_test PRIVATE -O2 -ffp-contract=fast -fno-strict-aliasing -Wno-unknown-pragmas
                              $<$<BOOL:${LOTUS_HOST_HAS_FMA}>:-mfma>)
if(NOT LOTUS_SANITIZE)
  target_compile_options(cuda_emulation_test PRIVATE -fsanitize=alignment -fsanitize-undefined-trap-on-error)
endif()
add_test(NAME cuda_emulation COMMAND cuda_emulation_test $<$<BOOL:${LOTUS_SANITIZE}>:--quick> COMMAND_EXPAND_LISTS)

if(TARGET lotus_cuda)
  find_package(CUDAToolkit REQUIRED)
  add_executable(cuda_device_test ${LOTUS_CONTRACT_TESTS})
  target_include_directories(cuda_device_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${SRC}/cpp)
  target_link_libraries(cuda_device_test PRIVATE lotus_cuda CUDA::cudart)
  add_test(NAME cuda_device COMMAND cuda_device_test)
  set_tests_properties(cuda_device PROPERTIES SKIP_RETURN_CODE 77)

  # Timings for tests/gpu/run.sh.
  add_executable(cuda_time_ops EXCLUDE_FROM_ALL ${CMAKE_CURRENT_SOURCE_DIR}/../gpu/time_ops.cu
                 ${CMAKE_CURRENT_SOURCE_DIR}/../gpu/time_logits.cu ${CMAKE_CURRENT_SOURCE_DIR}/../gpu/time_weights.cu
                 ${CMAKE_CURRENT_SOURCE_DIR}/../gpu/time_images.cu)
  target_include_directories(cuda_time_ops PRIVATE ${SRC}/cpp)
  set_target_properties(cuda_time_ops PROPERTIES CUDA_STANDARD 17 CUDA_RUNTIME_LIBRARY Shared)
  target_link_libraries(cuda_time_ops PRIVATE lotus_cuda CUDA::cudart)
endif()
