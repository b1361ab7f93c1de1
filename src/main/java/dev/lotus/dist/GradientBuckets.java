package dev.lotus.dist;

import dev.lotus.device.NativeScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.VoidTensorHook;
import org.bytedeco.pytorch.global.torch;

/**
 * Sums the gradients over the processes while the backward pass goes on. Parameters are put into
 * buckets from the last to the first, as the backward pass reaches them (Li et al., PyTorch
 * Distributed, VLDB 2020); a bucket is sent once all its gradients are there. The first is small,
 * so that sending begins early.
 *
 * <p>Used by one thread at a time; the backward pass may be on another.
 */
public final class GradientBuckets implements AutoCloseable {
  private static final long FIRST_BYTES = 1L << 20;
  private static final long BUCKET_BYTES = 25L << 20;

  /** JavaCPP has 10 instances of a callback's class. */
  private static final int MOST_BUCKETS = 8;

  private final WorkerGroup group;
  private final List<Tensor> parameters;
  private final List<Bucket> buckets = new ArrayList<>();
  private final int[] hookIds;
  private int backwards;
  private int sent;
  private Tensor flags;
  private volatile boolean armed;
  private volatile RuntimeException failure;

  /** Some parameters, and the room where their gradients lie side by side. */
  private final class Bucket {
    private final int[] members;
    private final Tensor flat;
    private final List<Tensor> views = new ArrayList<>();
    private final VoidTensorHook hook;
    private int fired;
    private WorkerGroup.Pending pending;

    Bucket(int[] members) {
      this.members = members;
      try (PointerScope scope = new PointerScope()) {
        long length = 0;
        for (int member : members) {
          length += parameters.get(member).numel();
        }
        Tensor like = parameters.get(members[0]);
        flat = NativeScope.own(torch.zeros(new long[] {length}, like.options()));
        long start = 0;
        for (int member : members) {
          Tensor p = parameters.get(member);
          // In the parameter's own order in memory, which is the gradient's as a rule.
          views.add(
              NativeScope.own(
                  flat.narrow(0, start, p.numel())
                      .as_strided(p.sizes(), p.strides(), new LongOptional(start))));
          start += p.numel();
        }
      }
      hook =
          NativeScope.own(
              new VoidTensorHook() {
                @Override
                public void call(TensorBase gradient) {
                  fired(Bucket.this);
                }
              });
    }

    boolean complete() {
      return fired >= members.length * backwards;
    }

    /** Puts the gradients side by side and begins to sum. */
    void send() {
      try (PointerScope scope = new PointerScope();
          NoGradGuard noGrad = new NoGradGuard()) {
        for (int i = 0; i < members.length; i++) {
          Tensor gradient = parameters.get(members[i]).mutable_grad();
          if (gradient.defined()) {
            views.get(i).copy_(gradient);
          } else {
            views.get(i).zero_();
          }
        }
      }
      pending = group.sumLater(flat, "gradients");
    }

    /** The sums become the gradients. */
    void take(boolean[] anywhere) {
      pending.await();
      pending = null;
      for (int i = 0; i < members.length; i++) {
        Tensor gradient = parameters.get(members[i]).mutable_grad();
        if (gradient.defined()) {
          gradient.set_data(views.get(i));
        } else if (anywhere != null && anywhere[members[i]]) {
          gradient.put(views.get(i));
        }
      }
    }

    void close() {
      NativeScope.release(hook);
      views.forEach(NativeScope::release);
      NativeScope.release(flat);
    }
  }

  /**
   * @param parameters leaves that stay where they are in memory order and device
   */
  public GradientBuckets(WorkerGroup group, List<Tensor> parameters) {
    this.group = group;
    this.parameters = parameters;
    long all = 0;
    for (Tensor p : parameters) {
      all += p.numel() * p.element_size();
    }
    long limit = Math.max(BUCKET_BYTES, (all - 1) / (MOST_BUCKETS - 2) + 1);
    List<Integer> members = new ArrayList<>();
    long bytes = 0;
    for (int i = parameters.size() - 1; i >= 0; i--) {
      members.add(i);
      bytes += parameters.get(i).numel() * parameters.get(i).element_size();
      if (bytes >= (buckets.isEmpty() ? FIRST_BYTES : limit) || i == 0) {
        buckets.add(new Bucket(members.stream().mapToInt(m -> m).toArray()));
        members.clear();
        bytes = 0;
      }
    }
    hookIds = new int[parameters.size()];
    for (Bucket bucket : buckets) {
      for (int member : bucket.members) {
        hookIds[member] = parameters.get(member).register_hook(bucket.hook);
      }
    }
  }

  /**
   * A step begins: gradients are clear.
   *
   * @param passes backward passes it will take, each through all parameters
   * @param words a few numbers to be summed over the processes on the way
   */
  public void begin(int passes, float... words) {
    backwards = passes;
    sent = 0;
    for (Bucket bucket : buckets) {
      bucket.fired = 0;
    }
    try (PointerScope scope = new PointerScope()) {
      flags = NativeScope.own(torch.tensor(words));
    }
    armed = true;
  }

  /**
   * Called before a gradient is added to its parameter: those of earlier calls have been. Buckets
   * go in one order, the same in all processes.
   */
  private void fired(Bucket bucket) {
    if (!armed) {
      return;
    }
    try {
      sendComplete();
      bucket.fired++;
    } catch (RuntimeException e) {
      // Thrown by finish: it would lose its class on the way through the backward pass.
      failure = e;
      armed = false;
    }
  }

  private void sendComplete() {
    while (sent < buckets.size() && buckets.get(sent).complete()) {
      buckets.get(sent++).send();
    }
  }

  /**
   * The backward passes are over, or there were none for want of rows: waits for the sums, which
   * take the gradients' places.
   *
   * @param leftOut whether some process had no rows, and so no gradients; the same in all
   * @param more is summed too, in place; null = nothing
   * @return the sums of the words
   * @throws RankLostException if a process does not come
   */
  public float[] finish(boolean leftOut, Tensor more) {
    armed = false;
    if (failure != null) {
      throw failure;
    }
    while (sent < buckets.size()) {
      buckets.get(sent++).send();
    }
    try (PointerScope scope = new PointerScope()) {
      WorkerGroup.Pending words = group.sumLater(flags, "flags");
      WorkerGroup.Pending others = more == null ? () -> {} : group.sumLater(more, "statistics");
      boolean[] anywhere = leftOut ? anywhere() : null;
      for (Bucket bucket : buckets) {
        bucket.take(anywhere);
      }
      words.await();
      others.await();
      float[] sums = new float[(int) flags.numel()];
      new FloatPointer(flags.data_ptr()).get(sums);
      return sums;
    } finally {
      NativeScope.release(flags);
    }
  }

  /** Which parameters have a gradient in some process. */
  private boolean[] anywhere() {
    byte[] here = new byte[parameters.size()];
    for (int i = 0; i < here.length; i++) {
      here[i] = (byte) (parameters.get(i).mutable_grad().defined() ? 1 : 0);
    }
    int[] counts = new int[here.length];
    Arrays.setAll(counts, i -> here[i]);
    Tensor sum = torch.tensor(counts);
    group.sum(sum, "gradients' presence");
    new IntPointer(sum.data_ptr()).get(counts);
    boolean[] anywhere = new boolean[counts.length];
    for (int i = 0; i < counts.length; i++) {
      anywhere[i] = counts[i] > 0;
    }
    return anywhere;
  }

  /** The hooks go; gradients that lie in a bucket's room keep it alive. */
  @Override
  public void close() {
    for (int i = 0; i < hookIds.length; i++) {
      parameters.get(i).remove_hook(hookIds[i]);
    }
    buckets.forEach(Bucket::close);
  }
}
