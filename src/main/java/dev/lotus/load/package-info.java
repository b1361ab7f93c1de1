/**
 * Stage 2, load: from images in memory to batches on the device.
 *
 * <p>In: an {@link dev.lotus.data.ImageSet}, the order of one epoch ({@link
 * dev.lotus.load.EpochOrder}: which images, and which of them are to be forgotten), a normalisation
 * and an augmentation. Out: one {@link dev.lotus.load.Batch} after the other: images [B, channels,
 * height, width] in fp32, normalised, labels [B] int64. The next batches are prepared as bytes on
 * threads of their own while the model computes, and normalised when they are asked for. Everything
 * follows from (seed, epoch, position).
 */
package dev.lotus.load;
