package dev.lotus.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

/** Writes small data sets in their published formats, byte by byte. */
final class SampleFiles {
  static final int RECORD = 3073;

  private SampleFiles() {}

  /** Record i of batch b: label (b + i) % 10; pixel p of it is (7 b + 3 i + p) mod 256. */
  static byte[] cifarBatch(int batch, int records) {
    byte[] bytes = new byte[records * RECORD];
    for (int i = 0; i < records; i++) {
      bytes[i * RECORD] = (byte) ((batch + i) % 10);
      for (int p = 0; p < RECORD - 1; p++) {
        bytes[i * RECORD + 1 + p] = (byte) (7 * batch + 3 * i + p);
      }
    }
    return bytes;
  }

  static Map<String, byte[]> cifar(int recordsPerBatch) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (int batch = 1; batch <= 5; batch++) {
      files.put("data_batch_" + batch + ".bin", cifarBatch(batch, recordsPerBatch));
    }
    files.put("test_batch.bin", cifarBatch(6, recordsPerBatch));
    return files;
  }

  static Path write(Path folder, Map<String, byte[]> files) throws IOException {
    Files.createDirectories(folder);
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Files.write(folder.resolve(file.getKey()), file.getValue());
    }
    return folder;
  }

  static byte[] idxImages(int magic, int count, int side) {
    ByteBuffer bytes = ByteBuffer.allocate(16 + count * side * side);
    bytes.putInt(magic).putInt(count).putInt(side).putInt(side);
    for (int p = 0; bytes.hasRemaining(); p++) {
      bytes.put((byte) (11 * p));
    }
    return bytes.array();
  }

  static byte[] idxLabels(int magic, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(8 + count);
    bytes.putInt(magic).putInt(count);
    for (int i = 0; bytes.hasRemaining(); i++) {
      bytes.put((byte) (i % 10));
    }
    return bytes.array();
  }

  static Map<String, byte[]> idx(int train, int test) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("train-images-idx3-ubyte", idxImages(2051, train, 4));
    files.put("train-labels-idx1-ubyte", idxLabels(2049, train));
    files.put("t10k-images-idx3-ubyte", idxImages(2051, test, 4));
    files.put("t10k-labels-idx1-ubyte", idxLabels(2049, test));
    return files;
  }

  static Map<String, byte[]> gzipped(Map<String, byte[]> files) throws IOException {
    Map<String, byte[]> packed = new LinkedHashMap<>();
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      packed.put(file.getKey() + ".gz", gzip(file.getValue()));
    }
    return packed;
  }

  static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream zip = new GZIPOutputStream(out)) {
      zip.write(bytes);
    }
    return out.toByteArray();
  }

  /** A POSIX ustar archive of regular files. */
  static byte[] tar(Map<String, byte[]> files) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      byte[] content = file.getValue();
      out.writeBytes(tarHeader(file.getKey(), content.length));
      out.writeBytes(content);
      out.writeBytes(new byte[(512 - content.length % 512) % 512]);
    }
    out.writeBytes(new byte[1024]);
    return out.toByteArray();
  }

  static byte[] tarHeader(String name, long size) {
    byte[] header = new byte[512];
    put(header, 0, name);
    put(header, 100, "0000644\0");
    put(header, 124, String.format("%011o\0", size));
    put(header, 148, "        ");
    header[156] = '0';
    put(header, 257, "ustar\00000");
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xff;
    }
    put(header, 148, String.format("%06o\0 ", sum));
    return header;
  }

  private static void put(byte[] header, int offset, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, header, offset, bytes.length);
  }
}
