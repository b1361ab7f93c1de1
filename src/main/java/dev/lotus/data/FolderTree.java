package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A folder, to whatever depth; links inside it are followed, as torchvision does. Nothing is left
 * out silently: a link that leads nowhere counts as a file, which then cannot be read, and one that
 * leads back to a folder above it is an error.
 */
final class FolderTree implements FileTree {
  private final Path root;
  private final List<String> files;

  FolderTree(Path root) {
    this.root = root;
    try (Stream<Path> walk = Files.walk(root, FileVisitOption.FOLLOW_LINKS)) {
      files =
          walk.filter(file -> Files.isRegularFile(file) || !Files.exists(file))
              .map(file -> root.relativize(file).toString())
              .sorted(ORDER)
              .toList();
    } catch (UncheckedIOException e) {
      throw unreadable(root, e.getCause());
    } catch (IOException e) {
      throw unreadable(root, e);
    }
  }

  private static InputException unreadable(Path file, IOException e) {
    return new InputException("cannot read " + file + ": " + AtomicFiles.reason(e), e);
  }

  @Override
  public List<String> files() {
    return files;
  }

  @Override
  public byte[] read(String path) {
    return whole(root.resolve(path));
  }

  /**
   * A file's content.
   *
   * @throws InputException if it cannot be read, or is too large for memory
   */
  static byte[] whole(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw unreadable(file, e);
    } catch (OutOfMemoryError e) {
      throw new InputException(file + " is too large to be read whole", e);
    }
  }

  @Override
  public String locate(String path) {
    return root.resolve(path).toString();
  }

  @Override
  public void close() {
    // Nothing is held open.
  }
}
