package dev.lotus.load;

import dev.lotus.data.SplitMix;
import java.util.Arrays;

/**
 * Which images an epoch goes through, in order. The arrays are shared, not copied: do not write to
 * them.
 *
 * @param indices images of the set, any of them any number of times
 * @param isForget 1 where the image at the same place is to be forgotten, else 0
 */
public record EpochOrder(int[] indices, byte[] isForget) {
  /** Keeps the order's numbers apart from others of the same seed. */
  private static final long STREAM = 0x6f72646572L;

  public EpochOrder {
    if (indices.length != isForget.length) {
      throw new IllegalArgumentException(
          indices.length + " indices, but " + isForget.length + " forget flags");
    }
  }

  /** The given images in the given order, none of them to be forgotten. */
  public static EpochOrder of(int[] indices) {
    return new EpochOrder(indices, new byte[indices.length]);
  }

  /** First the images to forget, then those to keep. */
  public static EpochOrder of(int[] forget, int[] retain) {
    int[] indices = Arrays.copyOf(forget, forget.length + retain.length);
    System.arraycopy(retain, 0, indices, forget.length, retain.length);
    byte[] isForget = new byte[indices.length];
    Arrays.fill(isForget, 0, forget.length, (byte) 1);
    return new EpochOrder(indices, isForget);
  }

  /** All images of a set in published order. */
  public static EpochOrder all(int size) {
    int[] indices = new int[size];
    Arrays.setAll(indices, i -> i);
    return of(indices);
  }

  public int size() {
    return indices.length;
  }

  /** The same images in an order drawn by (seed, epoch). */
  public EpochOrder shuffled(long seed, long epoch) {
    int[] places = permutation(size(), seed, epoch);
    int[] newIndices = new int[size()];
    byte[] newFlags = new byte[size()];
    for (int i = 0; i < places.length; i++) {
      newIndices[i] = indices[places[i]];
      newFlags[i] = isForget[places[i]];
    }
    return new EpochOrder(newIndices, newFlags);
  }

  /** A permutation of 0..size-1, each equally likely, drawn by (seed, epoch). */
  public static int[] permutation(int size, long seed, long epoch) {
    int[] places = all(size).indices();
    new SplitMix(SplitMix.hash(seed, STREAM), epoch).shuffle(places);
    return places;
  }
}
