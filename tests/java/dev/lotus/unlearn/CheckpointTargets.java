package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.InputException;
import dev.lotus.fuzz.FuzzTarget;
import dev.lotus.optim.FusedUpdate;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A run's checkpoint, whose seal is right whatever the rest is: else nothing of it is read. */
public final class CheckpointTargets {
  public static final List<String> NAMES = List.of("checkpoint");

  private static final int SEAL = 32;

  private CheckpointTargets() {}

  /**
   * @param folder of the run
   */
  public static FuzzTarget target(Path folder) throws IOException {
    CheckpointFiles files = new CheckpointFiles(folder);
    Path file = folder.resolve("checkpoint.safetensors");
    try (Backbone model = Rig.model(1);
        FusedUpdate update = FusedUpdate.sgd(model.parameters(), 0.1, 0.9, 0)) {
      KeptRun.write(
          files, model, update, null, RunPoint.START, RunIdentity.of(Map.of()), Map.of("a", "b"));
    }
    byte[] sealed = Files.readAllBytes(file);
    return FuzzTarget.of(
        bytes -> read(files, file, bytes), Arrays.copyOf(sealed, sealed.length - SEAL));
  }

  private static void read(CheckpointFiles files, Path file, byte[] bytes) throws IOException {
    ByteArrayOutputStream sealed = new ByteArrayOutputStream();
    sealed.writeBytes(bytes);
    sealed.writeBytes(sha256(bytes));
    Files.write(file, sealed.toByteArray());
    try (Backbone model = Rig.model(1);
        FusedUpdate update = FusedUpdate.sgd(model.parameters(), 0.1, 0.9, 0)) {
      KeptRun kept = new KeptRun(files.find(note -> {}));
      kept.requireOf(RunIdentity.of(Map.of()));
      kept.circumstances();
      kept.point().words();
      kept.restore(model, update);
    } catch (UnusableCheckpointException e) {
      throw new InputException(e.getMessage(), e);
    }
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
