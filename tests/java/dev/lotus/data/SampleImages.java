package dev.lotus.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** The pictures of tests/golden/images, and data sets made of them. */
final class SampleImages {
  static final Path FOLDER =
      Path.of(System.getProperty("lotus.basedir", "."), "tests/golden/images");

  /** Signature and first chunk. */
  private static final int PNG_HEADER = 33;

  private SampleImages() {}

  static byte[] bytes(String name) {
    try {
      return Files.readAllBytes(FOLDER.resolve(name));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A chunk of a PNG file; its sum is not right yet. */
  static byte[] chunk(String type, byte... data) {
    ByteBuffer chunk = ByteBuffer.allocate(12 + data.length);
    return chunk.putInt(data.length).put(type.getBytes()).put(data).array();
  }

  /** A PNG file with more chunks behind its header, and every sum right. */
  static byte[] png(String name, byte[]... chunks) {
    byte[] png = bytes(name);
    ByteArrayOutputStream more = new ByteArrayOutputStream();
    more.write(png, 0, PNG_HEADER);
    for (byte[] chunk : chunks) {
      more.writeBytes(chunk);
    }
    more.write(png, PNG_HEADER, png.length - PNG_HEADER);
    return summed(more.toByteArray());
  }

  /** The same file with the sums of its chunks made right, as far as there are chunks. */
  static byte[] summed(byte[] png) {
    ByteBuffer file = ByteBuffer.wrap(png.clone());
    int at = 8;
    while (at + 12 <= png.length) {
      int length = file.getInt(at);
      if (length < 0 || length > png.length - at - 12) {
        break;
      }
      CRC32 sum = new CRC32();
      sum.update(file.array(), at + 4, length + 4);
      file.putInt(at + 8 + length, (int) sum.getValue());
      at += 12 + length;
    }
    return file.array();
  }

  /** Writes files of any depth below a folder. */
  static Path write(Path folder, Map<String, byte[]> files) throws IOException {
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Path path = folder.resolve(file.getKey());
      Files.createDirectories(path.getParent());
      Files.write(path, file.getValue());
    }
    return folder;
  }

  static byte[] zip(Map<String, byte[]> files) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        zip.putNextEntry(new ZipEntry(file.getKey()));
        zip.write(file.getValue());
        zip.closeEntry();
      }
    }
    return out.toByteArray();
  }

  /** train and val folders of two classes; three and one images, and two and one. */
  static Map<String, byte[]> imageFolder() {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("train/cat/b.jpg", bytes("rgb.jpg"));
    files.put("train/cat/a.png", bytes("rgb.png"));
    files.put("train/cat/c.jpeg", bytes("grey.jpg"));
    files.put("train/ant/z.jpg", bytes("progressive.jpg"));
    files.put("train/ant/notes.txt", "no image".getBytes());
    files.put("val/cat/1.jpg", bytes("cmyk.jpg"));
    files.put("val/cat/2.png", bytes("palette.png"));
    files.put("val/ant/1.png", bytes("alpha.png"));
    return files;
  }
}
