/**
 * Stage 1, data: from files (or a seed) to images and a split of them.
 *
 * <p>In: a folder or archive in its published format, or the name {@code synthetic}. Out: a {@link
 * dev.lotus.data.Dataset} (training and held-out images as uint8 planes, labels, checksum) and a
 * {@link dev.lotus.data.Split} (which training samples are to be forgotten, which kept, and how the
 * held-out images are halved). Everything read is checked here; what is wrong with a file is an
 * {@link dev.lotus.device.InputException} that names it. Image files are decoded later, when they
 * are read, by any number of threads, and resized by {@link dev.lotus.kernel.Resize}. Knows nothing
 * of tensors.
 */
package dev.lotus.data;
