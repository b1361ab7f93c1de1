# GPU architectures: machine code ("real") for each, PTX ("virtual") of the newest for GPUs to come.
#   fast  Hopper alone, for the default build to stay quick
#   all   everything supported (mvn -Prelease)
set(LOTUS_CUDA_ARCHS "fast" CACHE STRING "fast, all, or a CMake list such as 80-real;90-real")
if(LOTUS_CUDA_ARCHS STREQUAL "all")
  set(LOTUS_CUDA_ARCH_LIST 75-real 80-real 86-real 89-real 90-real 100-real 120-real 120-virtual)
elseif(LOTUS_CUDA_ARCHS STREQUAL "fast")
  set(LOTUS_CUDA_ARCH_LIST 90-real 90-virtual)
else()
  set(LOTUS_CUDA_ARCH_LIST ${LOTUS_CUDA_ARCHS})
endif()
