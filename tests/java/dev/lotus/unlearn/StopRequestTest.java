package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StopRequestTest {
  @Test
  void oneProcessStopsAtOnceButOnlyWhileItTakesSteps() {
    StopRequest stop = new StopRequest();
    assertThat(stop.ask(15)).isFalse();
    assertThat(stop.due(true)).isZero();
    stop.stepping(true);
    assertThat(stop.ask(2)).isTrue();
    assertThat(stop.ask(15)).as("the second signal does not wait").isFalse();
    assertThat(stop.due(true)).isEqualTo(2);
  }

  @Test
  void severalStopOnceAllHaveHeard() {
    StopRequest asked = new StopRequest();
    StopRequest other = new StopRequest();
    asked.stepping(true);
    other.stepping(true);
    assertThat(asked.hear(asked.word() + other.word())).isFalse();
    // Between the vote and what follows from it: the others would go on without it.
    assertThat(asked.ask(2)).isTrue();
    assertThat(asked.due(false)).isZero();
    float sum = asked.word() + other.word();
    assertThat(asked.hear(sum)).isTrue();
    assertThat(other.hear(sum)).isTrue();
    assertThat(asked.due(false)).isEqualTo(2);
    assertThat(other.due(false)).isEqualTo(15);
  }

  @Test
  void aVoteAtAnEpochsEndLosesNoRequest() {
    StopRequest stop = new StopRequest();
    stop.stepping(true);
    float word = stop.word();
    assertThat(stop.ask(15)).as("while the vote is under way").isTrue();
    stop.hear(word);
    assertThat(stop.endStepping(false)).isTrue();
    assertThat(stop.hear(stop.word())).as("at the next step").isTrue();
    StopRequest quiet = new StopRequest();
    quiet.stepping(true);
    assertThat(quiet.endStepping(false)).isFalse();
    assertThat(quiet.ask(15)).as("nothing is written any more").isFalse();
  }
}
