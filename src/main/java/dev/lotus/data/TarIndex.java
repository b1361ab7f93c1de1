package dev.lotus.data;

import dev.lotus.data.ArchiveTree.Content;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Which files a tar archive holds, by their plain paths. A link to a file of the archive stands for
 * it; a link to anything else is a file that cannot be read and says so: it is not left out.
 */
final class TarIndex implements TarWalk.Visitor {
  /** Links of links that are followed, as Linux does. */
  private static final int MAX_LINKS = 40;

  /** How a file's content can be had later; null = it is no file of the index. */
  interface Source {
    Content of(String where, String name, long offset, long size, InputStream content)
        throws IOException;
  }

  private final String folder;
  private final Source source;
  private final Map<String, Content> contents = new HashMap<>();
  private final Map<String, String> links = new HashMap<>();

  /**
   * @param folder goes before every name; ends in '/' or is empty
   */
  TarIndex(String folder, Source source) {
    this.folder = folder;
    this.source = source;
  }

  @Override
  public void file(String where, String name, long offset, long size, InputStream content)
      throws IOException {
    Content found = source.of(where, name, offset, size, content);
    if (found != null) {
      put(contents, where, folder + name, found);
    }
  }

  @Override
  public void link(String where, String name, String target, boolean symbolic) {
    String from = symbolic ? FileTree.folder(plain(name)) + "/" : "";
    boolean absolute = symbolic && target.startsWith("/");
    String to = absolute ? null : plain(from + target);
    put(contents, where, folder + name, place -> dangling(place, target));
    links.put(plain(folder + name), to == null ? null : folder + to);
  }

  private static byte[] dangling(String place, String target) {
    throw new InputException(
        place + " is a link to " + target + ", which is no file of the archive");
  }

  /** Takes over what another index found; the two must not share a name. */
  void add(TarIndex other) {
    other.contents.forEach((path, content) -> put(contents, path, path, content));
    links.putAll(other.links);
  }

  /** All files, links among them. */
  Map<String, Content> resolved() {
    for (String link : links.keySet()) {
      String at = link;
      for (int step = 0; links.containsKey(at) && step < MAX_LINKS; step++) {
        at = links.get(at);
      }
      if (at != null && !links.containsKey(at) && contents.containsKey(at)) {
        contents.put(link, contents.get(at));
      }
    }
    return contents;
  }

  /** Adds a file under its plain path. */
  static void put(Map<String, Content> contents, String where, String name, Content content) {
    String path = plain(name);
    if (path == null || contents.put(path, content) != null) {
      throw new InputException(where + ": a second file named " + path + " in the archive");
    }
  }

  /** Without ".", ".." and empty parts; null if it leads out of the archive. */
  private static String plain(String name) {
    if (!name.contains("//") && !name.contains("./") && !name.startsWith("/")) {
      return name.equals("..") ? null : name;
    }
    Deque<String> parts = new ArrayDeque<>();
    for (String part : name.split("/")) {
      if (part.equals("..")) {
        if (parts.pollLast() == null) {
          return null;
        }
      } else if (!part.isEmpty() && !part.equals(".")) {
        parts.addLast(part);
      }
    }
    return String.join("/", parts);
  }
}
