/**
 * Several processes that train one model: who they are, how a batch is dealt out, and what they add
 * up.
 *
 * <p>In: the environment that torchrun, Slurm or Kubernetes sets. Out: a {@link
 * dev.lotus.dist.WorkerGroup} over c10d's process groups (Gloo on the CPU, NCCL on GPUs), gradients
 * summed while the backward pass goes on, and an error that names the process that was lost.
 */
package dev.lotus.dist;
