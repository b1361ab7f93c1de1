package dev.lotus.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ShardsTest {
  @Test
  void everyRowIsOneProcesssInOrder() {
    for (int size : new int[] {1, 2, 3, 4, 7}) {
      for (int rows : new int[] {1, 5, 16, 33}) {
        for (int batch = 1; batch <= 130; batch++) {
          Shards shards = new Shards(500, rows, 0, size, true);
          int next = 0;
          for (int process = 0; process < size; process++) {
            assertThat(shards.from(batch, process)).isEqualTo(next);
            next += Arrays.stream(shards.of(batch, process)).sum();
          }
          assertThat(next).isEqualTo(batch);
        }
      }
    }
  }

  @Test
  void shardsDoNotDependOnTheNumberOfProcesses() {
    Shards one = new Shards(64, 16, 0, 1, true);
    Shards four = new Shards(64, 16, 2, 4, true);
    for (int batch = 1; batch <= 64; batch++) {
      assertThat(four.cut(batch)).isEqualTo(one.cut(batch));
    }
    assertThat(four.of(64, 2)).containsExactly(16);
    assertThat(four.own(64)).isEqualTo(16);
  }

  @Test
  void aSingleRowThatIsLeftGoesWithTheShardBeforeIt() {
    assertThat(new Shards(64, 16, 0, 1, true).cut(33)).containsExactly(16, 17);
    assertThat(new Shards(64, 16, 0, 1, true).cut(1)).containsExactly(1);
    assertThat(new Shards(64, 16, 0, 1, false).cut(33)).containsExactly(16, 16, 1);
    assertThat(new Shards(64, 16, 0, 1, true).cut(34)).containsExactly(16, 16, 2);
  }

  @Test
  void aSmallLastBatchLeavesProcessesOut() {
    Shards shards = new Shards(64, 16, 1, 4, true);
    assertThat(shards.leavesOut(64)).isFalse();
    assertThat(shards.leavesOut(20)).isTrue();
    assertThat(shards.own(20)).isZero();
  }

  @Test
  void theFirstProcessHasRowsWheneverAnyHas() {
    for (int size : new int[] {2, 3, 4, 7}) {
      Shards shards = new Shards(16 * size, 16, 0, size, false);
      for (int batch = 1; batch <= 16 * size; batch++) {
        assertThat(shards.own(batch)).isPositive();
      }
    }
  }

  @Test
  void anyNumberOfProcessesSharesABatchOfAsMany() {
    for (int size = 1; size <= 40; size++) {
      for (int batch = size; batch <= 200; batch++) {
        for (int rank = 0; rank < size; rank++) {
          assertThat(Shards.of(rank, size, batch, null).own(batch)).isPositive();
        }
      }
    }
    assertThat(Shards.of(0, 4, 130, null).cut(130)).containsExactly(33, 33, 33, 31);
  }

  @Test
  void tooFewShardsAreRefused() {
    assertThatThrownBy(() -> new Shards(64, 64, 0, 2, true))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("--bn-batch 64", "2 processes", "at most 32");
    assertThatThrownBy(() -> new Shards(1, 1, 0, 2, true))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("--batch 1", "2 processes");
  }
}
