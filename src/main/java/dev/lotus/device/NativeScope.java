package dev.lotus.device;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * Owns the native objects made while it is open on this thread, and frees them when closed;
 * survivors leave by {@link #keep}. The garbage collector is no substitute: to it a 64 MB tensor is
 * 48 bytes.
 *
 * <pre>{@code
 * try (NativeScope scope = new NativeScope()) {
 *   Tensor hidden = torch.relu(x);
 *   return scope.keep(torch.linear(hidden, weight));   // hidden is freed, the result lives on
 * }
 * }</pre>
 */
public final class NativeScope implements AutoCloseable {
  private final PointerScope outer = PointerScope.getInnerScope();
  private final PointerScope scope = new PointerScope();

  /**
   * Hands {@code pointer} to the scope around this one; without one, to the caller.
   *
   * @return {@code pointer}
   */
  public <P extends Pointer> P keep(P pointer) {
    if (outer == null) {
      return own(pointer);
    }
    outer.attach(pointer);
    return pointer;
  }

  /**
   * Makes {@code pointer} outlive every open scope: its owner calls {@link #release} one day.
   *
   * @return {@code pointer}
   */
  public static <P extends Pointer> P own(P pointer) {
    pointer.retainReference();
    return pointer;
  }

  /** Gives up what {@link #own} took; a second call does nothing. */
  public static void release(Pointer pointer) {
    if (!pointer.isNull()) {
      pointer.releaseReference();
    }
  }

  @Override
  public void close() {
    scope.close();
  }
}
