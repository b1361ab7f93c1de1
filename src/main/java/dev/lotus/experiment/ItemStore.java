package dev.lotus.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lotus.data.AtomicFiles;
import dev.lotus.device.InputException;
import dev.lotus.report.Json;
import dev.lotus.report.RunFolder;
import dev.lotus.unlearn.Relearning;
import dev.lotus.unlearn.RunCheckpoints;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The folders of finished and unfinished items. An item is finished exactly when its marker is
 * there, which is written last and whole; whatever an unfinished one left is removed before it is
 * begun anew. One process at a time works in a store, or several that share it, of which one
 * writes.
 */
final class ItemStore implements AutoCloseable {
  private static final String ITEM_DONE = "item.json";
  private static final String SCORE_DONE = "score.json";
  private static final String ANSWERS = "confidences.json";
  private static final String RELEARNING = "relearning.json";
  private static final String VALUE = "value";
  private static final String FAILED = "failed.json";

  private final Path root;
  private final FileChannel channel;

  private ItemStore(Path root, FileChannel channel) {
    this.root = root;
    this.channel = channel;
  }

  /**
   * @throws InputException where another process works in it, or it cannot be written
   */
  static ItemStore open(Path root) {
    try {
      Files.createDirectories(root);
      FileChannel channel =
          FileChannel.open(
              root.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (!AtomicFiles.silent() && lock(channel) == null) {
        channel.close();
        throw new InputException(
            root + ": another experiment works in this store; wait for it, or give --store DIR");
      }
      return new ItemStore(root, channel);
    } catch (IOException e) {
      throw new InputException(root + ": cannot be written (" + e + ")", e);
    }
  }

  private static FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  /** Where the split of a hash lies, for the other commands. */
  Path splitFile(String sha256) {
    return root.resolve("split-" + sha256.substring(0, 16) + ".json");
  }

  RunFolder folder(WorkItem item) {
    return new RunFolder(root.resolve(item.id()));
  }

  /** Where a model's scores lie: an original is scored once a split, the others once. */
  RunFolder scores(WorkItem item, String splitSha256) {
    Path own = folder(item).path();
    return new RunFolder(
        item.kind() == WorkItem.Kind.ORIGINAL
            ? own.resolve("split-" + splitSha256.substring(0, 16))
            : own);
  }

  boolean finished(WorkItem item) {
    return marked(folder(item).path().resolve(ITEM_DONE), item.sha256());
  }

  /** Removes what is left of an attempt, but for the checkpoint that the next one goes on from. */
  void begin(WorkItem item) {
    delete(folder(item).path());
  }

  /** Marks the item finished; its model and run.json are there. */
  void finish(WorkItem item) {
    mark(folder(item).path().resolve(ITEM_DONE), item.sha256(), "identity", item.identity());
    RunCheckpoints.removeFrom(folder(item).path());
  }

  /** Records why an item could not be made. It counts as unfinished. */
  void fail(WorkItem item, String message) {
    Map<String, Object> failure = new LinkedHashMap<>();
    failure.put("message", message);
    failure.put("identity", item.identity());
    AtomicFiles.write(folder(item).path().resolve(FAILED), Json.bytes(failure));
  }

  boolean scored(RunFolder scores, String sha256) {
    return marked(scores.path().resolve(SCORE_DONE), sha256);
  }

  /**
   * Keeps what was asked of an item beyond its scores, beside these.
   *
   * @param value what {@link #recall} gives back
   */
  void keep(Task task, WorkItem item, Plan.Cell cell, Object value) {
    clearFailure(item);
    mark(kept(task, scores(item, cell.splitSha256())), keptSha256(task, item, cell), VALUE, value);
  }

  boolean kept(Task task, WorkItem item, Plan.Cell cell) {
    return marked(kept(task, scores(item, cell.splitSha256())), keptSha256(task, item, cell));
  }

  /** What was kept of a finished item, or null. */
  <T> T recall(Task task, WorkItem item, Plan.Cell cell, Class<T> type) {
    return finished(item) && kept(task, item, cell)
        ? Json.read(kept(task, scores(item, cell.splitSha256())), VALUE, type)
        : null;
  }

  private static Path kept(Task task, RunFolder scores) {
    return scores.path().resolve(task == Task.ANSWER ? ANSWERS : RELEARNING);
  }

  /** What the answer to a question depends on. */
  private static String keptSha256(Task task, WorkItem item, Plan.Cell cell) {
    Map<String, Object> parts = new LinkedHashMap<>();
    parts.put("item", item.sha256());
    parts.put("split_sha256", cell.splitSha256());
    if (task == Task.RELEARN) {
      parts.put("original", cell.original().sha256());
      parts.put("epochs", Relearning.MAX_EPOCHS);
      parts.put("tolerance", Relearning.TOLERANCE);
    }
    return WorkItem.hash(parts);
  }

  /** Whether the cell's gold model is there to compare with. */
  boolean hasGold(Plan.Cell cell) {
    return cell.gold() != null && finished(cell.gold());
  }

  /** Marks scores of an item finished; metrics.json is there. */
  void finishScores(WorkItem item, RunFolder scores, String sha256, Object entropies) {
    clearFailure(item);
    mark(scores.path().resolve(SCORE_DONE), sha256, "entropies", entropies);
  }

  private void clearFailure(WorkItem item) {
    if (AtomicFiles.silent()) {
      return;
    }
    Path failed = folder(item).path().resolve(FAILED);
    try {
      Files.deleteIfExists(failed);
    } catch (IOException e) {
      throw new InputException(failed + ": cannot be deleted (" + e + ")", e);
    }
  }

  /** What {@link #finishScores} was given. */
  JsonNode entropies(RunFolder scores) {
    return Json.read(scores.path().resolve(SCORE_DONE), JsonNode.class).path("entropies");
  }

  private static boolean marked(Path marker, String sha256) {
    return Files.isRegularFile(marker)
        && Json.read(marker, JsonNode.class).path("sha256").asText().equals(sha256);
  }

  private static void mark(Path marker, String sha256, String key, Object value) {
    Map<String, Object> content = new LinkedHashMap<>();
    content.put("schema", 1);
    content.put("sha256", sha256);
    content.put(key, value);
    AtomicFiles.write(marker, Json.bytes(content));
  }

  private static void delete(Path folder) {
    if (AtomicFiles.silent() || !Files.exists(folder)) {
      return;
    }
    List<Path> all;
    try (Stream<Path> walk = Files.walk(folder)) {
      // The marker first: a folder that is deleted by half must not look finished.
      all =
          walk.sorted(
                  Comparator.comparing((Path p) -> !p.getFileName().toString().equals(ITEM_DONE))
                      .thenComparing(Comparator.reverseOrder()))
              .toList();
      for (Path path : all) {
        boolean keptIn = Files.isDirectory(path) && RunCheckpoints.existIn(path);
        if (!keptIn && !RunCheckpoints.isCheckpoint(path)) {
          Files.delete(path);
        }
      }
    } catch (IOException e) {
      throw new InputException(folder + ": cannot be cleared (" + e + ")", e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new InputException(root + ": " + e, e);
    }
  }
}
