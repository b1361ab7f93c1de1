package dev.lotus.report;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * What a long command shows while it works, on standard error, so that standard output stays the
 * result: a bar with rate and time left on a terminal, plain lines every few seconds elsewhere (a
 * log file, a CI job), or nothing.
 */
public final class Progress {
  /** How progress is shown. */
  public enum Mode {
    /** A bar that redraws itself. */
    BAR,
    /** A line at the start, at most one every five seconds, and one at the end. */
    LINES,
    /** Nothing at all. */
    QUIET
  }

  private static final long LINE_INTERVAL_NANOS = 5_000_000_000L;

  private final Mode mode;
  private final PrintStream out;
  private final LongSupplier nanos;

  private Progress(Mode mode, PrintStream out, LongSupplier nanos) {
    this.mode = mode;
    this.out = out;
    this.nanos = nanos;
  }

  /** On standard error: a bar if that is a terminal, else lines; nothing if {@code quiet}. */
  public static Progress standard(boolean quiet) {
    return of(quiet ? Mode.QUIET : onTerminal() ? Mode.BAR : Mode.LINES);
  }

  /** On standard error, in a chosen way. */
  public static Progress of(Mode mode) {
    return new Progress(mode, System.err, System::nanoTime);
  }

  /** Anywhere, with a clock; for tests. */
  static Progress of(Mode mode, PrintStream out, LongSupplier nanos) {
    return new Progress(mode, out, nanos);
  }

  /** How progress is shown. */
  public Mode mode() {
    return mode;
  }

  /** A line of text between tasks, unless quiet. */
  public void note(String line) {
    if (mode != Mode.QUIET) {
      out.println(line);
      out.flush();
    }
  }

  /**
   * Begins a task. Close it when it is done or has failed.
   *
   * @param name what is being done
   * @param total how many units there are; 0 or less where that is unknown
   * @param unit their name in the plural
   */
  public Task start(String name, long total, String unit) {
    return new Task(name, total, unit);
  }

  /** One task, stepped by the thread that works. */
  public final class Task implements AutoCloseable {
    private final String name;
    private final long total;
    private final String unit;
    private final ProgressBar bar;
    private final LineEnd lineEnd = mode == Mode.BAR ? new LineEnd(out) : null;
    private final long begun = nanos.getAsLong();
    private long lastLine = begun;
    private long done;
    private String detail = "";

    private Task(String name, long total, String unit) {
      this.name = name;
      this.total = total;
      this.unit = unit;
      this.bar = mode == Mode.BAR ? bar() : null;
      if (mode == Mode.LINES) {
        note(total > 0 ? String.format(Locale.ROOT, "%s: %,d %s", name, total, unit) : name);
      }
    }

    private ProgressBar bar() {
      return new ProgressBarBuilder()
          .setTaskName(name)
          .setInitialMax(total > 0 ? total : -1)
          .setUnit(" " + unit, 1)
          .setStyle(ProgressBarStyle.ASCII)
          .setUpdateIntervalMillis(250)
          .showSpeed()
          .setConsumer(lineEnd)
          .build();
    }

    /** Says that {@code n} more units are done. */
    public void step(long n) {
      done += n;
      if (bar != null) {
        bar.stepBy(n);
      } else if (mode == Mode.LINES) {
        long now = nanos.getAsLong();
        if (now - lastLine >= LINE_INTERVAL_NANOS) {
          lastLine = now;
          note(line(now));
        }
      }
    }

    /** A short text shown beside the numbers, such as the epoch and its loss. */
    public void detail(String text) {
      detail = text;
      if (bar != null) {
        bar.setExtraMessage(" " + text);
      }
    }

    /** Ends the task: the bar stays as it is, or a last line says how long it took. */
    @Override
    public void close() {
      if (bar != null) {
        bar.close();
        lineEnd.close();
      } else if (mode == Mode.LINES) {
        double seconds = (nanos.getAsLong() - begun) / 1e9;
        note(
            String.format(
                Locale.ROOT,
                "%s: %,d %s in %s s%s",
                name,
                done,
                unit,
                Numbers.seconds(seconds),
                suffix()));
      }
    }

    private String line(long now) {
      double seconds = (now - begun) / 1e9;
      double rate = done / seconds;
      String text = String.format(Locale.ROOT, "%s: %,d", name, done);
      if (total > 0) {
        text += String.format(Locale.ROOT, " of %,d %s (%d%%)", total, unit, 100 * done / total);
      } else {
        text += " " + unit;
      }
      text += String.format(Locale.ROOT, ", %s a second", Numbers.seconds(rate));
      if (total > done && rate > 0) {
        text += String.format(Locale.ROOT, ", %s s left", Numbers.seconds((total - done) / rate));
      }
      return text + suffix();
    }

    private String suffix() {
      return detail.isEmpty() ? "" : ", " + detail;
    }
  }

  /**
   * Ends the bar's line once. The library forgets to where a task is over before its first redraw,
   * and the next text would continue the bar.
   */
  private static final class LineEnd extends ConsoleProgressBarConsumer {
    private boolean ended;

    LineEnd(PrintStream out) {
      super(out);
    }

    @Override
    public synchronized void close() {
      if (!ended) {
        ended = true;
        super.close();
      }
    }
  }

  /**
   * Whether standard error is a terminal. Java only knows of input and output together
   * (System.console), which a pipe on either hides; where the system shows its file descriptors the
   * answer is exact.
   */
  private static boolean onTerminal() {
    Path descriptor = Path.of("/proc/self/fd/2");
    try {
      String target = Files.readSymbolicLink(descriptor).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException | UnsupportedOperationException e) {
      return System.console() != null;
    }
  }
}
