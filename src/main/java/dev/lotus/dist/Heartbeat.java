package dev.lotus.dist;

import java.util.HashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Store;

/**
 * Tells the others that this process lives and what it is at, and finds out which one does not.
 * Each process writes a line into the store, every second or so; rank 0 reads all of them and
 * writes its verdict there, so that all name the same one. The others read the verdict, and see
 * rank 0 itself in the store that it serves.
 */
final class Heartbeat {
  private static final String BEAT = "beat/";
  private static final String VERDICT = "verdict";
  private static final String NONE = "none";

  /** So many beats left out, and a process counts as dead where another is in trouble. */
  private static final int MISSED = 5;

  private static final long MILLI = 1_000_000L;

  private static final String NO_STORE = "rank 0, which keeps the store, no longer answers";
  private static final String NETWORK = "the network between the ranks failed";

  /** What a process says of itself. */
  private enum State {
    WELL,
    /** A collective failed. */
    TROUBLE,
    /** It ends, for the reason given. */
    LEFT
  }

  /** Another process, as far as this one knows. */
  private static final class Peer {
    private String line = "";
    private long heard = System.nanoTime();
    private State state = State.WELL;
    private long sequence;
    private String what = "";
  }

  private final int rank;
  private final int size;
  private final Store store;
  private final long timeoutNanos;
  private final long silenceNanos;
  private final long beatNanos;
  private final Map<Integer, Peer> peers = new HashMap<>();
  private final BiConsumer<String, String> stuck;
  private final Thread thread = new Thread(this::run, "lotus-heartbeat");
  private State state = State.WELL;
  private String what = "the start";
  private String reason = "";
  private long sequence;
  private long beats;
  private long saidAt;
  private long troubleSince;
  private int collectives;
  private long collectiveBegan;
  private boolean delivered;
  private volatile long storeAnswered = System.nanoTime();
  private volatile boolean storeLost;
  private volatile String verdict;
  private volatile boolean closing;

  /**
   * @param client a connection to the store of this thread's own; blocks while it asks
   * @param silenceSeconds after which a process that says nothing is lost, although nobody else is
   *     in trouble
   * @param stuck is told the verdict, and what is under way, where the process's own thread does
   *     not come back from a collective: it waits for one that has left, whose connections are
   *     still there
   */
  Heartbeat(Place place, Store client, int silenceSeconds, BiConsumer<String, String> stuck) {
    rank = place.rank();
    size = place.size();
    store = client;
    this.stuck = stuck;
    timeoutNanos = place.timeoutSeconds() * 1_000_000_000L;
    silenceNanos = silenceSeconds * 1_000_000_000L;
    beatNanos = Math.min(500 * MILLI, timeoutNanos / 20);
    thread.setDaemon(true);
  }

  /** Once all processes have called {@link #announce}. */
  void start() {
    for (int other = 0; other < size; other++) {
      if (other != rank && (rank == 0 || other == 0)) {
        peers.put(other, new Peer());
      }
    }
    thread.start();
  }

  /** The first beat. */
  void announce() {
    if (rank == 0) {
      store.set(VERDICT, NONE);
    }
    beat();
  }

  /** The key that a process's first beat makes. */
  static String keyOf(int rank) {
    return BEAT + rank;
  }

  /** A collective begins, or other work that others may wait for. */
  synchronized void at(String now) {
    sequence++;
    what = now;
  }

  /** This process waits for the others, or will. */
  synchronized void begin() {
    collectives++;
    collectiveBegan = System.nanoTime();
  }

  /** It does not any more. */
  synchronized void end() {
    collectives--;
  }

  /**
   * A collective failed: says which process is the reason, once that is known.
   *
   * @return in words: {@code rank 1 no longer answers}
   */
  String culprit() {
    say(State.TROUBLE, "");
    long limit = System.nanoTime() + timeoutNanos + MISSED * beatNanos;
    while (System.nanoTime() < limit) {
      if (verdict != null) {
        synchronized (this) {
          delivered = true;
        }
        return verdict;
      }
      if (rank != 0 && (storeLost || System.nanoTime() - storeAnswered > 2 * MISSED * beatNanos)) {
        return NO_STORE;
      }
      pause(beatNanos / 4);
    }
    return NETWORK;
  }

  /** This process ends for a reason of its own, or because of the verdict. */
  void leave(String why) {
    say(State.LEFT, why);
    long limit = System.nanoTime() + 2 * MISSED * beatNanos;
    // The store ends with rank 0: it stays until the others know what happened.
    while (System.nanoTime() < limit && !storeLost && (rank == 0 ? !othersLeft() : !toldOnce())) {
      pause(beatNanos / 4);
    }
    closing = true;
  }

  private synchronized void say(State now, String why) {
    state = now;
    reason = why;
    saidAt = beats;
  }

  private synchronized boolean toldOnce() {
    return beats > saidAt + 1;
  }

  private synchronized boolean othersLeft() {
    long now = System.nanoTime();
    return peers.values().stream()
        .allMatch(peer -> peer.state == State.LEFT || now - peer.heard > MISSED * beatNanos);
  }

  /** The group ends as it should. */
  void close() {
    closing = true;
    thread.interrupt();
    try {
      thread.join(2000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** No more is asked of the store: its end is no failure any more. */
  void closing() {
    closing = true;
  }

  private void run() {
    long known = 0;
    while (!closing) {
      if (!storeLost) {
        try (PointerScope scope = new PointerScope()) {
          beat();
          look();
          storeAnswered = System.nanoTime();
        } catch (RuntimeException e) {
          // The store's end: of rank 0, or of the way to it.
          storeLost = true;
          verdict = verdict == null ? NO_STORE : verdict;
        }
      }
      if (verdict != null && known == 0) {
        known = System.nanoTime();
      }
      if (known != 0 && !closing && isStuck(known)) {
        stuck(verdict);
        return;
      }
      pause(beatNanos);
    }
  }

  /** A process that is at its own work, as writing a checkpoint, will see for itself. */
  private synchronized boolean isStuck(long known) {
    long since = Math.max(known, collectiveBegan);
    return !delivered && collectives > 0 && System.nanoTime() - since > MISSED * beatNanos;
  }

  /** The verdict is known, but the process's own thread does not come back from a collective. */
  private void stuck(String known) {
    String where;
    synchronized (this) {
      where = what;
      if (state == State.LEFT) {
        return;
      }
    }
    if (!storeLost) {
      say(State.LEFT, known);
      try (PointerScope scope = new PointerScope()) {
        beat();
      } catch (RuntimeException e) {
        storeLost = true;
      }
    }
    stuck.accept(known, where);
  }

  private void beat() {
    String line;
    synchronized (this) {
      line = beats + "|" + sequence + "|" + state + "|" + (reason.isEmpty() ? what : reason);
    }
    store.set(keyOf(rank), line);
    synchronized (this) {
      beats++;
    }
  }

  private void look() {
    if (rank != 0) {
      String found = store.get_to_str(VERDICT);
      if (!NONE.equals(found)) {
        verdict = found;
      }
      return;
    }
    for (Map.Entry<Integer, Peer> entry : peers.entrySet()) {
      String line = store.get_to_str(keyOf(entry.getKey()));
      synchronized (this) {
        hear(entry.getValue(), line);
      }
    }
    if (verdict == null) {
      String found = judge();
      if (found != null) {
        store.set(VERDICT, found);
        verdict = found;
      }
    }
  }

  private static void hear(Peer peer, String line) {
    if (line.equals(peer.line)) {
      return;
    }
    peer.line = line;
    peer.heard = System.nanoTime();
    String[] parts = line.split("\\|", 4);
    peer.sequence = Long.parseLong(parts[1]);
    peer.state = State.valueOf(parts[2]);
    peer.what = parts[3];
  }

  /** Rank 0's: which process is lost, in words; null while none is known to be. */
  private synchronized String judge() {
    long now = System.nanoTime();
    if (state == State.LEFT) {
      return "rank 0 ended: " + reason;
    }
    boolean trouble = state == State.TROUBLE;
    int silent = -1;
    int behind = 0;
    long least = sequence;
    long most = sequence;
    for (Map.Entry<Integer, Peer> entry : peers.entrySet()) {
      Peer peer = entry.getValue();
      if (peer.state == State.LEFT) {
        return "rank " + entry.getKey() + " ended: " + peer.what;
      }
      trouble |= peer.state == State.TROUBLE;
      if (silent < 0 || peer.heard < peers.get(silent).heard) {
        silent = entry.getKey();
      }
      most = Math.max(most, peer.sequence);
      if (peer.sequence < least) {
        least = peer.sequence;
        behind = entry.getKey();
      }
    }
    Peer quietest = peers.get(silent);
    long quiet = now - quietest.heard;
    if (quiet > silenceNanos || (trouble && quiet > MISSED * beatNanos)) {
      return "rank "
          + silent
          + " no longer answers (silent for "
          + quiet / 1_000 / MILLI
          + " s, last at: "
          + quietest.what
          + ")";
    }
    if (!trouble) {
      troubleSince = 0;
      return null;
    }
    if (troubleSince == 0) {
      troubleSince = now;
    }
    // All are alive: the one that is behind the others keeps them waiting.
    if (now - troubleSince < 2 * MISSED * beatNanos) {
      return null;
    }
    String at = behind == 0 ? what : peers.get(behind).what;
    return least < most ? "rank " + behind + " is alive but hangs (at: " + at + ")" : NETWORK;
  }

  private static void pause(long nanos) {
    try {
      Thread.sleep(nanos / MILLI, (int) (nanos % MILLI));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
