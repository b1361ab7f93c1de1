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
        Mat picture = opencv_imgcodecs.imdecode(packed, opencv_imgcodecs.IMREAD_COLOR)) {
      if (picture.empty()) {
        throw new InputException(file + " is damaged: it cannot be decoded");
      }
      NativeResize.run(
          new Resize.Picture(
              picture.data(), picture.rows(), picture.cols(), 3, picture.step(), Matrix.CPU),
          true,
          size,
          target,
          offset);
    } catch (InputException e) {
      throw e;
    } catch (RuntimeException e) {
      String what = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new InputException(file + " is damaged: " + what, e);
    }
  }
}
