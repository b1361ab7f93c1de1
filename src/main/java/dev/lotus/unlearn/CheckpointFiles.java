package dev.lotus.unlearn;

import dev.lotus.backbone.SealedTensors;
import dev.lotus.data.AtomicFiles;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/**
 * A run's last two checkpoints in its folder, {@code checkpoint.safetensors} and {@code
 * checkpoint.previous.safetensors}. At every moment at least one of them is whole.
 */
final class CheckpointFiles {
  /** A checkpoint that was found whole. */
  record Found(Path file, Map<String, String> metadata) {}

  private static final String LAST = "checkpoint.safetensors";
  private static final String PREVIOUS = "checkpoint.previous.safetensors";

  private final Path folder;
  private final Path last;
  private final Path previous;

  CheckpointFiles(Path folder) {
    this.folder = folder;
    last = folder.resolve(LAST);
    previous = folder.resolve(PREVIOUS);
  }

  static boolean isOne(Path file) {
    String name = file.getFileName().toString();
    return name.equals(LAST) || name.equals(PREVIOUS);
  }

  /** Whether there is any, whole or not. */
  boolean exist() {
    return Files.exists(last) || Files.exists(previous);
  }

  /**
   * The last whole checkpoint. Damaged ones are renamed, so that the next write does not put them
   * in a good one's place.
   *
   * @param notes is told what was passed over and why
   * @return null if there is none at all
   * @throws UnusableCheckpointException if there are only damaged ones
   * @throws InputException if one cannot be read; it stays, as it may be whole
   */
  Found find(Consumer<String> notes) throws UnusableCheckpointException {
    List<String> damaged = new ArrayList<>();
    for (Path file : new Path[] {last, previous}) {
      if (Files.exists(file)) {
        try {
          Found found = new Found(file, SealedTensors.verify(file));
          damaged.forEach(what -> notes.accept("note: " + what + "; the one before it is used"));
          return found;
        } catch (SealedTensors.DamagedException e) {
          damaged.add(e.getMessage() + ", now " + setAside(file).getFileName());
        }
      }
    }
    if (damaged.isEmpty()) {
      return null;
    }
    throw new UnusableCheckpointException(
        "no checkpoint in "
            + folder
            + " is whole: "
            + String.join("; ", damaged)
            + "; the same command again begins anew");
  }

  private static Path damaged(Path file) {
    return file.resolveSibling(file.getFileName() + ".damaged");
  }

  private static Path setAside(Path file) {
    Path aside = damaged(file);
    try {
      return Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new InputException(file + " is damaged and cannot be renamed (" + e + ")", e);
    }
  }

  /**
   * @throws InputException if it cannot be written; the checkpoints that are there stay
   */
  void write(Map<String, Tensor> tensors, Map<String, String> metadata) {
    SealedTensors.write(last, previous, tensors, metadata);
  }

  /** Removes all, the damaged ones too: what they hold of a model half-way is nobody's any more. */
  void remove() {
    removeUsable();
    if (AtomicFiles.silent()) {
      return;
    }
    try {
      Files.deleteIfExists(damaged(previous));
      Files.deleteIfExists(damaged(last));
    } catch (IOException e) {
      throw new InputException(folder + ": a damaged checkpoint cannot be removed (" + e + ")", e);
    }
  }

  /** Removes both, and what killed processes left of others; damaged ones stay set aside. */
  void removeUsable() {
    if (AtomicFiles.silent()) {
      return;
    }
    try {
      // The older one first: what is left by half is still the last one.
      Files.deleteIfExists(previous);
      Files.deleteIfExists(last);
    } catch (IOException e) {
      throw new InputException(folder + ": the checkpoint cannot be removed (" + e + ")", e);
    }
    removeAbandoned();
  }

  void removeAbandoned() {
    AtomicFiles.deleteAbandoned(last);
  }
}
