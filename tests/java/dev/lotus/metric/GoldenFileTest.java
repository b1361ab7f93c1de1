package dev.lotus.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GoldenFileTest {
  @TempDir Path folder;

  @Test
  void readsArraysInOrder() throws Exception {
    Path file = folder.resolve("x_case.json");
    Files.writeString(
        file,
        "{\"meta\": {\"desc\": \"d\"}, \"arrays\": {\"m\": {\"shape\": [2, 3], \"dtype\":"
            + " \"float32\", \"data\": [0.10000000149011612, 1, 2, 3, 4, 5]}, \"k\": {\"shape\":"
            + " [], \"dtype\": \"int64\", \"data\": [7]}}}");
    GoldenFile golden = GoldenFile.read(file);
    assertThat(golden.name()).isEqualTo("x_case");
    assertThat(golden.meta().path("desc").asText()).isEqualTo("d");
    assertThat(golden.arrays().keySet()).containsExactly("m", "k");
    assertThat(golden.array("m").rows()[1]).containsExactly(3, 4, 5);
    assertThat(golden.array("m").floats()[0]).isEqualTo(0.1f);
    assertThat(golden.array("k").scalar()).isEqualTo(7);
    assertThat(golden.array("k").ints()).containsExactly(7);
    assertThatThrownBy(() -> golden.array("none"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no array none");
    assertThatThrownBy(() -> golden.array("m").scalar()).hasMessageContaining("6 values");
    assertThatThrownBy(() -> golden.array("k").rows()).hasMessageContaining("shape []");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{ | no JSON",
        "[] | no object \"arrays\"",
        "{\"arrays\": {\"a\": 1}} | array a: needs \"shape\" and \"data\"",
        "{\"arrays\": {\"a\": {\"shape\": [2], \"dtype\": \"float32\", \"data\": [1]}}} | needs 2"
            + " values, data has 1",
        "{\"arrays\": {\"a\": {\"shape\": [1], \"dtype\": \"bool\", \"data\": [1]}}} | dtype"
            + " \"bool\"",
        "{\"arrays\": {\"a\": {\"shape\": [-1], \"dtype\": \"int64\", \"data\": []}}} | whole"
            + " number >= 0",
        "{\"arrays\": {\"a\": {\"shape\": [1], \"dtype\": \"int64\", \"data\": [0.5]}}} | data[0] ="
            + " 0.5 is no whole",
        "{\"arrays\": {\"a\": {\"shape\": [1], \"dtype\": \"float32\", \"data\": [\"x\"]}}} | is no"
            + " number",
        "{\"arrays\": {\"a\": {\"shape\": [65536,65536,65536,65536], \"dtype\": \"float32\","
            + " \"data\": []}}} | data has 0",
      })
  void refusesMalformed(String json, String message) throws Exception {
    Path file = folder.resolve("bad.json");
    Files.writeString(file, json);
    assertThatThrownBy(() -> GoldenFile.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("bad.json")
        .hasMessageContaining(message)
        .hasMessageNotContaining("\n");
  }

  @Test
  void refusesAMissingFile() {
    assertThatThrownBy(() -> GoldenFile.read(folder.resolve("none.json")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("none.json");
  }
}
