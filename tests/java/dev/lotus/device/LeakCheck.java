package dev.lotus.device;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails the test that leaves native objects behind: {@code @ExtendWith(LeakCheck.class)}. Every
 * pointer the test made must be gone when it ends, by its scope or its owner, without the garbage
 * collector's help.
 */
public final class LeakCheck implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback {
  private static final ExtensionContext.Namespace HERE =
      ExtensionContext.Namespace.create(LeakCheck.class);

  private record Native(long objects, long bytes) {
    static Native now() {
      return new Native(Pointer.totalCount(), Pointer.totalBytes());
    }
  }

  /**
   * Loads libtorch and runs one forward and backward pass: what is made once a process is made
   * here.
   */
  @Override
  public void beforeAll(ExtensionContext context) {
    TorchRuntime.load(2);
    try (PointerScope scope = new PointerScope()) {
      Tensor x = torch.ones(1, 1, 4, 4).set_requires_grad(true);
      Tensor y = torch.conv2d(x, torch.ones(1, 1, 3, 3));
      TensorOptional none = new TensorOptional();
      torch.batch_norm(y, none, none, none, none, true, 0.1, 1e-5, true).sum().backward();
    }
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    context.getStore(HERE).put("before", Native.now());
  }

  @Override
  public void afterEach(ExtensionContext context) {
    Native before = context.getStore(HERE).get("before", Native.class);
    Native after = Native.now();
    if (context.getExecutionException().isEmpty() && after.objects() > before.objects()) {
      throw new AssertionError(
          context.getDisplayName()
              + " leaves "
              + (after.objects() - before.objects())
              + " native objects of "
              + (after.bytes() - before.bytes())
              + " bytes behind; make them inside a scope or close their owner");
    }
  }
}
