package dev.lotus.data;

import dev.lotus.device.InputException;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * Makes splits. Lists come out in ascending order, so a split is one value however it was drawn.
 */
final class SplitBuilder {
  // Streams of the seed: one a purpose, so that --shuffle does not change the held-out halves.
  private static final long FORGET_STREAM = 1;
  private static final long HELD_OUT_STREAM = 2;

  private SplitBuilder() {}

  static Split random(Dataset data, double fraction, boolean shuffle, long seed) {
    if (!(fraction > 0 && fraction < 1)) {
      throw new InputException("the forget fraction must be above 0 and below 1, is " + fraction);
    }
    SplitMix draw = new SplitMix(seed, FORGET_STREAM);
    BitSet forget = new BitSet(data.train().size());
    for (int[] members : byClass(data.train(), data.classes())) {
      if (shuffle) {
        draw.shuffle(members);
      }
      // Truncated in double precision, as Python's int(F * n) in the published code.
      int count = (int) (fraction * members.length);
      for (int i = 0; i < count; i++) {
        forget.set(members[i]);
      }
    }
    if (forget.isEmpty()) {
      throw new InputException(
          "the forget set is empty: a fraction of "
              + fraction
              + " of "
              + data.train().size()
              + " samples in "
              + data.classes()
              + " classes is less than one sample a class");
    }
    return build(data, "random", forget, seed);
  }

  static Split ofClass(Dataset data, int k, long seed) {
    if (k < 0 || k >= data.classes()) {
      throw new InputException(
          "there is no class "
              + k
              + " in "
              + data.name()
              + "; its classes are 0.."
              + (data.classes() - 1));
    }
    BitSet forget = new BitSet(data.train().size());
    for (int i = 0; i < data.train().size(); i++) {
      forget.set(i, data.train().label(i) == k);
    }
    if (forget.isEmpty()) {
      throw new InputException(
          "the forget set is empty: class " + k + " has no training sample in " + data.name());
    }
    return build(data, "class", forget, seed);
  }

  /** The first {@code count} training samples, whatever their class. */
  static Split first(Dataset data, int count, long seed) {
    if (count >= data.train().size()) {
      throw new InputException(
          "the published forget set of "
              + data.name()
              + " is the first "
              + count
              + " training samples, but there are only "
              + data.train().size()
              + "; name another forget set");
    }
    BitSet forget = new BitSet(data.train().size());
    forget.set(0, count);
    return build(data, "explicit", forget, seed);
  }

  static Split explicit(Dataset data, int[] indices, long seed) {
    Split.checkRange("forget", indices, "training", data.train().size());
    BitSet forget = new BitSet(data.train().size());
    for (int index : indices) {
      if (forget.get(index)) {
        throw new InputException("forget lists the index " + index + " twice");
      }
      forget.set(index);
    }
    return build(data, "explicit", forget, seed);
  }

  private static Split build(Dataset data, String kind, BitSet forget, long seed) {
    BitSet retain = new BitSet(data.train().size());
    retain.set(0, data.train().size());
    retain.andNot(forget);
    int[][] halves = halve(data, seed);
    return new Split(
        Split.SCHEMA,
        data.name(),
        data.sha256(),
        seed,
        kind,
        forget.stream().toArray(),
        retain.stream().toArray(),
        halves[0],
        halves[1]);
  }

  /**
   * Val and test: as the data set fixes them, else half of each class, drawn by seed; the odd ones
   * of odd classes go to test and val in turn.
   */
  private static int[][] halve(Dataset data, long seed) {
    if (data.unseenFrom() != Dataset.HALVED) {
      return new int[][] {
        IntStream.range(data.unseenFrom(), data.heldOut().size()).toArray(),
        IntStream.range(0, data.unseenFrom()).toArray()
      };
    }
    SplitMix draw = new SplitMix(seed, HELD_OUT_STREAM);
    BitSet val = new BitSet(data.heldOut().size());
    boolean oddToVal = false;
    for (int[] members : byClass(data.heldOut(), data.classes())) {
      draw.shuffle(members);
      int count = members.length / 2;
      if (members.length % 2 == 1) {
        count += oddToVal ? 1 : 0;
        oddToVal = !oddToVal;
      }
      for (int i = 0; i < count; i++) {
        val.set(members[i]);
      }
    }
    BitSet test = new BitSet(data.heldOut().size());
    test.set(0, data.heldOut().size());
    test.andNot(val);
    return new int[][] {val.stream().toArray(), test.stream().toArray()};
  }

  /** The indices of each class, ascending. */
  static int[][] byClass(ImageSet set, int classes) {
    int[] counts = new int[classes];
    for (int i = 0; i < set.size(); i++) {
      counts[set.label(i)]++;
    }
    int[][] members = new int[classes][];
    for (int k = 0; k < classes; k++) {
      members[k] = new int[counts[k]];
    }
    for (int i = set.size() - 1; i >= 0; i--) {
      int k = set.label(i);
      members[k][--counts[k]] = i;
    }
    return members;
  }
}
