package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.dist.WorkerGroup;
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
import org.bytedeco.pytorch.global.torch;

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

  private final CheckpointFiles files;
  private final Path folder;
  private final RunIdentity identity;
  private final ComputeDevice device;
  private final double seconds;
  private final Consumer<String> notes;
  private final StopRequest stop = new StopRequest();
  private KeptRun found;
  private WorkerGroup group = WorkerGroup.ALONE;

  /** Whether a checkpoint that does not fit is given up, or an error. */
  private boolean beginsAnew;

  private Backbone student;
  private Resumable optimizer;
  private long lastSaved;
  private boolean saved;
  private RunPoint from = RunPoint.START;

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
   * Of several processes: rank 0 looks for checkpoints, decides when they are written and writes
   * them; the others go on as it does.
   *
   * @return this
   */
  public RunCheckpoints of(WorkerGroup processes) {
    group = processes;
    return this;
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
    CheckpointFiles.Found file = files.find(notes);
    found = file == null ? null : new KeptRun(file);
    if (found == null) {
      return false;
    }
    found.requireOf(identity);
    List<String> others = RunIdentity.of(circumstances()).differences(found.circumstances());
    if (!others.isEmpty()) {
      notes.accept(
          "note: "
              + String.join(", ", others)
              + ": the result can differ in its last bits from an undisturbed run's");
    }
    notes.accept("going on from " + found.file() + ": " + found.point().words());
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
      if (group.rank() == 0) {
        lookFor();
      }
    } catch (UnusableCheckpointException e) {
      beginAnew(e);
    }
    return this;
  }

  private void beginAnew(UnusableCheckpointException e) {
    notes.accept("note: begins anew: " + e.getMessage());
    found = null;
    files.removeUsable();
  }

  /** The epochs that were over before the checkpoint that was found; none where there is none. */
  public List<EpochTrace> finishedEpochs() {
    return found == null ? List.of() : found.point().trace();
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
  public boolean requestStop(int signal) {
    return stop.ask(signal);
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
    if (group.rank() == 0) {
      files.removeAbandoned();
    }
    return group.alone() ? restored() : together();
  }

  /** Rank 0 restores; the others get what it has. */
  private RunProgress together() {
    RunProgress own = group.rank() == 0 ? restored() : null;
    String text = group.broadcast(own == null ? null : Json.text(from), "where to go on");
    from = Json.parse(text, RunPoint.class, "rank 0");
    if (from.steps() == 0) {
      return own != null ? own : new RunProgress(this, RunPoint.START, new float[0]);
    }
    SharedState.send(group, student);
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Map<String, Tensor> state =
          SharedState.send(group, own == null ? Map.of() : optimizer.state());
      if (own != null) {
        return own;
      }
      optimizer.restore(state);
      return new RunProgress(this, from, new float[from.images()]);
    }
  }

  private RunProgress restored() {
    if (found == null) {
      return new RunProgress(this, RunPoint.START, new float[0]);
    }
    try {
      float[] losses = found.restore(student, optimizer);
      from = found.point();
      return new RunProgress(this, from, losses);
    } catch (UnusableCheckpointException e) {
      if (!beginsAnew) {
        throw new InputException(e.getMessage() + "; give another --out", e);
      }
      beginAnew(e);
      return new RunProgress(this, RunPoint.START, new float[0]);
    }
  }

  /** Whether steps are under way, which a stop waits for. */
  void stepping(boolean under) {
    if (files == null) {
      return;
    }
    stop.stepping(under);
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
    double pause = Math.min(seconds, EPOCH_END_SECONDS);
    boolean due = !saved || System.nanoTime() - lastSaved >= pause * 1e9;
    return group.alone() ? stop.endStepping(due) : dueForAll(due);
  }

  private boolean dueForAll(boolean here) {
    try (PointerScope scope = new PointerScope()) {
      Tensor votes = torch.tensor(new float[] {group.rank() == 0 && here ? 1 : 0, stop.word()});
      group.sum(votes, "whether a checkpoint is due");
      boolean due = heard(Evaluator.hostFloats(votes));
      // Whoever was asked since stops with the others after the next step.
      stop.endStepping(due);
      return due;
    }
  }

  /** Whether a checkpoint is due, in rank 0's words, and whether this process was asked to stop. */
  float[] words() {
    return new float[] {group.rank() == 0 && due() ? 1 : 0, stop.word()};
  }

  /** From the sums of all processes' words. */
  private boolean heard(float[] sums) {
    boolean stopping = stop.hear(sums[1]);
    return stopping || sums[0] > 0;
  }

  /**
   * Whether a checkpoint is to be written after this step.
   *
   * @param said sums of the words of all processes; none where there is one
   */
  boolean due(float[] said) {
    return files != null && (said.length == 0 ? due() : heard(said));
  }

  /** Losses of which each process has some, all of them: a new tensor. */
  Tensor whole(Tensor losses_N) {
    if (group.alone()) {
      return losses_N;
    }
    Tensor all = losses_N.clone();
    group.sum(all, "losses");
    return all;
  }

  private boolean due() {
    return files != null && (stop.asked() || System.nanoTime() - lastSaved >= seconds * 1e9);
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
    boolean written = group.rank() != 0;
    if (group.rank() == 0) {
      written = write(point, losses_N);
    }
    saved = true;
    lastSaved = System.nanoTime();
    stopIfAsked(written);
  }

  private boolean write(RunPoint point, Tensor losses_N) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      KeptRun.write(files, student, optimizer, losses_N, point, identity, circumstances());
      return true;
    } catch (RuntimeException e) {
      // Of the file system, or of libtorch where there is no room for a copy.
      notes.accept("note: no checkpoint of " + point.words() + ": " + e.getMessage());
      return false;
    }
  }

  private void stopIfAsked(boolean written) {
    int signal = stop.due(group.alone());
    if (signal != 0) {
      // The others wait for rank 0 to have written: seeing them end, it would end in the middle.
      String kept = group.broadcast(String.valueOf(written), "whether a checkpoint is written");
      throw new RunStoppedException(
          signal,
          (Boolean.parseBoolean(kept) ? "" : "the checkpoint could not be written; ")
              + howToGoOn());
    }
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
