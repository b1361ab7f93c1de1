package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * The files of a data set, in a folder or an archive, which is read in place. Paths are relative,
 * with '/' between their parts. May be read from several threads.
 */
interface FileTree extends AutoCloseable {
  /** Every regular file, sorted as {@link #ORDER} says. */
  List<String> files();

  /**
   * A file's content.
   *
   * @throws InputException if there is no such file or it cannot be read
   */
  byte[] read(String path);

  /** How to name a file in a message. */
  String locate(String path);

  /** Bytes of the files that are held in memory as long as the tree is open. */
  default long heldBytes() {
    return 0;
  }

  @Override
  void close();

  /**
   * Published order: first folder, then the rest of the folder's path, then file name, each by code
   * points, which is by the bytes of UTF-8.
   */
  Comparator<String> ORDER =
      Comparator.comparing(FileTree::top, FileTree::codePoints)
          .thenComparing(FileTree::folder, FileTree::codePoints)
          .thenComparing(FileTree::name, FileTree::codePoints);

  private static String top(String path) {
    int slash = path.indexOf('/');
    return slash < 0 ? "" : path.substring(0, slash);
  }

  /** Everything before the last slash, "" at the top. */
  static String folder(String path) {
    return path.substring(0, Math.max(0, path.lastIndexOf('/')));
  }

  /** The last part of a path. */
  static String name(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  private static int codePoints(String a, String b) {
    int end = Math.min(a.length(), b.length());
    for (int i = 0; i < end; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean pairs = Character.isSurrogate(x) || Character.isSurrogate(y);
        return pairs
            ? Integer.compare(a.codePointAt(start(a, i)), b.codePointAt(start(b, i)))
            : Character.compare(x, y);
      }
    }
    return Integer.compare(a.length(), b.length());
  }

  private static int start(String s, int i) {
    return i > 0 && Character.isLowSurrogate(s.charAt(i)) ? i - 1 : i;
  }

  /** The place that --data names. */
  static FileTree open(Path place) {
    return open("--data", place);
  }

  /**
   * Opens a folder, a .zip, a .tar or a .tar.gz, told apart by their first bytes.
   *
   * @param option that named the place, for messages
   * @throws InputException if it does not exist or is none of these
   */
  static FileTree open(String option, Path place) {
    if (!Files.exists(place)) {
      throw new InputException(
          option + " " + place + " does not exist (" + place.toAbsolutePath() + ")");
    }
    return Files.isDirectory(place) ? new FolderTree(place) : ArchiveTree.open(place);
  }

  /** The files below a folder of this tree, which stays open with it. */
  default FileTree below(String folder) {
    String prefix = folder.isEmpty() ? "" : folder + "/";
    FileTree whole = this;
    List<String> inside =
        files().stream()
            .filter(path -> path.startsWith(prefix))
            .map(path -> path.substring(prefix.length()))
            .sorted(ORDER)
            .toList();
    return new FileTree() {
      @Override
      public List<String> files() {
        return inside;
      }

      @Override
      public byte[] read(String path) {
        return whole.read(prefix + path);
      }

      @Override
      public String locate(String path) {
        return whole.locate(prefix + path);
      }

      @Override
      public long heldBytes() {
        return whole.heldBytes();
      }

      @Override
      public void close() {
        whole.close();
      }
    };
  }

  /** The folders directly in this tree, in order. */
  default List<String> folders() {
    TreeSet<String> folders = new TreeSet<>(FileTree::codePoints);
    for (String path : files()) {
      int slash = path.indexOf('/');
      if (slash > 0) {
        folders.add(path.substring(0, slash));
      }
    }
    return List.copyOf(folders);
  }

  /**
   * The part of the tree that is the data set: itself, or the one folder up to two levels down that
   * {@code holds} it.
   *
   * @return null if there is none
   * @throws InputException if several fit equally well
   */
  default FileTree find(Predicate<FileTree> holds) {
    List<FileTree> level = List.of(this);
    for (int depth = 0; depth <= 2; depth++) {
      List<FileTree> fitting = level.stream().filter(holds).toList();
      if (fitting.size() > 1) {
        throw new InputException(
            locate("") + " holds such files in several folders; name one of them");
      }
      if (!fitting.isEmpty()) {
        return fitting.get(0);
      }
      List<FileTree> next = new ArrayList<>();
      for (FileTree tree : level) {
        // A folder of classes has many; a data set's parent has few.
        List<String> folders = tree.folders();
        if (folders.size() <= 32) {
          folders.forEach(folder -> next.add(tree.below(folder)));
        }
      }
      level = next;
    }
    return null;
  }
}
