/**
 * Stage 4, the fused operations on logits: one file an operation, whose Javadoc is the contract.
 *
 * <p>In: {@link dev.lotus.kernel.Matrix matrices} of logits [B, C] on the CPU or a CUDA device,
 * labels, forget flags. Out: losses, gradients, counts, entropies, divergences. No libtorch: any
 * memory will do.
 */
package dev.lotus.kernel;
