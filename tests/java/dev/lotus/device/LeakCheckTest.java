package dev.lotus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder.request;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/** The leak check fails a test that leaks, and only that one. */
class LeakCheckTest {
  private static Tensor leaked;

  /** Run by the test below, not by the build. */
  @ExtendWith(LeakCheck.class)
  static class Examples {
    @Test
    void leaks() {
      leaked = torch.ones(16);
    }

    @Test
    void cleansUp() {
      try (PointerScope scope = new PointerScope()) {
        torch.ones(16);
      }
    }
  }

  @Test
  void aLeakFailsItsTest() {
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create()
        .execute(request().selectors(selectClass(Examples.class)).build(), listener);
    TestExecutionSummary summary = listener.getSummary();
    leaked.close();
    assertThat(summary.getTestsSucceededCount()).isEqualTo(1);
    assertThat(summary.getFailures()).hasSize(1);
    assertThat(summary.getFailures().get(0).getException())
        .hasMessageContaining("leaks() leaves 1 native objects");
  }
}
