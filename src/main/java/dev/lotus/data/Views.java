package dev.lotus.data;

import dev.lotus.device.InputException;
import dev.lotus.kernel.Matrix;
import dev.lotus.kernel.Resize;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Objects;
import org.bytedeco.javacpp.BytePointer;

/** Image sets made of others. */
final class Views {
  private Views() {}

  /** Some images of a set, in the given order. */
  record Subset(ImageSet base, int[] indices) implements ImageSet {
    @Override
    public int size() {
      return indices.length;
    }

    @Override
    public int channels() {
      return base.channels();
    }

    @Override
    public int height() {
      return base.height();
    }

    @Override
    public int width() {
      return base.width();
    }

    @Override
    public int label(int index) {
      return base.label(indices[index]);
    }

    @Override
    public void read(int index, byte[] dst, int offset) {
      base.read(indices[index], dst, offset);
    }

    @Override
    public boolean decodes() {
      return base.decodes();
    }

    @Override
    public void eraseCached(int[] erased) {
      base.eraseCached(Arrays.stream(erased).map(i -> indices[i]).toArray());
    }
  }

  /** One set after the other; both of one shape. */
  record Joined(ImageSet first, ImageSet second) implements ImageSet {
    Joined {
      if (first.channels() != second.channels()
          || first.height() != second.height()
          || first.width() != second.width()) {
        throw new IllegalArgumentException("image sets of different shapes");
      }
    }

    @Override
    public int size() {
      return first.size() + second.size();
    }

    @Override
    public int channels() {
      return first.channels();
    }

    @Override
    public int height() {
      return first.height();
    }

    @Override
    public int width() {
      return first.width();
    }

    @Override
    public int label(int index) {
      int own = index - first.size();
      return own < 0 ? first.label(index) : second.label(own);
    }

    @Override
    public void read(int index, byte[] dst, int offset) {
      int own = index - first.size();
      if (own < 0) {
        first.read(index, dst, offset);
      } else {
        second.read(own, dst, offset);
      }
    }

    @Override
    public boolean decodes() {
      return first.decodes() || second.decodes();
    }

    @Override
    public void eraseCached(int[] indices) {
      int start = first.size();
      first.eraseCached(Arrays.stream(indices).filter(i -> i < start).toArray());
      second.eraseCached(
          Arrays.stream(indices).filter(i -> i >= start).map(i -> i - start).toArray());
    }
  }

  /** A set at another size. */
  record Resized(ImageSet base, ImageSize to) implements ImageSet {
    private static final NativeScratch SOURCE = new NativeScratch();

    @Override
    public int size() {
      return base.size();
    }

    @Override
    public int channels() {
      return base.channels();
    }

    @Override
    public int height() {
      return to.height();
    }

    @Override
    public int width() {
      return to.width();
    }

    @Override
    public int label(int index) {
      return base.label(index);
    }

    @Override
    public boolean decodes() {
      return true;
    }

    @Override
    public void read(int index, byte[] dst, int offset) {
      Objects.checkFromIndexSize(offset, imageBytes(), dst.length);
      byte[] image = new byte[base.imageBytes()];
      base.read(index, image, 0);
      BytePointer planes = SOURCE.of(image.length).put(image);
      for (int c = 0; c < channels(); c++) {
        BytePointer plane = planes.getPointer((long) c * base.height() * base.width());
        NativeResize.run(
            new Resize.Picture(plane, base.height(), base.width(), 1, base.width(), Matrix.CPU),
            false,
            to,
            dst,
            offset + c * to.height() * to.width());
      }
    }

    @Override
    public void eraseCached(int[] indices) {
      base.eraseCached(indices);
    }
  }

  /** Which images are held out: int(fraction n_k) of each class k, drawn by a fixed seed. */
  static BitSet stratified(ImageSet set, int classes, double fraction) {
    if (!(fraction > 0 && fraction < 1)) {
      throw new InputException("--held-out " + fraction + ": give a share above 0 and below 1");
    }
    SplitMix draw = new SplitMix(0, 6);
    BitSet chosen = new BitSet(set.size());
    for (int[] members : SplitBuilder.byClass(set, classes)) {
      draw.shuffle(members);
      int count = (int) (fraction * members.length);
      for (int i = 0; i < count; i++) {
        chosen.set(members[i]);
      }
    }
    if (chosen.isEmpty()) {
      throw new InputException(
          "--held-out " + fraction + " of " + set.size() + " images is less than one a class");
    }
    return chosen;
  }
}
