package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.TorchRuntime;
import dev.lotus.track.MlflowContract;
import dev.lotus.track.TrackedRun;
import dev.lotus.track.Tracking;
import dev.lotus.track.TrackingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Dashboards as listeners of the engine as a library. */
@ExtendWith(LeakCheck.class)
class TrackedUnlearningTest {
  @Test
  void dashboardsAreToldAsAnyListener(@TempDir Path temp) throws IOException {
    TorchRuntime.load(2);
    try (MlflowContract server = new MlflowContract();
        Backbone original = Backbones.create(new Arch("resnet20", 3, 1, 0.25, 6))) {
      original.initialise(1);
      TrackingSettings settings = new TrackingSettings(true, server.address(), "tests");
      Unlearning.Result result;
      try (Tracking tracking = new Tracking(settings, note -> {});
          TrackedRun run = tracking.begin("in process", temp, Map.of("epochs", "2"))) {
        result =
            Unlearning.builder()
                .original(original)
                .data(UnlearningTest.DATA)
                .split(UnlearningTest.SPLIT)
                .configure(c -> c.epochs(2).batch(16).fixedTau(4.0))
                .listener(Unlearning.Listener.tracking(run))
                .run();
        run.done();
      }
      result.close();
      assertThat(server.violations).isEmpty();
      MlflowContract.Run told = server.run("in process");
      assertThat(told.status).isEqualTo("FINISHED");
      assertThat(told.params).isEqualTo(Map.of("epochs", "2"));
      assertThat(told.metrics)
          .containsEntry("epoch/loss@1", result.trace().get(0).loss())
          .containsEntry("epoch/loss@2", result.trace().get(1).loss())
          .containsEntry("metrics/acc_test@2", result.metrics().accTest());
      assertThat(temp).isDirectoryContaining("glob:**/events.out.tfevents.*");
    }
  }
}
