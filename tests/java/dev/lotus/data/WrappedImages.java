package dev.lotus.data;

/** Another image set's images; what a test does to them is its own method. */
public abstract class WrappedImages implements ImageSet {
  protected final ImageSet images;

  protected WrappedImages(ImageSet images) {
    this.images = images;
  }

  @Override
  public int size() {
    return images.size();
  }

  @Override
  public int channels() {
    return images.channels();
  }

  @Override
  public int height() {
    return images.height();
  }

  @Override
  public int width() {
    return images.width();
  }

  @Override
  public int label(int index) {
    return images.label(index);
  }

  @Override
  public void read(int index, byte[] dst, int offset) {
    images.read(index, dst, offset);
  }
}
