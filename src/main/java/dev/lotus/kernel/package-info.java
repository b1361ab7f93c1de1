/**
 * The native operations, on logits, weights and pictures: one file an operation, whose Javadoc is
 * the contract. A library that every stage may use (those on logits are the flow's stage 4) and
 * that depends on none.
 *
 * <p>In: {@link dev.lotus.kernel.Matrix matrices} of logits [B, C] on the CPU or a CUDA device,
 * labels, forget flags, lists of weights, bytes of pictures. Out: losses, gradients, counts,
 * entropies, divergences, new weights, images. No libtorch: any memory will do.
 */
package dev.lotus.kernel;
