/**
 * Measures the kernels, stage 4, beside the same computations composed of libtorch operations.
 *
 * <p>In: operations, shapes, types, a thread count. Out: one {@link dev.lotus.bench.KernelRecord} a
 * peer, as {@code lotus bench kernels} prints and writes them. One file an operation or a small
 * group, a {@link dev.lotus.bench.KernelBenchmark} each; {@link dev.lotus.bench.KernelBenchmarks}
 * lists them. The tests hold the two sides of every benchmark together: a comparison of two
 * different computations is worth nothing.
 */
package dev.lotus.bench;
