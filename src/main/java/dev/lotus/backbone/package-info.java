/**
 * Stage 3: the image classifiers and their weight files.
 *
 * <p>In: {@code images_BCHW}, normalised fp32, from the loader; weights from safetensors and
 * PyTorch files, TorchScript programs. Out: {@code logits_BC} for the kernels and the metrics;
 * weights in files.
 */
package dev.lotus.backbone;
