package dev.lotus.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** The pictures of tests/golden/images, and data sets made of them. */
final class SampleImages {
  static final Path FOLDER =
      Path.of(System.getProperty("lotus.basedir", "."), "tests/golden/images");

  private SampleImages() {}

  static byte[] bytes(String name) {
    try {
      return Files.readAllBytes(FOLDER.resolve(name));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
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
