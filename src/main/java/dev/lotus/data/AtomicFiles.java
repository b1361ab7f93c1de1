package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Files are written whole: to a temporary name in the same folder, synced, then renamed. Whoever
 * looks sees the old file or the new one, never half of one, and a run that fails or is interrupted
 * leaves no temporary file behind.
 */
public final class AtomicFiles {
  /** What fills the file. */
  @FunctionalInterface
  public interface ThrowingConsumer<T> {
    void accept(T value) throws IOException;
  }

  private static final AtomicLong COUNTER = new AtomicLong();
  private static final Set<Path> UNFINISHED = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(AtomicFiles::deleteUnfinished));
  }

  private static volatile boolean silent;

  private AtomicFiles() {}

  /**
   * From now on this process writes and deletes nothing here: another one, which computes the same,
   * does.
   */
  public static void silence() {
    silent = true;
  }

  /** Whether this process writes nothing. */
  public static boolean silent() {
    return silent;
  }

  /**
   * Writes {@code bytes} as the whole of {@code file}; missing folders are made.
   *
   * @throws InputException if the place cannot be written
   */
  public static void write(Path file, byte[] bytes) {
    write(file, out -> out.write(bytes));
  }

  /**
   * Writes what {@code content} puts into the stream (buffered; it need not close it) as the whole
   * of {@code file}.
   *
   * @throws InputException if the place cannot be written or {@code content} throws an IOException;
   *     the old file, if any, is then untouched
   */
  public static void write(Path file, ThrowingConsumer<OutputStream> content) {
    replace(file, null, content);
  }

  /**
   * The same; {@code beforeRename} runs once the new content is on the disk, and before it takes
   * the file's name.
   */
  public static void write(
      Path file, ThrowingConsumer<OutputStream> content, Runnable beforeRename) {
    replaceNamed(file, null, buffered(content), beforeRename);
  }

  /**
   * The same, and the old file, if any, is not lost but renamed, once the new one is whole.
   *
   * @param previous takes the old file, in the same folder; null = it goes
   */
  public static void replace(Path file, Path previous, ThrowingConsumer<OutputStream> content) {
    replaceNamed(file, previous, buffered(content), () -> {});
  }

  private static ThrowingConsumer<Path> buffered(ThrowingConsumer<OutputStream> content) {
    return temporary -> {
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(temporary), 1 << 16)) {
        content.accept(out);
      }
    };
  }

  /**
   * As {@link #write(Path, ThrowingConsumer)} for what only writes to a file by its name: {@code
   * content} is given an empty file in the same folder, fills it and closes it.
   *
   * @throws InputException if the place cannot be written or {@code content} throws an IOException;
   *     the old file, if any, is then untouched
   */
  public static void writeNamed(Path file, ThrowingConsumer<Path> content) {
    writeNamed(file, content, () -> {});
  }

  /** The same; {@code beforeRename} as {@link #write(Path, ThrowingConsumer, Runnable)}. */
  public static void writeNamed(Path file, ThrowingConsumer<Path> content, Runnable beforeRename) {
    replaceNamed(file, null, content, beforeRename);
  }

  private static void replaceNamed(
      Path file, Path previous, ThrowingConsumer<Path> content, Runnable beforeRename) {
    if (silent) {
      return;
    }
    Path target = file.toAbsolutePath();
    if (Files.isDirectory(target)) {
      throw new InputException("cannot write " + file + ": it is a folder; name a file");
    }
    if (Files.exists(target) && !Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new InputException(
          "cannot write "
              + file
              + ": it is a link or a device, which the rename would replace; name a file");
    }
    Path temporary =
        target.resolveSibling(
            "."
                + target.getFileName()
                + "."
                + ProcessHandle.current().pid()
                + "-"
                + COUNTER.incrementAndGet()
                + ".tmp");
    UNFINISHED.add(temporary);
    try {
      Files.createDirectories(target.getParent());
      Files.createFile(temporary);
      content.accept(temporary);
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      beforeRename.run();
      if (previous != null && Files.exists(target)) {
        Files.move(target, previous.toAbsolutePath(), StandardCopyOption.ATOMIC_MOVE);
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      syncFolder(target.getParent());
    } catch (IOException e) {
      throw new InputException("cannot write " + file + ": " + reason(e), e);
    } finally {
      delete(temporary);
      UNFINISHED.remove(temporary);
    }
  }

  /**
   * Deletes what a killed process left of its writes of {@code file}. Not while another process
   * writes it.
   *
   * @throws InputException if the folder cannot be read or a file not be deleted
   */
  public static void deleteAbandoned(Path file) {
    Path target = file.toAbsolutePath();
    String name = "." + target.getFileName() + ".";
    if (silent || !Files.isDirectory(target.getParent())) {
      return;
    }
    try (DirectoryStream<Path> found =
        Files.newDirectoryStream(
            target.getParent(),
            path ->
                path.getFileName().toString().startsWith(name)
                    && path.getFileName().toString().endsWith(".tmp"))) {
      for (Path path : found) {
        if (!UNFINISHED.contains(path)) {
          Files.deleteIfExists(path);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw new InputException(target.getParent() + ": cannot be cleared (" + e + ")", e);
    }
  }

  /**
   * Deletes the temporary files of writes that are still under way. Runs by itself when the JVM
   * shuts down; who ends the process with {@link Runtime#halt} calls it before.
   */
  public static void deleteUnfinished() {
    UNFINISHED.forEach(AtomicFiles::delete);
  }

  /**
   * Makes the rename itself last; not every file system can, and the file's content is safe
   * without.
   */
  private static void syncFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      return;
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // Nothing more can be done about it, and it must not hide the first error.
      return;
    }
  }

  /** The exceptions of java.nio carry only a path as their message. */
  static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof NoSuchFileException) {
      return "no such file or folder";
    }
    String message = e.getMessage();
    return e.getClass().getSimpleName() + (message == null ? "" : ": " + message);
  }
}
