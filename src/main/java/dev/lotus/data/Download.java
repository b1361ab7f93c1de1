package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Fetches a published file over HTTP. What has arrived is kept in {@code NAME.part}, so that a
 * connection that is cut or all but stands still, or a run that is ended, goes on where it was. The
 * file gets its name only when its size and checksum are right; bytes that are wrong are deleted.
 * Two runs never write the same file: the second is told so.
 */
public final class Download {
  private static final int ATTEMPTS = 5;
  private static final int MAX_REDIRECTS = 5;
  private static final int CONNECT_MS = 15_000;

  /** What a connection must bring in {@link #windowMs}, or it counts as cut. */
  private static final int WINDOW_BYTES = 32 << 10;

  private static final int WINDOW_MS = 30_000;

  /** Told how far a file is. */
  public interface Listener {
    void progress(long done, long total);
  }

  /** The server's answer was final: another attempt would get it again. */
  private static final class Refused extends IOException {
    private static final long serialVersionUID = 1L;

    Refused(String message) {
      super(message);
    }
  }

  private final int pauseMs;
  private final int windowMs;
  private final Listener listener;

  /**
   * @param pauseMs wait before the second attempt, twice as long before each further one
   */
  public Download(int pauseMs, Listener listener) {
    this(pauseMs, WINDOW_MS, listener);
  }

  /**
   * @param windowMs how long a connection may bring nothing, or fewer than 32 KiB
   */
  Download(int pauseMs, int windowMs, Listener listener) {
    this.pauseMs = pauseMs;
    this.windowMs = windowMs;
    this.listener = listener;
  }

  /**
   * Fetches one file, unless it is there and right already.
   *
   * @return where it is
   * @throws InputException if it cannot be had, or is not the published file
   */
  public Path fetch(Catalog.File file, Path folder) {
    Path target = folder.resolve(file.name());
    Path part = folder.resolve(file.name() + ".part");
    try {
      Files.createDirectories(folder);
      try (FileChannel guarded = guard(part)) {
        try {
          return fetchAlone(file, target, part);
        } finally {
          deleteEmpty(part);
        }
      }
    } catch (IOException e) {
      throw new InputException(
          "cannot fetch " + file.address() + " to " + folder + ": " + AtomicFiles.reason(e), e);
    }
  }

  private Path fetchAlone(Catalog.File file, Path target, Path part) throws IOException {
    if (Files.isRegularFile(target)) {
      requireSame(target, file);
      return target;
    }
    requireRoom(target.getParent(), file, part);
    arrive(file, part);
    try {
      verify(part, file);
    } catch (InputException e) {
      Files.deleteIfExists(part);
      throw new InputException(file.address() + " is not the published file: " + e.getMessage(), e);
    }
    Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    return target;
  }

  /** Keeps others from the file as long as it is open. */
  private static FileChannel guard(Path part) throws IOException {
    FileChannel channel =
        FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (channel.tryLock() != null) {
        return channel;
      }
    } catch (OverlappingFileLockException e) {
      channel.close();
      throw new IOException("another download is writing " + part, e);
    }
    channel.close();
    throw new IOException("another download is writing " + part);
  }

  private static void requireSame(Path target, Catalog.File file) {
    try {
      verify(target, file);
    } catch (InputException e) {
      throw new InputException(e.getMessage() + "; move it away to fetch it anew", e);
    }
  }

  private static void deleteEmpty(Path part) throws IOException {
    if (Files.exists(part) && Files.size(part) == 0) {
      Files.delete(part);
    }
  }

  /** Begins again, in the same file: a deleted one would be nobody's any more. */
  private static void empty(Path part) throws IOException {
    Files.newOutputStream(part).close();
  }

  private static void requireRoom(Path folder, Catalog.File file, Path part) throws IOException {
    long there = Files.exists(part) ? Files.size(part) : 0;
    long room = Files.getFileStore(folder.toAbsolutePath()).getUsableSpace();
    if (room < file.bytes() - there) {
      throw new IOException(
          file.bytes() - there + " bytes are needed in " + folder + ", " + room + " are free");
    }
  }

  private void arrive(Catalog.File file, Path part) throws IOException {
    long pause = pauseMs;
    for (int attempt = 1; ; attempt++) {
      try {
        transfer(file, part);
        return;
      } catch (Refused e) {
        throw e;
      } catch (IOException e) {
        if (attempt == ATTEMPTS) {
          throw new IOException(
              "gave up after "
                  + ATTEMPTS
                  + " attempts, the last one said: "
                  + AtomicFiles.reason(e)
                  + "; the next run goes on at byte "
                  + (Files.exists(part) ? Files.size(part) : 0),
              e);
        }
        sleep(pause);
        pause *= 2;
      }
    }
  }

  private static void sleep(long ms) throws IOException {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Refused("interrupted");
    }
  }

  private void transfer(Catalog.File file, Path part) throws IOException {
    long there = Files.exists(part) ? Files.size(part) : 0;
    if (there > file.bytes()) {
      empty(part);
      there = 0;
    }
    if (there == file.bytes()) {
      return;
    }
    HttpURLConnection connection = connect(file.address(), there);
    if (connection == null) {
      empty(part);
      throw new IOException("the server has nothing from byte " + there + " on");
    }
    try (InputStream in = connection.getInputStream()) {
      boolean resumed =
          connection.getResponseCode() == HttpURLConnection.HTTP_PARTIAL
              && String.valueOf(connection.getHeaderField("Content-Range"))
                  .startsWith("bytes " + there + "-");
      if (!resumed) {
        // The server sends everything from the start, whatever was asked.
        empty(part);
        there = 0;
      }
      requireLength(connection, file, there);
      copy(in, part, there, file.bytes());
    } finally {
      connection.disconnect();
    }
    long now = Files.size(part);
    if (now < file.bytes()) {
      throw new IOException(
          "the connection was cut after " + now + " of " + file.bytes() + " bytes");
    }
  }

  private static void requireLength(HttpURLConnection connection, Catalog.File file, long there)
      throws IOException {
    long length = connection.getContentLengthLong();
    if (length >= 0 && length != file.bytes() - there) {
      throw new Refused(
          "the server says "
              + (there + length)
              + " bytes, the published file has "
              + file.bytes()
              + ": it is another file");
    }
  }

  private void copy(InputStream in, Path part, long there, long total) throws IOException {
    byte[] buffer = new byte[1 << 16];
    long done = there;
    try (OutputStream out =
        Files.newOutputStream(part, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      long since = System.nanoTime();
      long before = done;
      for (int got; (got = in.read(buffer)) >= 0; ) {
        done += got;
        if (done > total) {
          empty(part);
          throw new Refused("the server sends more than the " + total + " bytes of the file");
        }
        out.write(buffer, 0, got);
        listener.progress(done, total);
        if (System.nanoTime() - since >= windowMs * 1_000_000L) {
          if (done - before < WINDOW_BYTES && done < total) {
            throw stalled(done - before);
          }
          since = System.nanoTime();
          before = done;
        }
      }
    } catch (SocketTimeoutException e) {
      throw stalled(0);
    }
  }

  private IOException stalled(long bytes) {
    return new IOException(
        "the connection stands still: " + bytes + " bytes in " + windowMs / 1000.0 + " s");
  }

  /**
   * Follows redirects itself: the JVM's own way stops where http turns into https.
   *
   * @return null if the server has no such range, so that what is there cannot be its beginning
   */
  private HttpURLConnection connect(URI address, long from) throws IOException {
    URI at = address;
    for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
      HttpURLConnection connection = (HttpURLConnection) at.toURL().openConnection();
      connection.setInstanceFollowRedirects(false);
      connection.setConnectTimeout(CONNECT_MS);
      connection.setReadTimeout(windowMs);
      connection.setRequestProperty("Accept-Encoding", "identity");
      if (from > 0) {
        connection.setRequestProperty("Range", "bytes=" + from + "-");
      }
      int status = connection.getResponseCode();
      if (status == 200 || status == 206) {
        return connection;
      }
      connection.disconnect();
      if (status == 416 && from > 0) {
        return null;
      }
      String next = connection.getHeaderField("Location");
      if (status / 100 != 3 || next == null) {
        String what = "the server answered " + status;
        // Overload and server errors may pass; what the client did wrong will not.
        throw status / 100 == 5 || status == 429 ? new IOException(what) : new Refused(what);
      }
      URI target = at.resolve(next);
      boolean downgrade = "https".equals(at.getScheme()) && !"https".equals(target.getScheme());
      if (downgrade || !String.valueOf(target.getScheme()).matches("https?")) {
        throw new Refused("the server redirects to " + target);
      }
      at = target;
    }
    throw new Refused("more than " + MAX_REDIRECTS + " redirects");
  }

  /**
   * Compares a file's size and checksum with the published ones.
   *
   * @throws InputException saying what differs
   */
  public static void verify(Path path, Catalog.File file) {
    String[] sum = file.sum().split(":");
    try {
      long size = Files.size(path);
      if (size != file.bytes()) {
        throw new InputException(
            path + " has " + size + " bytes, the published file " + file.bytes());
      }
      MessageDigest digest = MessageDigest.getInstance(sum[0].equals("sha256") ? "SHA-256" : "MD5");
      try (InputStream in = Files.newInputStream(path)) {
        byte[] buffer = new byte[1 << 16];
        for (int got; (got = in.read(buffer)) >= 0; ) {
          digest.update(buffer, 0, got);
        }
      }
      String found = HexFormat.of().formatHex(digest.digest());
      if (!found.equals(sum[1])) {
        throw new InputException(
            path + " has the " + sum[0] + " " + found + ", the published file " + sum[1]);
      }
    } catch (IOException e) {
      throw new InputException("cannot read " + path + ": " + AtomicFiles.reason(e), e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256 and MD5", e);
    }
  }
}
