// gradient_norm on CUDA. Squares are taken in double: neither 1e30 nor 1e-30 leaves its range.
//
// A block sums a slot (common/tensors.cuh) into its place in the workspace; then one block adds the places, always in the
// same tree: the same bits on any grid. Two launches, one more for each kTensorsPerLaunch tensors beyond the first.
#include "common/tensors.cuh"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "gradient_norm";

template <class T>
__global__ void __launch_bounds__(kTensorThreads)
    square_slots(const __grid_constant__ TensorTable table, SlotRange range, double* workspace) {
  // Two sets in turn, so that block_reduce's one barrier is enough.
  __shared__ Slots<Sums<double, 1>> shared[2];
  int turn = 0;
  for (int64_t slot = range.first_slot + blockIdx.x; slot < range.end_slot; slot += gridDim.x, turn ^= 1) {
    Sums<double, 1> sum;
    for_quads(table, range.begin(slot), range.end(slot, table.chunks), 1, [&](const TensorEntry& t, const Quad& quad) {
      float g[4];
      quad.load(static_cast<const T*>(t.gradient), g);
#pragma unroll
      for (int j = 0; j < 4; ++j) sum.value[0] += static_cast<double>(g[j]) * static_cast<double>(g[j]);
    });
    sum = block_reduce(sum, shared[turn].get());
    if (threadIdx.x == 0) workspace[slot] = (range.carried_on(slot) ? workspace[slot] : 0.0) + sum.value[0];
  }
}

__global__ void __launch_bounds__(kTensorThreads) root_of_sum(const double* workspace, int64_t slots, double* norm) {
  __shared__ Slots<Sums<double, 1>> shared;
  Sums<double, 1> sum;
  for (int64_t i = threadIdx.x; i < slots; i += kTensorThreads) sum.value[0] += workspace[i];
  sum = block_reduce(sum, shared.get());
  if (threadIdx.x == 0) norm[0] = sqrt(sum.value[0]);
}

}  // namespace

int32_t gradient_norm(const NormArgs& a) {
  const DeviceScope scope(a.list.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  int64_t slots = 0;
  const int32_t status = with_dtype(a.list.dtype, [&](auto type) {
    return for_slot_launches(a.list, LOTUS_NORM_WORKSPACE, [&](const TensorTable& table, const SlotRange& range) {
      slots = range.end_slot;
      return check(kOp, launch(square_slots<decltype(type)>, tensor_shape(range.end_slot - range.first_slot),
                               a.list.stream, table, range, a.workspace));
    });
  });
  if (status != LOTUS_OK) return status;
  return check(kOp, launch(root_of_sum, tensor_shape(1), a.list.stream, a.workspace, slots, a.norm));
}

}  // namespace cuda
}  // namespace lotus
