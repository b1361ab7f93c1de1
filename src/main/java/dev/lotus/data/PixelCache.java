package dev.lotus.data;

/** Decoded images, kept so that each is decoded once. May be used from several threads. */
interface PixelCache {
  /** Keeps nothing. */
  PixelCache NONE =
      new PixelCache() {
        @Override
        public boolean get(int index, byte[] target, int offset) {
          return false;
        }

        @Override
        public void put(int index, byte[] source, int offset) {
          // Nothing is kept.
        }

        @Override
        public void erase(int[] indices) {
          // Nothing is kept.
        }
      };

  /** Copies image {@code index} if it is kept; else changes nothing that counts. */
  boolean get(int index, byte[] target, int offset);

  void put(int index, byte[] source, int offset);

  /** Forgets images, their pixels too, for good: also if the machine stops right afterwards. */
  void erase(int[] indices);

  /** In memory; the caller knows that there is room. */
  static PixelCache inMemory(int images, int bytes) {
    byte[][] kept = new byte[images][];
    return new PixelCache() {
      @Override
      public boolean get(int index, byte[] target, int offset) {
        byte[] image = kept[index];
        if (image != null) {
          System.arraycopy(image, 0, target, offset, bytes);
        }
        return image != null;
      }

      @Override
      public void put(int index, byte[] source, int offset) {
        // A thread that sees the reference late decodes once more, to the same pixels; the array
        // itself is complete before it is shared, because its elements are plain bytes copied here.
        byte[] image = new byte[bytes];
        System.arraycopy(source, offset, image, 0, bytes);
        java.lang.invoke.VarHandle.releaseFence();
        kept[index] = image;
      }

      @Override
      public void erase(int[] indices) {
        for (int index : indices) {
          kept[index] = null;
        }
      }
    };
  }
}
