package dev.lotus.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PlaceTest {
  @Test
  void withoutAnyOfItAProcessIsAlone() {
    assertThat(Place.of(Map.of())).isEqualTo(Place.ALONE);
    assertThat(Place.of(Map.of("RANK", "0", "WORLD_SIZE", "1")).alone()).isTrue();
    // A batch script has these before any srun.
    assertThat(Place.of(Map.of("SLURM_NTASKS", "8", "SLURM_PROCID", "0")).alone()).isTrue();
  }

  @Test
  void torchrunsEnvironmentIsRead() {
    Place place =
        Place.of(
            Map.of(
                "RANK", "5",
                "WORLD_SIZE", "8",
                "LOCAL_RANK", "1",
                "MASTER_ADDR", "node0",
                "MASTER_PORT", "40001",
                "TORCHELASTIC_USE_AGENT_STORE", "True",
                "TORCHELASTIC_RESTART_COUNT", "2"));
    assertThat(place)
        .isEqualTo(new Place(5, 8, 1, "node0", 40001, true, "2", Place.TIMEOUT_SECONDS));
  }

  @Test
  void slurmsStepIsRead() {
    Place place =
        Place.of(
            Map.of(
                "SLURM_PROCID",
                "3",
                "SLURM_STEP_NUM_TASKS",
                "4",
                "SLURM_LOCALID",
                "3",
                "MASTER_ADDR",
                "node0",
                Place.TIMEOUT,
                "60"));
    assertThat(place).isEqualTo(new Place(3, 4, 3, "node0", 29500, false, "0", 60));
  }

  @Test
  void halfOfItAndNonsenseAreNamed() {
    refused(Map.of("RANK", "0"), "WORLD_SIZE is not set");
    refused(Map.of("WORLD_SIZE", "2"), "RANK is not set");
    refused(Map.of("WORLD_SIZE", "2", "RANK", "0"), "MASTER_ADDR is not set");
    refused(Map.of("SLURM_STEP_NUM_TASKS", "2", "SLURM_PROCID", "0"), "scontrol show hostnames");
    refused(Map.of("WORLD_SIZE", "two", "RANK", "0"), "WORLD_SIZE=two");
    refused(Map.of("WORLD_SIZE", "2", "RANK", "2", "MASTER_ADDR", "a"), "RANK=2", "0 to 1");
    Map<String, String> port = new HashMap<>(Map.of("WORLD_SIZE", "2", "RANK", "1"));
    port.putAll(Map.of("MASTER_ADDR", "a", "MASTER_PORT", "70000"));
    refused(port, "MASTER_PORT=70000");
  }

  private static void refused(Map<String, String> environment, String... words) {
    assertThatThrownBy(() -> Place.of(environment))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll(words);
  }
}
