package dev.lotus.track;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Event files read by the definitions of TFRecord, CRC-32C (Castagnoli, reflected 0x82f63b78) and
 * protobuf's wire format; shares no code with what writes them.
 */
final class EventRecords {
  private EventRecords() {}

  /**
   * A field of a message.
   *
   * @param value Long, Double, Float or byte[], by its wire type
   */
  record Field(int number, Object value) {
    String text() {
      return new String((byte[]) value, StandardCharsets.UTF_8);
    }
  }

  /** A message's fields, in order. */
  record Message(List<Field> fields) {
    static Message parse(byte[] bytes) {
      ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      List<Field> fields = new ArrayList<>();
      while (in.hasRemaining()) {
        long key = varint(in);
        Object value =
            switch ((int) (key & 7)) {
              case 0 -> varint(in);
              case 1 -> in.getDouble();
              case 5 -> in.getFloat();
              case 2 -> {
                byte[] part = new byte[(int) varint(in)];
                in.get(part);
                yield part;
              }
              default -> throw new IllegalStateException("wire type " + (key & 7));
            };
        fields.add(new Field((int) (key >> 3), value));
      }
      return new Message(fields);
    }

    private static long varint(ByteBuffer in) {
      long value = 0;
      for (int shift = 0; ; shift += 7) {
        byte next = in.get();
        value |= (long) (next & 0x7f) << shift;
        if (next >= 0) {
          return value;
        }
      }
    }

    List<Field> all(int number) {
      return fields.stream().filter(f -> f.number == number).toList();
    }

    Field one(int number) {
      assertThat(all(number)).as("field " + number).hasSize(1);
      return all(number).get(0);
    }

    Message message(int number) {
      return parse((byte[]) one(number).value);
    }
  }

  /** Every record's message; both sums of each are checked. */
  static List<Message> read(Path file) throws IOException {
    ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Message> messages = new ArrayList<>();
    while (in.hasRemaining()) {
      byte[] head = new byte[8];
      in.get(head);
      assertThat(in.getInt()).as("sum of the length").isEqualTo(masked(head));
      byte[] data = new byte[(int) ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong()];
      in.get(data);
      assertThat(in.getInt()).as("sum of the data").isEqualTo(masked(data));
      messages.add(Message.parse(data));
    }
    return messages;
  }

  private static int masked(byte[] bytes) {
    int crc = crc32c(bytes);
    return (crc >>> 15 | crc << 17) + 0xa282ead8;
  }

  static int crc32c(byte[] bytes) {
    int crc = ~0;
    for (byte b : bytes) {
      crc ^= b & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) == 0 ? crc >>> 1 : crc >>> 1 ^ 0x82f63b78;
      }
    }
    return ~crc;
  }
}
