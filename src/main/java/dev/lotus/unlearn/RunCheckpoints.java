package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.SealedTensors;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.optim.Resumable;
import dev.lotus.optim.WeightUpdate;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.Json;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * Keeps a run so that it can go on: weights, buffers and optimizer state with the {@link RunPoint},
 * at epochs' ends, every so many seconds within them, and when it is asked to stop. A run that goes
 * on makes the same steps as one that was never interrupted.
 */
public final class RunCheckpoints {
  /** Nothing is kept. */
  public static final RunCheckpoints NONE =
      new RunCheckpoints(null, RunIdentity.of(Map.of()), ComputeDevice.CPU, 0, text -> {});

  /** To be raised where what a checkpoint holds, or means, changes. */
  private static final String FORMAT = "1";

  /** The least between two checkpoints at epochs' ends. */
  private static final double EPOCH_END_SECONDS = 10;

  private static final String POINT = "point";
  private static final String IDENTITY = "identity";
  private static final String CIRCUMSTANCES = "circumstances";
  private static final String LOSSES = "losses";
  private static final String MODEL = "model.";
  private static final String OPTIMIZER = "optimizer.";

  private final CheckpointFiles files;
  private final Path folder;
  private final RunIdentity identity;
  private final ComputeDevice device;
  private final double seconds;
  private final Consumer<String> notes;
  private CheckpointFiles.Found found;

  /** Whether a checkpoint that does not fit is given up, or an error. */
  private boolean beginsAnew;

  private Backbone student;
  private Resumable optimizer;
  private long lastSaved;
  private boolean saved;
  private boolean stepping;
  private int stopSignal;

  /**
   * @param folder of the run
   * @param identity the run goes on only under the same
   * @param device it computes on
   * @param seconds between checkpoints within an epoch; 0 = after each step
   * @param notes is told what the user should know, a line at a time
   */
  public RunCheckpoints(
      Path folder,
      RunIdentity identity,
      ComputeDevice device,
      double seconds,
      Consumer<String> notes) {
    this.files = folder == null ? null : new CheckpointFiles(folder);
    this.folder = folder;
    this.identity = identity.with("checkpoint format", FORMAT);
    this.device = device;
    this.seconds = seconds;
    this.notes = notes;
  }

  /**
   * Looks for a checkpoint to go on from.
   *
   * @return whether there is one
   * @throws InputException if there are only damaged ones, or it is another run's: says what
   *     differs
   */
  public boolean find() {
    try {
      return lookFor();
    } catch (UnusableCheckpointException e) {
      throw new InputException(e.getMessage(), e);
    }
  }

  private boolean lookFor() throws UnusableCheckpointException {
    found = files.find(notes);
    if (found == null) {
      return false;
    }
    List<String> differences = identity.differences(texts(IDENTITY));
    if (!differences.isEmpty()) {
      throw new UnusableCheckpointException(
          found.file()
              + " is of another run: "
              + String.join(", ", differences)
              + "; give the same, or another --out");
    }
    List<String> others = RunIdentity.of(circumstances()).differences(texts(CIRCUMSTANCES));
    if (!others.isEmpty()) {
      notes.accept(
          "note: "
              + String.join(", ", others)
              + ": the result can differ in its last bits from an undisturbed run's");
    }
    notes.accept("going on from " + found.file() + ": " + point().words());
    return true;
  }

  /**
   * As {@link #find}, but what cannot be used is removed, and the run begins at its start.
   *
   * @return this
   * @throws InputException if one cannot be read; it stays, as it may be whole
   */
  public RunCheckpoints findUsable() {
    beginsAnew = true;
    try {
      lookFor();
    } catch (UnusableCheckpointException e) {
      beginAnew(e);
    }
    return this;
  }

  private void beginAnew(UnusableCheckpointException e) {
    notes.accept("note: begins anew: " + e.getMessage());
    found = null;
    remove();
  }

  /** The epochs that were over before the checkpoint that was found; none where there is none. */
  public List<EpochTrace> finishedEpochs() {
    return found == null ? List.of() : point().trace();
  }

  /** Removes a finished run's checkpoints from its folder. */
  public static void removeFrom(Path folder) {
    new CheckpointFiles(folder).remove();
  }

  /** Whether a file is a checkpoint, by its name. */
  public static boolean isCheckpoint(Path file) {
    return CheckpointFiles.isOne(file);
  }

  /** Whether a folder holds a checkpoint, whole or not. */
  public static boolean existIn(Path folder) {
    return new CheckpointFiles(folder).exist();
  }

  /** Whether there is one of this run, whole or not. */
  public boolean exist() {
    return files.exist();
  }

  /** The run is finished: nothing of it has to be kept. */
  public void remove() {
    files.remove();
  }

  /**
   * Asks the run to stop after the step under way; may be called on any thread.
   *
   * @param signal number, for {@link RunStoppedException#signal}
   * @return false where no step is under way or it was asked before: then all that can be kept is
   */
  public synchronized boolean requestStop(int signal) {
    if (!stepping || stopSignal != 0) {
      return false;
    }
    stopSignal = signal;
    return true;
  }

  /** How to go on, for a user whose run stops. */
  public String howToGoOn() {
    return "give the same command with --resume to go on from the checkpoint in " + folder;
  }

  /**
   * The run begins: weights and optimizer, prepared as for a new run, become those of the
   * checkpoint if one was found.
   *
   * @throws InputException naming a tensor of it that does not fit, unless {@link #findUsable}
   *     found it: the run then begins at its start
   */
  RunProgress start(Backbone model, WeightUpdate update) {
    if (files == null) {
      return new RunProgress();
    }
    if (!(update instanceof Resumable)) {
      throw new InputException("this optimizer has no state to keep: no checkpoint can be written");
    }
    student = model;
    optimizer = (Resumable) update;
    lastSaved = System.nanoTime();
    files.removeAbandoned();
    if (found == null) {
      return new RunProgress(this, RunPoint.START, new float[0]);
    }
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Map<String, Tensor> kept = SealedTensors.read(found.file());
      try {
        // All before the first is copied: a run that begins anew has its own weights.
        KeptState.requireFits(found.file(), kept, MODEL, student.state());
      } catch (UnusableCheckpointException e) {
        if (!beginsAnew) {
          throw new InputException(e.getMessage() + "; give another --out", e);
        }
        beginAnew(e);
        return new RunProgress(this, RunPoint.START, new float[0]);
      }
      student.state().forEach((name, tensor) -> tensor.copy_(kept.get(MODEL + name)));
      Map<String, Tensor> state = new LinkedHashMap<>();
      kept.forEach(
          (name, tensor) -> {
            if (name.startsWith(OPTIMIZER)) {
              state.put(name.substring(OPTIMIZER.length()), tensor);
            }
          });
      optimizer.restore(state);
      Tensor losses = kept.get(LOSSES);
      return new RunProgress(
          this, point(), losses == null ? new float[0] : Evaluator.hostFloats(losses));
    }
  }

  /** Whether steps are under way, which a stop waits for. */
  void stepping(boolean under) {
    if (files == null) {
      return;
    }
    synchronized (this) {
      stepping = under;
    }
    if (!under) {
      stopIfAsked(true);
    }
  }

  /**
   * Whether a checkpoint is to be written at this epoch's end: short epochs are not slowed by one
   * each. If not, a stop from now on does not wait.
   */
  boolean dueAtEpochEnd() {
    if (files == null) {
      return false;
    }
    synchronized (this) {
      double pause = Math.min(seconds, EPOCH_END_SECONDS);
      boolean due = stopSignal != 0 || !saved || System.nanoTime() - lastSaved >= pause * 1e9;
      stepping &= due;
      return due;
    }
  }

  /** Whether a checkpoint is to be written after this step. */
  boolean due() {
    if (files == null) {
      return false;
    }
    synchronized (this) {
      return stopSignal != 0 || System.nanoTime() - lastSaved >= seconds * 1e9;
    }
  }

  /**
   * Writes a checkpoint. Where that fails the run goes on: the ones before are still there.
   *
   * @param losses_N of the images of the pass under way; null between epochs
   * @throws RunStoppedException afterwards, if the run was asked to stop
   */
  void save(RunPoint point, Tensor losses_N) {
    if (files == null) {
      return;
    }
    boolean written = false;
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      student.state().forEach((name, tensor) -> tensors.put(MODEL + name, tensor));
      optimizer.state().forEach((name, tensor) -> tensors.put(OPTIMIZER + name, tensor));
      if (losses_N != null) {
        tensors.put(LOSSES, losses_N);
      }
      Map<String, String> metadata = new LinkedHashMap<>();
      metadata.put(POINT, Json.text(point));
      metadata.put(IDENTITY, Json.text(identity.values()));
      metadata.put(CIRCUMSTANCES, Json.text(circumstances()));
      files.write(tensors, metadata);
      written = true;
    } catch (RuntimeException e) {
      // Of the file system, or of libtorch where there is no room for a copy.
      notes.accept("note: no checkpoint of " + point.words() + ": " + e.getMessage());
    }
    saved = true;
    lastSaved = System.nanoTime();
    stopIfAsked(written);
  }

  private synchronized void stopIfAsked(boolean written) {
    if (stopSignal != 0) {
      stepping = false;
      throw new RunStoppedException(
          stopSignal, (written ? "" : "the checkpoint could not be written; ") + howToGoOn());
    }
  }

  private RunPoint point() {
    return Json.parse(found.metadata().get(POINT), RunPoint.class, found.file().toString());
  }

  private Map<String, String> texts(String key) {
    Map<?, ?> map = Json.parse(found.metadata().get(key), Map.class, found.file().toString());
    Map<String, String> texts = new LinkedHashMap<>();
    map.forEach((name, value) -> texts.put(String.valueOf(name), String.valueOf(value)));
    return texts;
  }

  /** What moves the last bits of results but not what the run is. */
  private Map<String, String> circumstances() {
    Map<String, String> now = new LinkedHashMap<>(LibraryVersions.all());
    now.put("device", device.describe());
    now.put("threads", String.valueOf(TorchRuntime.threads()));
    now.put("numerics", String.valueOf(LibraryVersions.NUMERICS));
    return now;
  }
}
