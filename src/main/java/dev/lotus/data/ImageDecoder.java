package dev.lotus.data;

import dev.lotus.device.InputException;
import dev.lotus.kernel.Matrix;
import dev.lotus.kernel.Resize;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.global.opencv_imgcodecs;
import org.bytedeco.opencv.opencv_core.Mat;

/**
 * JPEG and PNG files to uint8 planes: decoded by OpenCV's libjpeg-turbo and libpng, resized by
 * {@link Resize}. Grey pictures get three equal channels, CMYK becomes RGB, transparency is
 * dropped, and a picture that its EXIF data says lies on its side is turned upright. May be used
 * from several threads.
 */
final class ImageDecoder {
  static {
    // The callers' threads are the workers; OpenCV's own would only get in their way.
    opencv_core.setNumThreads(1);
  }

  /** OpenCV's code, in the text of its exceptions. */
  private static final String NO_MEMORY = "(-4:";

  private static final NativeScratch ENCODED = new NativeScratch();

  private ImageDecoder() {}

  /**
   * Decodes one file and brings it to its size.
   *
   * @param file for messages
   * @param target uint8 [3, size.height, size.width] from {@code offset}, red first
   * @throws InputException if the file is no picture that can be decoded
   */
  static void decode(String file, byte[] bytes, ImageSize size, byte[] target, int offset) {
    ImageHeader.check(file, bytes);
    BytePointer encoded = ENCODED.of(bytes.length);
    encoded.put(bytes);
    try (Mat packed = new Mat(1, bytes.length, opencv_core.CV_8UC1, encoded);
        Mat picture = decoded(file, packed)) {
      NativeResize.run(
          new Resize.Picture(
              picture.data(), picture.rows(), picture.cols(), 3, picture.step(), Matrix.CPU),
          true,
          size,
          target,
          offset);
    }
  }

  /** Only what OpenCV says of the file is the file's fault; memory that lacks is not. */
  private static Mat decoded(String file, Mat packed) {
    Mat picture;
    try {
      picture = opencv_imgcodecs.imdecode(packed, opencv_imgcodecs.IMREAD_COLOR);
    } catch (RuntimeException e) {
      String what = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      if (what.contains(NO_MEMORY)) {
        throw e;
      }
      throw new InputException(file + " is damaged: " + what, e);
    }
    if (picture.empty()) {
      picture.close();
      throw new InputException(file + " is damaged: it cannot be decoded");
    }
    return picture;
  }
}
