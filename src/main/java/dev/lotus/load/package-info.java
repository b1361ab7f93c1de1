/**
 * Stage 2, load: from single images to batches on the device.
 *
 * <p>In: an {@link dev.lotus.data.ImageSet} (in memory, or decoded when it is read), the order of
 * one epoch ({@link dev.lotus.load.EpochOrder}: which images, and which of them are to be
 * forgotten), a {@link dev.lotus.data.Normalization} and an {@link dev.lotus.load.Augmentation}.
 * Out: one {@link dev.lotus.load.Batch} after the other: images [B, channels, height, width] in
 * fp32, normalised, labels [B] int64, and for each row whether it is to be forgotten, its position
 * and its index.
 *
 * <p>The next batches are read, decoded and their pixels changed as bytes on threads of their own
 * while the model computes; the calling thread crops, mirrors and normalises one when it is asked
 * for ({@link dev.lotus.kernel.GatherAugment}). A GPU is given the bytes, or has all images, and
 * does that itself. Everything follows from (seed, epoch, position). A failure in the background, a
 * damaged image above all, is thrown by the call that asks for its batch.
 */
package dev.lotus.load;
