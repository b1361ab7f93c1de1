package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RunIdentityTest {
  @Test
  void whatIsNotSaidCountsAsItsDefault() {
    RunIdentity now =
        new RunIdentity(Map.of("--batch", "8"), Map.of("--batch", "8", "--tau", "2.0"));
    assertThat(now.differences(Map.of())).isEmpty();
    assertThat(now.differences(Map.of("--tau", "2.0", "--batch", "8"))).isEmpty();
    assertThat(now.differences(Map.of("--tau", "3.0"))).containsExactly("--tau was 3.0, is 2.0");
    assertThat(now.differences(Map.of("--seed", "1"))).containsExactly("--seed was 1, is not said");
    assertThat(RunIdentity.of(Map.of("split", "s")).differences(Map.of()))
        .containsExactly("split was not said, is s");
  }

  @Test
  void itKeepsItsOrderAndItsValues() {
    Map<String, String> given = new LinkedHashMap<>();
    for (int i = 9; i >= 0; i--) {
      given.put("name" + i, "v");
    }
    RunIdentity identity = RunIdentity.of(given);
    assertThat(identity.values().keySet()).containsExactlyElementsOf(given.keySet());
    given.clear();
    assertThat(identity.values()).hasSize(10);
  }
}
