package dev.lotus.cli;

import dev.lotus.device.InputException;
import dev.lotus.dist.Place;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import sun.misc.Signal;

/** Starts one command's processes in this JVM's way, and ends with them. */
final class Launcher {
  /** What Gloo prints on stdout as it connects. */
  private static final String CHATTER = "[Gloo] Rank ";

  /** Tells a process that this launcher started it. */
  private static final String STARTED = "LOTUS_LAUNCHER";

  /** How long the others may take to say what happened, once one has failed. */
  private static final int MOST_GRACE = 10;

  /** What a shell, and Java, add to a signal's number. */
  private static final int SIGNALLED = 128;

  private static final Map<Integer, String> SIGNALS =
      Map.of(6, "SIGABRT (a crash)", 7, "SIGBUS", 9, "SIGKILL (out of memory?)", 11, "SIGSEGV");

  /** SIGINT and SIGTERM, of which a process says that itself. */
  private static final Set<Integer> HANDLED = Set.of(2, 15);

  private final int size;
  private final int timeout;
  private final List<String> arguments;
  private final List<Process> processes = new CopyOnWriteArrayList<>();
  private final List<Thread> readers = new ArrayList<>();

  /** The signal that was passed on to all; 0 = none. */
  private volatile int passedOn;

  Launcher(int size, int timeout, List<String> arguments) {
    this.size = size;
    this.timeout = timeout;
    this.arguments = arguments;
  }

  /** A launched process does not outlive its launcher: it stops then as on SIGTERM. */
  static void endWithLauncher() {
    String started = System.getenv(STARTED);
    ProcessHandle.current()
        .parent()
        .filter(parent -> String.valueOf(parent.pid()).equals(started))
        .ifPresent(parent -> parent.onExit().thenRun(() -> Signal.raise(new Signal("TERM"))));
  }

  /** The first failure's exit status, or 0. */
  int run() {
    for (String name : new String[] {"INT", "TERM"}) {
      Signal.handle(new Signal(name), this::forward);
    }
    int port = freePort();
    try {
      for (int rank = 0; rank < size; rank++) {
        start(rank, port);
      }
      int status = await();
      // One that came before all were started ends those alone that were.
      return status == 0 && processes.size() < size ? SIGNALLED + passedOn : status;
    } catch (IOException e) {
      throw new InputException("cannot start a process: " + e.getMessage(), e);
    } finally {
      processes.forEach(Process::destroyForcibly);
    }
  }

  private static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new InputException("no free port on this machine (" + e.getMessage() + ")", e);
    }
  }

  /** Not once a signal came, which would not reach it. */
  private synchronized void start(int rank, int port) throws IOException {
    if (passedOn != 0) {
      return;
    }
    List<String> line = new ArrayList<>();
    line.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
    line.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    line.add("-cp");
    line.add(System.getProperty("java.class.path"));
    line.add(Main.class.getName());
    line.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(line);
    Map<String, String> environment = builder.environment();
    environment.put("RANK", String.valueOf(rank));
    environment.put("LOCAL_RANK", String.valueOf(rank));
    environment.put("WORLD_SIZE", String.valueOf(size));
    environment.put("MASTER_ADDR", "127.0.0.1");
    environment.put("MASTER_PORT", String.valueOf(port));
    environment.put(Place.TIMEOUT, String.valueOf(timeout));
    environment.put(STARTED, String.valueOf(ProcessHandle.current().pid()));
    // c10d logs each lost connection with a stack; the error's line says what it means.
    environment.putIfAbsent("TORCH_CPP_LOG_LEVEL", "FATAL");
    int cores = Runtime.getRuntime().availableProcessors();
    environment.putIfAbsent("OMP_NUM_THREADS", String.valueOf(Math.max(1, cores / size)));
    Process process = builder.start();
    process.getOutputStream().close();
    processes.add(process);
    read(rank, process.getInputStream(), System.out);
    read(rank, process.getErrorStream(), System.err);
  }

  private void read(int rank, InputStream from, PrintStream to) {
    Thread reader =
        new Thread(
            () -> {
              try (BufferedReader lines =
                  new BufferedReader(new InputStreamReader(from, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                  if (!line.startsWith(CHATTER)) {
                    to.println(rank == 0 ? line : "[rank " + rank + "] " + line);
                  }
                }
              } catch (IOException e) {
                // The process was ended: there is no more to read.
                return;
              }
            },
            "lotus-rank-" + rank);
    reader.setDaemon(true);
    reader.start();
    readers.add(reader);
  }

  private int await() {
    int status = 0;
    long end = Long.MAX_VALUE;
    try {
      while (processes.stream().anyMatch(Process::isAlive)) {
        for (Process process : processes) {
          if (status == 0 && !process.isAlive() && process.exitValue() != 0) {
            status = process.exitValue();
            tellOfSignal(processes.indexOf(process), status);
            end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Math.min(timeout, MOST_GRACE));
          }
        }
        if (System.nanoTime() > end) {
          processes.forEach(Process::destroyForcibly);
        }
        Thread.sleep(50);
      }
      for (Thread reader : readers) {
        reader.join(1000);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (Process process : processes) {
      status = status == 0 && !process.isAlive() ? process.exitValue() : status;
    }
    return status;
  }

  /** A process that a signal ended has said nothing. */
  private void tellOfSignal(int rank, int status) {
    int signal = status - SIGNALLED;
    if (passedOn == 0 && signal > 0 && !HANDLED.contains(signal)) {
      System.err.println(
          "lotus: rank "
              + rank
              + " was ended by "
              + SIGNALS.getOrDefault(signal, "signal " + signal));
    }
  }

  /** As a terminal does it: all get the signal, and end in their own ways. */
  private synchronized void forward(Signal signal) {
    passedOn = signal.getNumber();
    for (Process process : processes) {
      if (process.isAlive()) {
        try {
          new ProcessBuilder("kill", "-" + signal.getName(), String.valueOf(process.pid()))
              .start()
              .waitFor();
        } catch (IOException e) {
          process.destroy();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }
}
