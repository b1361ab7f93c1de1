package dev.lotus.dist;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.NativeScope;
import dev.lotus.device.TorchRuntime;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.Backend;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.PrefixStore;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.StringVector;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.gloo.Device;

/**
 * A group over c10d: rank 0 serves a TCP store in which all meet, Gloo carries tensors of the CPU
 * and NCCL those of GPUs.
 */
public final class C10dGroup implements WorkerGroup {
  /** The network interface that Gloo listens on, as with PyTorch; else the way to the master. */
  private static final String INTERFACE = "GLOO_SOCKET_IFNAME";

  /** Exit status of a process that another one was lost to. */
  public static final int LOST = 3;

  private static final int GLOO_THREADS = 2;

  /** Seconds without a heartbeat after which a process on a GPU is lost. */
  private static final int NCCL_SILENCE = 30;

  private final Place place;
  private final Store store;
  private final List<Pointer> owned = new ArrayList<>();
  private final Heartbeat heartbeat;
  private final Backend gloo;
  private final Backend nccl;
  private String doing = "the start";
  private long bytesSent;
  private int exchanges;
  private boolean broken;

  private C10dGroup(Place place, ComputeDevice device) {
    this.place = place;
    store = store(true);
    // NCCL itself says nothing of a lost process before the timeout.
    int silence = device.cuda() ? NCCL_SILENCE : place.timeoutSeconds();
    heartbeat =
        new Heartbeat(
            place, store(false), Math.min(silence, place.timeoutSeconds()), C10dGroup::halt);
    try (PointerScope scope = new PointerScope()) {
      heartbeat.announce();
      requireAll();
      heartbeat.start();
      gloo = own(gloo());
      nccl = device.cuda() ? own(NcclBackend.open(store, place, timeout(), device)) : null;
    }
  }

  /**
   * Waits for the others.
   *
   * @param device whose tensors are sent, beside the CPU's
   * @throws InputException where the store cannot be served or reached, or a rank does not come in
   *     time, with its number
   */
  public static WorkerGroup open(Place place, ComputeDevice device) {
    if (place.alone()) {
      return ALONE;
    }
    TorchRuntime.loadOnce();
    // TORCH_CPP_LOG_LEVEL: c10d logs each lost connection with a stack.
    torch.initLogging();
    return new C10dGroup(place, device);
  }

  private <P extends Pointer> P own(P pointer) {
    owned.add(NativeScope.own(pointer));
    return pointer;
  }

  private Milliseconds timeout() {
    return new Milliseconds(place.timeoutSeconds() * 1000L);
  }

  /**
   * @param first rank 0's first connection serves the store
   */
  private Store store(boolean first) {
    try (PointerScope scope = new PointerScope()) {
      TCPStoreOptions options = new TCPStoreOptions();
      options
          .port((short) place.masterPort())
          .isServer(first && place.rank() == 0 && !place.agentStore())
          .waitWorkers(false)
          .timeout(new Milliseconds(place.timeoutSeconds() * 1000L));
      // Kept too: the binding's prefix does not keep what it stands before.
      Store tcp = own(new TCPStore(place.masterAddress(), options));
      return own(new PrefixStore("lotus/" + place.attempt(), tcp));
    } catch (RuntimeException e) {
      String where = place.masterAddress() + ":" + place.masterPort();
      throw new InputException(
          place.rank() == 0 && !place.agentStore()
              ? "MASTER_PORT: rank 0 cannot serve at "
                  + where
                  + " ("
                  + TorchRuntime.firstLine(e)
                  + "); give a free port of this host"
              : "rank "
                  + place.rank()
                  + " does not reach rank 0 at "
                  + where
                  + " within "
                  + place.timeoutSeconds()
                  + " s: look at MASTER_ADDR, MASTER_PORT and whether rank 0 runs",
          e);
    }
  }

  private void requireAll() {
    StringVector keys = new StringVector();
    for (int rank = 0; rank < place.size(); rank++) {
      keys.push_back(Heartbeat.keyOf(rank));
    }
    try {
      store._wait(keys, timeout());
    } catch (RuntimeException e) {
      StringBuilder missing = new StringBuilder();
      for (int rank = 0; rank < place.size(); rank++) {
        if (!store.check(new StringVector(Heartbeat.keyOf(rank)))) {
          missing.append(missing.length() == 0 ? "" : ", ").append(rank);
        }
      }
      throw new InputException(
          "of "
              + place.size()
              + " ranks these did not come within "
              + place.timeoutSeconds()
              + " s: "
              + missing
              + "; look at their output",
          e);
    }
  }

  private Backend gloo() {
    ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create(timeout());
    options.devices(new GlooDeviceVector(glooDevice()));
    options.threads(GLOO_THREADS);
    try {
      return new ProcessGroupGloo(store, place.rank(), place.size(), options);
    } catch (RuntimeException e) {
      throw lost("connecting", e);
    }
  }

  private Device glooDevice() {
    String named = System.getenv(INTERFACE);
    if (named != null && !named.isBlank()) {
      try {
        return ProcessGroupGloo.createDeviceForInterface(named.strip());
      } catch (RuntimeException e) {
        throw new InputException(
            INTERFACE + "=" + named + ": " + TorchRuntime.firstLine(e) + "; see `ip addr`", e);
      }
    }
    // The address by which the others see this host: the one it has on the way to the master.
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(InetAddress.getByName(place.masterAddress()), place.masterPort());
      return ProcessGroupGloo.createDeviceForHostname(socket.getLocalAddress().getHostAddress());
    } catch (IOException | RuntimeException e) {
      throw new InputException(
          "no way to MASTER_ADDR "
              + place.masterAddress()
              + " ("
              + TorchRuntime.firstLine(e)
              + "); name the network interface in "
              + INTERFACE,
          e);
    }
  }

  @Override
  public int rank() {
    return place.rank();
  }

  @Override
  public int size() {
    return place.size();
  }

  private Backend of(Tensor tensor) {
    return tensor.is_cuda() ? nccl : gloo;
  }

  private interface Start {
    Work begin(TensorVector tensors);
  }

  private Pending begin(Tensor tensor, String what, Start start) {
    String where = what + ", " + doing;
    heartbeat.at(where);
    heartbeat.begin();
    Work work;
    try (PointerScope scope = new PointerScope()) {
      work = NativeScope.own(start.begin(new TensorVector(tensor)));
    } catch (RuntimeException e) {
      heartbeat.end();
      throw lost(where, e);
    }
    return () -> {
      try {
        work._wait();
      } catch (RuntimeException e) {
        throw lost(where, e);
      } finally {
        heartbeat.end();
        NativeScope.release(work);
      }
    };
  }

  private static long bytes(Tensor tensor) {
    return tensor.numel() * tensor.element_size();
  }

  @Override
  public Pending sumLater(Tensor tensor, String what) {
    // A ring: each part goes round twice, but for one station.
    bytesSent += 2 * bytes(tensor) * (size() - 1) / size();
    return begin(tensor, "sum of " + what, of(tensor)::allreduce);
  }

  @Override
  public void gather(Tensor own, Tensor all, String what) {
    bytesSent += bytes(own) * (size() - 1);
    try (PointerScope scope = new PointerScope()) {
      // In a row, which Gloo cuts into equal parts.
      Tensor row = own.view(-1);
      Tensor rows = all.view(-1);
      begin(row, "gathering of " + what, tensors -> of(own)._allgather_base(rows, row)).await();
    }
  }

  @Override
  public void broadcast(Tensor tensor, String what) {
    bytesSent += rank() == 0 ? bytes(tensor) : 0;
    begin(tensor, "broadcast of " + what, of(tensor)::broadcast).await();
  }

  @Override
  public String broadcast(String text, String what) {
    try (PointerScope scope = new PointerScope()) {
      byte[] bytes =
          rank() == 0 && text != null ? text.getBytes(StandardCharsets.UTF_8) : new byte[0];
      Tensor length = torch.tensor(new long[] {rank() == 0 && text == null ? -1 : bytes.length});
      broadcast(length, what);
      int count = (int) length.item_long();
      if (count <= 0) {
        return count < 0 ? null : "";
      }
      Tensor content = rank() == 0 ? torch.tensor(bytes) : torch.tensor(new byte[count]);
      broadcast(content, what);
      byte[] received = new byte[count];
      new BytePointer(content.data_ptr()).get(received);
      return new String(received, StandardCharsets.UTF_8);
    }
  }

  @Override
  public List<String> exchange(String own, int seconds) {
    String round = "said/" + exchanges++ + "/";
    heartbeat.at("an exchange, " + doing);
    try (PointerScope scope = new PointerScope()) {
      store.set(round + rank(), own + ".");
      StringVector keys = new StringVector();
      for (int rank = 0; rank < size(); rank++) {
        keys.push_back(round + rank);
      }
      try {
        store._wait(keys, new Milliseconds(seconds * 1000L));
      } catch (RuntimeException e) {
        return null;
      }
      List<String> all = new ArrayList<>();
      for (int rank = 0; rank < size(); rank++) {
        String line = store.get_to_str(round + rank);
        // An empty value would be none.
        all.add(line.substring(0, line.length() - 1));
      }
      return all;
    } catch (RuntimeException e) {
      throw lost("an exchange, " + doing, e);
    }
  }

  @Override
  public int timeoutSeconds() {
    return place.timeoutSeconds();
  }

  @Override
  public void doing(String what) {
    doing = what;
  }

  @Override
  public long bytesSent() {
    return bytesSent;
  }

  private RuntimeException lost(String what, RuntimeException e) {
    broken = true;
    String said = TorchRuntime.firstLine(e).replaceFirst("^\\[[^\\]]*\\] ", "");
    return new RankLostException(text(heartbeat.culprit(), what + " (" + said + ")"), e);
  }

  private static String text(String culprit, String where) {
    return culprit
        + "; noticed in "
        + where
        + "; start again with --resume to go on from the last checkpoint";
  }

  /** A collective that does not come back holds the thread that could say so. */
  private static void halt(String verdict, String where) {
    System.err.println("lotus: " + text(verdict, where));
    Runtime.getRuntime().halt(LOST);
  }

  @Override
  public void leave(String reason) {
    broken = true;
    heartbeat.leave(reason.replace('\n', ' '));
  }

  /** What a broken group holds stays: Gloo's threads may still be in it. */
  @Override
  public void close() {
    if (broken) {
      return;
    }
    doing = "the end";
    meet("nothing");
    heartbeat.closing();
    meet("nothing");
    heartbeat.close();
    for (int i = owned.size() - 1; i >= 0; i--) {
      NativeScope.release(owned.get(i));
    }
  }
}
