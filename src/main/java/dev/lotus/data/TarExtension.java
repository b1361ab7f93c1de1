package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/**
 * What entries before a tar entry say of it, because its own header has no room: GNU's long name
 * and long link, and pax's records of the form "LENGTH KEY=VALUE\\n", whose length counts itself.
 */
final class TarExtension {
  /** Read into memory; names have at most 4096 bytes, pax may hold attributes too. */
  private static final int MAX_BYTES = 1 << 20;

  private String name;
  private String link;
  private long size = -1;

  static boolean isExtension(int type) {
    return type == 'L' || type == 'K' || type == 'x';
  }

  String nameOr(String own) {
    return name != null ? name : own;
  }

  String linkOr(String own) {
    return link != null ? link : own;
  }

  /** Of a file; extensions and entries without content have their own. */
  long sizeOr(int type, long own) {
    boolean file = type == 0 || type == '0' || type == '7';
    return file && size >= 0 ? size : own;
  }

  /** Reads one extension. */
  void read(String where, InputStream in, long bytes, int type) throws IOException {
    if (bytes > MAX_BYTES) {
      throw new InputException(
          where + " has a name or attributes of " + bytes + " bytes; is it the right file?");
    }
    byte[] content = in.readNBytes((int) bytes);
    if (type == 'x') {
      records(where, content);
      return;
    }
    String text = new String(content, StandardCharsets.UTF_8);
    int end = text.indexOf('\0');
    String value = end < 0 ? text : text.substring(0, end);
    if (type == 'L') {
      name = value;
    } else {
      link = value;
    }
  }

  private void records(String where, byte[] bytes) {
    for (int at = 0; at < bytes.length; ) {
      int digits = at;
      long length = 0;
      while (digits < bytes.length && bytes[digits] >= '0' && bytes[digits] <= '9') {
        length = Math.min(bytes.length + 1L, 10 * length + bytes[digits++] - '0');
      }
      int end = (int) Math.min(bytes.length + 1L, at + length);
      if (digits >= bytes.length
          || bytes[digits] != ' '
          || end <= digits + 1
          || end > bytes.length
          || bytes[end - 1] != '\n') {
        throw new InputException(where + " has a damaged pax header, at its byte " + at);
      }
      String record = new String(bytes, digits + 1, end - digits - 2, StandardCharsets.UTF_8);
      int equals = record.indexOf('=');
      if (equals < 0) {
        throw new InputException(where + " has a pax record without a value: " + record);
      }
      take(where, record.substring(0, equals), record.substring(equals + 1));
      at = end;
    }
  }

  private void take(String where, String key, String value) {
    if (key.startsWith("GNU.sparse.")) {
      throw new InputException(
          where + " is of a sparse file, which is not read; pack it anew, without --sparse");
    }
    switch (key) {
      case "path" -> name = value;
      case "linkpath" -> link = value;
      case "size" -> {
        if (!value.matches("\\d{1,18}")) {
          throw new InputException(where + " gives the size '" + value + "': no number");
        }
        size = Long.parseLong(value);
      }
      default -> {
        // Times, owners, attributes: nothing to know of them.
      }
    }
  }
}
