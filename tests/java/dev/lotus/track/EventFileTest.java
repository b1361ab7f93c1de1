package dev.lotus.track;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.metric.Metrics;
import dev.lotus.report.EpochTrace;
import dev.lotus.track.EventRecords.Message;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What TensorBoard finds, by the definition of its files. */
class EventFileTest {
  private static final TrackingSettings ON =
      new TrackingSettings(true, null, TrackingSettings.NONE.experiment());

  @TempDir Path temp;
  private final List<String> notes = new ArrayList<>();

  private List<Message> events(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> found =
          files.filter(f -> f.getFileName().toString().contains("tfevents")).toList();
      assertThat(found).hasSize(1);
      return EventRecords.read(found.get(0));
    }
  }

  /** RFC 3720, B.4; and the first twelve bytes of every event file: its first record's length. */
  @Test
  void sumsAreThePublishedOnes() throws IOException {
    byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);
    assertThat(EventRecords.crc32c(digits)).isEqualTo(0xe3069283);
    assertThat(EventRecords.crc32c(new byte[32])).isEqualTo(0x8a9136aa);
    assertThat(EventFile.maskedCrc(new byte[] {24, 0, 0, 0, 0, 0, 0, 0}, 8)).isEqualTo(0x224b7fa3);
    new EventFile(temp).begin(1_000, Map.of());
    byte[] start = Files.readAllBytes(temp.resolve("events.out.tfevents.1.lotus"));
    assertThat(start)
        .startsWith(0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22)
        .contains("brain.Event:2".getBytes(StandardCharsets.US_ASCII));
  }

  @Test
  void epochsAndMetricsAreScalars() throws IOException {
    long before = System.currentTimeMillis();
    try (Tracking tracking = new Tracking(ON, notes::add);
        TrackedRun run = tracking.begin("lotus", temp, Map.of("alpha", "2", "method", "lotus"))) {
      run.epoch(new EpochTrace(1, 1.5, 0.75, 0.5, 2.25, Map.of("repair", 3.0), 8.0));
      run.epoch(new EpochTrace(300, null, null, null, -0.125, 4.0));
      run.metrics(Metrics.NONE.withSeconds(12.0));
      run.done();
    }
    assertThat(notes).isEmpty();
    List<Message> events = events(temp);
    assertThat(events.get(0).one(3).text()).isEqualTo("brain.Event:2");
    List<Map<String, Float>> scalars = new ArrayList<>();
    List<Long> steps = new ArrayList<>();
    for (Message event : events.subList(2, events.size() - 1)) {
      assertThat((double) event.one(1).value())
          .isBetween(before / 1000.0, System.currentTimeMillis() / 1000.0);
      steps.add((Long) event.one(2).value());
      Map<String, Float> values = new LinkedHashMap<>();
      event
          .message(5)
          .all(1)
          .forEach(
              field -> {
                Message value = Message.parse((byte[]) field.value());
                values.put(value.one(1).text(), (Float) value.one(2).value());
              });
      scalars.add(values);
    }
    assertThat(steps).containsExactly(1L, 300L, 300L);
    assertThat(scalars.get(0))
        .isEqualTo(
            Map.of(
                "epoch/loss", 2.25f,
                "epoch/loss_repair", 3f,
                "epoch/tau", 1.5f,
                "epoch/acc_forget", 0.75f,
                "epoch/acc_unseen", 0.5f,
                "epoch/seconds", 8f));
    assertThat(scalars.get(1)).isEqualTo(Map.of("epoch/loss", -0.125f, "epoch/seconds", 4f));
    assertThat(scalars.get(2)).isEqualTo(Map.of("metrics/seconds", 12f));
  }

  /** TensorBoard's HParams page: plugin_data.proto. */
  @Test
  void settingsAndOutcomeAreThere() throws IOException {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("alpha", "2.5");
    settings.put("method", "scrub");
    try (Tracking tracking = new Tracking(ON, notes::add);
        TrackedRun run = tracking.begin("a run", temp, settings)) {
      settings.clear();
    }
    List<Message> events = events(temp);
    Message start = plugin(events.get(1), "_hparams_/session_start_info").message(3);
    Message alpha = Message.parse((byte[]) start.all(1).get(0).value());
    assertThat(alpha.one(1).text()).isEqualTo("alpha");
    assertThat(alpha.message(2).one(2).value()).isEqualTo(2.5);
    Message method = Message.parse((byte[]) start.all(1).get(1).value());
    assertThat(method.message(2).one(3).text()).isEqualTo("scrub");
    // Nobody said that it went well: 2 = STATUS_FAILURE.
    Message end = plugin(events.get(2), "_hparams_/session_end_info").message(4);
    assertThat(end.one(1).value()).isEqualTo(2L);
  }

  private static Message plugin(Message event, String tag) {
    Message value = event.message(5).message(1);
    assertThat(value.one(1).text()).isEqualTo(tag);
    Message data = value.message(9).message(1);
    assertThat(data.one(1).text()).isEqualTo("hparams");
    return data.message(2);
  }

  /** TensorBoard draws the files of one folder as one run. */
  @Test
  void aFileOfAnEarlierRunGoes() throws IOException {
    Files.write(temp.resolve("events.out.tfevents.123.lotus"), new byte[5]);
    Path notOurs = temp.resolve("events.out.tfevents.123.host.1.0");
    Files.write(notOurs, new byte[5]);
    try (Tracking tracking = new Tracking(ON, notes::add);
        TrackedRun run = tracking.begin("a run", temp, Map.of())) {
      run.done();
    }
    assertThat(notOurs).exists();
    Files.delete(notOurs);
    assertThat(events(temp)).hasSize(3);
  }

  @Test
  void aFolderThatCannotBeWrittenStopsNothing() throws IOException {
    Path file = Files.createFile(temp.resolve("file"));
    TrackingSettings settings = new TrackingSettings(true, null, "x");
    try (Tracking tracking = new Tracking(settings, notes::add)) {
      for (int i = 0; i < 2; i++) {
        try (TrackedRun run = tracking.begin("a run", file, Map.of())) {
          run.epoch(new EpochTrace(1, null, null, null, 1.0, 1.0));
          run.done();
        }
      }
    }
    assertThat(notes).hasSize(1);
    assertThat(notes.get(0))
        .startsWith("note: TensorBoard's file in " + file + " is not told of this run (")
        .endsWith("); the run goes on");
  }

  @Test
  void nothingIsWrittenUnasked() {
    try (Tracking tracking = new Tracking(TrackingSettings.NONE, notes::add);
        TrackedRun run = tracking.begin("a run", temp, Map.of())) {
      run.done();
    }
    assertThat(temp).isEmptyDirectory();
    assertThat(TrackingSettings.server("http://localhost:5000"))
        .isEqualTo(URI.create("http://localhost:5000"));
  }
}
