package dev.lotus.data;

import dev.lotus.device.InputException;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.global.opencv_imgcodecs;
import org.bytedeco.opencv.opencv_core.Mat;

/**
 * JPEG and PNG files to uint8 planes, by OpenCV's libjpeg-turbo and libpng. Grey pictures get three
 * equal channels, CMYK becomes RGB, transparency is dropped, and a picture that its EXIF data says
 * lies on its side is turned upright. May be used from several threads.
 */
final class ImageDecoder {
  static {
    // The callers' threads are the workers; OpenCV's own would only get in their way.
    opencv_core.setNumThreads(1);
  }

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
    try (PointerScope scope = new PointerScope()) {
      Mat packed = new Mat(1, bytes.length, opencv_core.CV_8UC1, new BytePointer(bytes));
      Mat picture = opencv_imgcodecs.imdecode(packed, opencv_imgcodecs.IMREAD_COLOR);
      if (picture.empty()) {
        throw new InputException(file + " is damaged: it cannot be decoded");
      }
      int stride = (int) picture.step();
      byte[] pixels = new byte[stride * picture.rows()];
      picture.data().get(pixels);
      Resample.interleaved(
          pixels, picture.rows(), picture.cols(), 3, stride, true, size, target, offset);
    } catch (InputException e) {
      throw e;
    } catch (RuntimeException e) {
      String what = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new InputException(file + " is damaged: " + what, e);
    }
  }
}
