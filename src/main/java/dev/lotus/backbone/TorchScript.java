package dev.lotus.backbone;

import dev.lotus.data.AtomicFiles;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.NativeScope;
import dev.lotus.device.TorchRuntime;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.JitModule;
import org.bytedeco.pytorch.NamedTensor;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.named_buffer_iterator;
import org.bytedeco.pytorch.named_buffer_list;
import org.bytedeco.pytorch.named_parameter_iterator;
import org.bytedeco.pytorch.named_parameter_list;

/**
 * Any classifier that Python exported by {@code torch.jit.script(model).save(FILE)}: images [B,
 * channels, H, W] to logits [B, C]. The program in the file is run by libtorch's interpreter. (A
 * traced model has the mode it was traced in for ever; a scripted one follows {@link #train}.)
 */
public final class TorchScript implements Backbone {
  /** Stands for the architecture, which only the file knows. */
  public static final String NAME = "torchscript";

  private final Arch arch;
  private final JitModule module;
  private final LinkedHashMap<String, Tensor> state = new LinkedHashMap<>();
  private final List<Tensor> parameters = new ArrayList<>();
  private final List<Pointer> owned = new ArrayList<>();
  private boolean training;
  private ComputeDevice device = ComputeDevice.CPU;

  private TorchScript(Arch arch, JitModule module) {
    this.arch = arch;
    this.module = own(module);
    try (PointerScope scope = new PointerScope()) {
      named_parameter_list named = module.named_parameters();
      named_parameter_iterator at = named.begin();
      for (long left = named.size(); left > 0; left--, at.increment()) {
        NamedTensor entry = at.multiply();
        Tensor value = own(new Tensor(entry.value()));
        state.put(entry.name().getString(), value);
        if (value.requires_grad()) {
          parameters.add(value);
        }
      }
      named_buffer_list buffers = module.named_buffers();
      named_buffer_iterator buffer = buffers.begin();
      for (long left = buffers.size(); left > 0; left--, buffer.increment()) {
        NamedTensor entry = buffer.multiply();
        state.put(entry.name().getString(), own(new Tensor(entry.value())));
      }
    }
  }

  private <P extends Pointer> P own(P pointer) {
    owned.add(NativeScope.own(pointer));
    return pointer;
  }

  /**
   * Loads a program and runs it once on a black image, to see how many classes it has.
   *
   * @param channels of the images, at least 1
   * @param imageSize of the images, in pixels, at least 1
   * @return in evaluation mode on the CPU
   * @throws InputException if the file is no TorchScript program or the program does not turn such
   *     images into logits
   */
  static TorchScript open(Path file, int channels, int imageSize) {
    if (channels < 1 || imageSize < 1) {
      throw new InputException(
          file + ": a TorchScript program does not say what images it takes; name a data set");
    }
    try (PointerScope scope = new PointerScope()) {
      JitModule module;
      try {
        // A program that was saved on a GPU would go back there, or fail where there is none.
        DeviceOptional cpu = new DeviceOptional(ComputeDevice.CPU.torch());
        module = torch.load(file.toString(), cpu, false);
      } catch (RuntimeException e) {
        throw new InputException(
            file + ": libtorch cannot load this TorchScript program: " + TorchRuntime.firstLine(e),
            e);
      }
      module.eval();
      int classes = classes(file, module, channels, imageSize);
      TorchScript backbone =
          new TorchScript(new Arch(NAME, classes, channels, 1, imageSize), module);
      try {
        new Checkpoint.Loaded(file, backbone.state, Map.of()).requireFinite();
        if (backbone.parameters.isEmpty()) {
          throw new InputException(
              file + ": the program has no trainable parameters (was it frozen?)");
        }
      } catch (InputException e) {
        backbone.close();
        throw e;
      }
      return backbone;
    }
  }

  private static int classes(Path file, JitModule module, int channels, int imageSize) {
    String what = "images [2, " + channels + ", " + imageSize + ", " + imageSize + "]";
    try (NoGradGuard noGrad = new NoGradGuard()) {
      IValue result =
          module.forward(
              new IValueVector(new IValue(torch.zeros(2, channels, imageSize, imageSize))));
      if (result.isTensor()) {
        Tensor logits = result.toTensor();
        if (logits.dim() == 2 && logits.size(0) == 2 && logits.size(1) <= 1_000_000) {
          return (int) logits.size(1);
        }
        what += ": it gives " + Arrays.toString(Checkpoint.shapeOf(logits));
      } else {
        what += ": it gives no tensor";
      }
    } catch (RuntimeException e) {
      throw new InputException(
          file + ": the TorchScript program fails on " + what + ": " + TorchRuntime.firstLine(e),
          e);
    }
    throw new InputException(
        file + ": the TorchScript program does not turn into logits [2, C] the " + what);
  }

  /**
   * Writes the program with its weights as they are now; the file appears whole or not at all.
   *
   * @throws InputException if the place cannot be written
   */
  public void save(Path file) {
    save(file, () -> {});
  }

  /** The same; {@code beforeRename} runs once the program is written under a temporary name. */
  public void save(Path file, Runnable beforeRename) {
    AtomicFiles.writeNamed(
        file,
        temporary -> {
          try {
            module.save(temporary.toString());
          } catch (RuntimeException e) { // libtorch's, of a full disk
            throw new IOException(TorchRuntime.firstLine(e), e);
          }
        },
        beforeRename);
  }

  @Override
  public Arch arch() {
    return arch;
  }

  @Override
  public Tensor forward(Tensor images_BCHW) {
    if (images_BCHW.dim() != 4 || images_BCHW.size(1) != arch.channels()) {
      throw new InputException(
          "the TorchScript program takes images [B, "
              + arch.channels()
              + ", H, W], and got "
              + Arrays.toString(Checkpoint.shapeOf(images_BCHW)));
    }
    try (NativeScope scope = new NativeScope()) {
      IValue result = module.forward(new IValueVector(new IValue(images_BCHW)));
      // toTensor() points into the result, which ends with this scope: a handle of its own lives
      // on.
      return scope.keep(new Tensor(result.toTensor()));
    }
  }

  @Override
  public void train(boolean on) {
    module.train(on);
    training = on;
  }

  @Override
  public List<Tensor> parameters() {
    return List.copyOf(parameters);
  }

  @Override
  public LinkedHashMap<String, Tensor> state() {
    return new LinkedHashMap<>(state);
  }

  @Override
  public Backbone copy() {
    try (PointerScope scope = new PointerScope()) {
      JitModule twin;
      try (NoGradGuard noGrad = new NoGradGuard()) {
        // Recorded, the copies would be results of the originals, which no optimizer takes.
        twin = module.deepcopy();
      }
      TorchScript copy = new TorchScript(arch, twin);
      for (Map.Entry<String, Tensor> entry : state.entrySet()) {
        if (entry.getValue().requires_grad()) {
          Tensor parameter = copy.state.get(entry.getKey());
          parameter.set_requires_grad(true);
          copy.parameters.add(parameter);
        }
      }
      copy.train(training);
      copy.device = device;
      return copy;
    }
  }

  @Override
  public void to(ComputeDevice target) {
    if (!target.equals(device)) {
      try (PointerScope scope = new PointerScope()) {
        module.to(target.torch());
      }
      device = target;
    }
  }

  /** The program's own operations decide about the order; nothing is changed. */
  @Override
  public void channelsLast(boolean on) {}

  /**
   * @throws InputException always: how its weights are drawn is not in the file
   */
  @Override
  public void initialise(long seed) {
    throw new InputException("a TorchScript program cannot be initialised anew, only trained on");
  }

  @Override
  public void close() {
    owned.forEach(NativeScope::release);
    owned.clear();
  }
}
