package dev.lotus.load;

import dev.lotus.data.ImageSet;
import dev.lotus.data.Normalization;
import dev.lotus.device.ComputeDevice;
import dev.lotus.dist.Shards;
import dev.lotus.kernel.GatherAugment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.PointerScope;

/**
 * Makes batches of an image set. Background threads prepare the next {@value HostBatches#AHEAD}
 * batches ({@value CudaBatches#AHEAD} for a GPU) as bytes while the model computes: one thread, or
 * one a processor where images have to be decoded. They never touch libtorch, so none of its memory
 * is made there. The calling thread turns bytes into tensors, by {@link GatherAugment}; a GPU does
 * so itself, from copies that nobody waits for, or from all images at once where they fit into its
 * memory.
 *
 * <pre>{@code
 * try (BatchLoader loader = new BatchLoader(images, normalization, augmentation, 128, device)) {
 *   Iterator<Batch> batches = loader.epoch(order.shuffled(seed, epoch), epoch, seed);
 *   while (batches.hasNext()) {
 *     try (PointerScope step = new PointerScope()) {
 *       Batch batch = batches.next();
 *     }
 *   }
 * }
 * }</pre>
 *
 * <p>To be used by one thread at a time. {@link #close} stops the threads and waits for them.
 */
public final class BatchLoader implements AutoCloseable {
  private final ImageSet images;
  private final Augmentation augmentation;
  private final int batchSize;
  private final Shards shards;
  private final ComputeDevice device;
  private final ResidentImages.Rule rule;
  private final BatchMaker maker;
  private final int workers;
  private final List<Thread> threads = new CopyOnWriteArrayList<>();
  private final ThreadPoolExecutor background;

  /**
   * Not in use; the next epoch takes them, so that direct buffers do not wait for the collector.
   */
  private final ArrayDeque<Slot> idle = new ArrayDeque<>();

  private ResidentImages resident;

  /**
   * Prepares nothing yet; the threads start with the first epoch.
   *
   * @param normalization of as many channels as the images have
   * @param batchSize rows of every batch but the last of an epoch, which has what is left; at least
   *     1
   * @param device where the tensors go
   */
  public BatchLoader(
      ImageSet images,
      Normalization normalization,
      Augmentation augmentation,
      int batchSize,
      ComputeDevice device) {
    this(
        images,
        normalization,
        augmentation,
        whole(batchSize),
        device,
        ResidentImages.Rule.on(device));
  }

  /**
   * The same for one of several processes: it makes its own rows of each batch, which may be none
   * of the last.
   */
  public BatchLoader(
      ImageSet images,
      Normalization normalization,
      Augmentation augmentation,
      Shards shards,
      ComputeDevice device) {
    this(images, normalization, augmentation, shards, device, ResidentImages.Rule.on(device));
  }

  /** With a rule of one's own about resident images; the same batches by any. */
  BatchLoader(
      ImageSet images,
      Normalization normalization,
      Augmentation augmentation,
      Shards shards,
      ComputeDevice device,
      ResidentImages.Rule rule) {
    this.images = images;
    if (normalization.channels() != images.channels()) {
      throw new IllegalArgumentException(
          "normalisation has "
              + normalization.channels()
              + " channels, images "
              + images.channels());
    }
    GatherAugment moves =
        new GatherAugment(
            images.height(),
            images.width(),
            0,
            augmentation.edgePadding() ? GatherAugment.PadMode.EDGE : GatherAugment.PadMode.ZERO,
            0,
            normalization.mean(),
            normalization.std());
    this.augmentation = Objects.requireNonNull(augmentation);
    this.batchSize = shards.batch();
    this.shards = shards;
    this.device = Objects.requireNonNull(device);
    this.rule = augmentation.movesOnly() ? rule : ResidentImages.Rule.NEVER;
    maker = device.cuda() ? new CudaBatches(images, moves, device) : new HostBatches(images, moves);
    workers = images.decodes() ? Runtime.getRuntime().availableProcessors() : 1;
    background =
        new ThreadPoolExecutor(
            workers, workers, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), this::thread);
  }

  private static Shards whole(int batchSize) {
    if (batchSize < 1) {
      throw new IllegalArgumentException("batch size " + batchSize + ": must be at least 1");
    }
    return Shards.whole(batchSize);
  }

  private Thread thread(Runnable task) {
    Runnable there =
        () -> {
          device.makeCurrent();
          task.run();
        };
    Thread thread = new Thread(there, "lotus-prefetch");
    thread.setDaemon(true);
    threads.add(thread);
    return thread;
  }

  /**
   * The batches of one epoch, each made by {@code next()} inside the innermost scope open at that
   * call. What goes wrong in the background is thrown by {@code next()}. An epoch may be left
   * unfinished.
   *
   * @param order the images, in order
   * @param epoch number of the epoch, for the augmentation
   * @param seed seed of the augmentation: what happens to an image depends on (seed, epoch, its
   *     position in the order)
   * @throws IllegalArgumentException if an index is not in the image set, or a batch is too large
   *     for one buffer of 2^31 bytes
   * @throws IllegalStateException if the loader is closed
   */
  public Iterator<Batch> epoch(EpochOrder order, long epoch, long seed) {
    return epoch(order, epoch, seed, 0);
  }

  /**
   * The rest of an epoch that was left: the same batches as its iterator would have gone on with.
   * No image before them is read.
   *
   * @param from rows that were delivered before
   */
  public Iterator<Batch> epoch(EpochOrder order, long epoch, long seed, int from) {
    if (from < 0 || from > order.size()) {
      throw new IllegalArgumentException(
          "an epoch of " + order.size() + " rows cannot begin at row " + from);
    }
    for (int index : order.indices()) {
      if (index < 0 || index >= images.size()) {
        throw new IllegalArgumentException(
            "the order has the index " + index + ", but there are " + images.size() + " images");
      }
    }
    requireOpen();
    if (resident == null) {
      resident = ResidentImages.acquire(images, device, rule, order.size());
    }
    int rest = (order.size() - from) % batchSize;
    int maxRows = Math.max(shards.own(Math.min(batchSize, order.size() - from)), shards.own(rest));
    if (Slot.bytes(images, maxRows, resident == null) > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "a batch of "
              + maxRows
              + " images with "
              + images.imageBytes()
              + " values does not fit one buffer of 2^31 bytes");
    }
    return new Epoch(order, epoch, seed, maxRows, from);
  }

  private void requireOpen() {
    if (background.isShutdown()) {
      throw new IllegalStateException("the loader is closed");
    }
  }

  /**
   * Stops the background threads and waits until they have ended. They are not interrupted: an
   * interrupt would close the archive or the cache that a thread is just reading, for good. What is
   * still queued is left there and ends at its first row: a thread that has seen a queued part
   * would wait for ever for one that somebody takes away.
   */
  @Override
  public void close() {
    background.shutdown();
    boolean interrupted = false;
    while (true) {
      try {
        if (background.awaitTermination(1, TimeUnit.MINUTES)) {
          // An executor counts as terminated shortly before its thread has ended.
          for (Thread thread : threads) {
            thread.join();
          }
          break;
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    try {
      maker.close();
    } finally {
      if (resident != null) {
        resident.release();
        resident = null;
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * The last epoch's, where they are large enough; one that an epoch left unfinished is not here.
   */
  private Slot idleSlot(int rows) {
    Slot slot = idle.poll();
    boolean withPixels = resident == null;
    if (slot != null && slot.capacity() >= rows && slot.hasPixels() == withPixels) {
      return slot;
    }
    return maker.slot(rows, withPixels);
  }

  /** A batch under way, and the parts that several threads fill. */
  private record Prepared(Slot slot, List<Future<?>> parts) {}

  private final class Epoch implements Iterator<Batch> {
    private final EpochOrder order;
    private final long epoch;
    private final long seed;
    private final ArrayDeque<Prepared> prepared = new ArrayDeque<>();
    private int requested;
    private int delivered;
    private boolean failed;

    Epoch(EpochOrder order, long epoch, long seed, int maxRows, int from) {
      requested = from;
      delivered = from;
      this.order = order;
      this.epoch = epoch;
      this.seed = seed;
      for (int i = 0; i < maker.ahead() && requested < order.size(); i++) {
        request(idleSlot(maxRows));
      }
    }

    private void request(Slot slot) {
      int whole = Math.min(batchSize, order.size() - requested);
      int start = requested + shards.from(whole, shards.rank());
      slot.rows = shards.own(whole);
      requested += whole;
      List<Future<?>> parts = new ArrayList<>();
      for (int w = 0; w < workers; w++) {
        int from = (int) ((long) slot.rows * w / workers);
        int to = (int) ((long) slot.rows * (w + 1) / workers);
        parts.add(background.submit(() -> fill(slot, start, from, to)));
      }
      prepared.add(new Prepared(slot, parts));
    }

    /** Runs in the background: rows {@code from} to before {@code to} of one batch. */
    private void fill(Slot slot, int start, int from, int to) {
      if (slot.landing != null) {
        slot.landing.awaitCopied();
      }
      byte[] image = slot.hasPixels() ? new byte[images.imageBytes()] : null;
      for (int row = from; row < to; row++) {
        if (background.isShutdown()) {
          throw new CancellationException("the loader was closed");
        }
        Augmentation.Change change = augmentation.draw(seed, epoch, start + row);
        if (image != null) {
          images.read(order.indices()[start + row], image, 0);
          change = change.onPixels(image, images);
        }
        slot.put(row, image, change, order, start + row);
      }
    }

    @Override
    public boolean hasNext() {
      return delivered < order.size();
    }

    @Override
    public Batch next() {
      if (!hasNext()) {
        throw new NoSuchElementException("the epoch has " + order.size() + " rows, all delivered");
      }
      requireOpen();
      if (failed) {
        throw new IllegalStateException("the epoch ended with a failure");
      }
      if (PointerScope.getInnerScope() == null) {
        throw new IllegalStateException("a batch needs an open PointerScope that will free it");
      }
      // Whatever is thrown from here on leaves batches and positions out of step.
      failed = true;
      Slot slot = await(prepared.remove());
      Batch batch = batch(slot);
      delivered += batch.whole();
      if (requested < order.size()) {
        request(slot);
      } else {
        idle.add(slot);
      }
      failed = false;
      return batch;
    }

    private Batch batch(Slot slot) {
      int whole = Math.min(batchSize, order.size() - delivered);
      int start = delivered + shards.from(whole, shards.rank());
      long[] samples = new long[slot.rows];
      Arrays.setAll(samples, row -> start + row);
      int end = start + slot.rows;
      return maker.batch(
          slot,
          slot.hasPixels() ? null : resident,
          new Batch.Rows(
              Arrays.copyOfRange(order.isForget(), start, end),
              samples,
              Arrays.copyOfRange(order.indices(), start, end),
              delivered,
              whole));
    }
  }

  private static Slot await(Prepared prepared) {
    try {
      for (Future<?> part : prepared.parts()) {
        part.get();
      }
      return prepared.slot();
    } catch (ExecutionException e) {
      // The background's own exception keeps its meaning, bad input above all; where it was met is
      // added.
      Throwable cause = e.getCause();
      cause.addSuppressed(new IllegalStateException("while waiting for the next batch"));
      if (cause instanceof RuntimeException failure) {
        throw failure;
      }
      if (cause instanceof Error error) {
        throw error;
      }
      throw new IllegalStateException("preparing a batch failed: " + cause.getMessage(), cause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for the next batch", e);
    }
  }
}
