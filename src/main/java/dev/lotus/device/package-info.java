/**
 * Devices, precision, native memory and errors: what every stage stands on.
 *
 * <p>In: the user's words ({@code auto|cpu|cuda[:i]}, {@code fp32|tf32|bf16}, a thread count). Out:
 * a loaded libtorch, a device that is known to work, scopes that own native memory, CUDA's streams,
 * events, graphs and page-locked memory where there is a GPU, and errors that carry their exit
 * status.
 */
package dev.lotus.device;
