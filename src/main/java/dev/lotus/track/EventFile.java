package dev.lotus.track;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * A run as TensorBoard reads it: a file of TFRecords, each a length, that length's masked CRC-32C,
 * a message {@code Event} and its masked CRC-32C. Scalars are {@code Summary.Value.simple_value};
 * settings and outcome are what TensorBoard's HParams page shows.
 *
 * <p>Every record is in the file when the call returns, and TensorBoard follows the file as it
 * grows: this is the one file that is not written whole.
 *
 * @see <a
 *     href="https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto">TensorBoard:
 *     event.proto, summary.proto, plugins/hparams/plugin_data.proto</a>
 */
final class EventFile implements TrackingSink {
  private static final String NAME = "events.out.tfevents.";

  /** Tells this program's files from those that others wrote into the folder. */
  private static final String ENDING = ".lotus";

  /** The version that says: scalars are in Summary.Value. */
  private static final String VERSION = "brain.Event:2";

  private static final int CRC_MASK = 0xa282ead8;
  private static final int SUCCESS = 1;
  private static final int FAILURE = 2;

  private final Path folder;
  private Path file;

  EventFile(Path folder) {
    this.folder = folder;
  }

  @Override
  public void begin(long millis, Map<String, String> parameters) throws IOException {
    Files.createDirectories(folder);
    try (Stream<Path> entries = Files.list(folder)) {
      // TensorBoard would draw all files of a folder as one run.
      List<Path> earlier = entries.filter(EventFile::isOurs).toList();
      for (Path old : earlier) {
        Files.deleteIfExists(old);
      }
    }
    file = folder.resolve(NAME + millis / 1000 + ENDING);
    append(event(millis, 0).text(3, VERSION));
    ProtoMessage start = new ProtoMessage();
    parameters.forEach(
        (key, value) -> start.message(1, new ProtoMessage().text(1, key).message(2, value(value))));
    start.number(5, millis / 1000.0);
    append(hparams(millis, "session_start_info", 3, start));
  }

  private static boolean isOurs(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith(NAME) && name.endsWith(ENDING);
  }

  @Override
  public void scalars(long millis, long step, Map<String, Double> values) throws IOException {
    ProtoMessage summary = new ProtoMessage();
    values.forEach(
        (tag, value) ->
            summary.message(1, new ProtoMessage().text(1, tag).number(2, value.floatValue())));
    append(event(millis, step).message(5, summary));
  }

  @Override
  public void end(long millis, boolean done) throws IOException {
    ProtoMessage end =
        new ProtoMessage().integer(1, done ? SUCCESS : FAILURE).number(2, millis / 1000.0);
    append(hparams(millis, "session_end_info", 4, end));
  }

  @Override
  public String place() {
    return "TensorBoard's file in " + folder;
  }

  private static ProtoMessage event(long millis, long step) {
    ProtoMessage event = new ProtoMessage().number(1, millis / 1000.0);
    return step == 0 ? event : event.integer(2, step);
  }

  /** Numbers as such, so that the page can sort and filter by them. */
  private static ProtoMessage value(String text) {
    try {
      return new ProtoMessage().number(2, Double.parseDouble(text));
    } catch (NumberFormatException e) {
      return new ProtoMessage().text(3, text);
    }
  }

  /**
   * @param field of HParamsPluginData
   */
  private static ProtoMessage hparams(long millis, String what, int field, ProtoMessage content) {
    ProtoMessage data = new ProtoMessage().message(field, content);
    ProtoMessage plugin = new ProtoMessage().text(1, "hparams").bytes(2, data.toBytes());
    ProtoMessage value =
        new ProtoMessage()
            .text(1, "_hparams_/" + what)
            .message(9, new ProtoMessage().message(1, plugin));
    return event(millis, 0).message(5, new ProtoMessage().message(1, value));
  }

  private void append(ProtoMessage event) throws IOException {
    byte[] data = event.toBytes();
    ByteBuffer record = ByteBuffer.allocate(data.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(data.length);
    record.putInt(maskedCrc(record.array(), 8));
    record.put(data).putInt(maskedCrc(data, data.length));
    Files.write(file, record.array(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /** Of the first {@code length} bytes; masked, because a sum of data that hold sums is weak. */
  static int maskedCrc(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + CRC_MASK;
  }
}
