package dev.lotus.optim;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.NativeScope;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.Matrix;
import dev.lotus.kernel.TensorList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * A model's parameters as the operations on weights take them: their memory in libtorch's own
 * order, with what an operation keeps beside each. The native list is built once and again only
 * where memory moved or another parameter has a gradient.
 *
 * <p>Owns the list, not the tensors. Used by one thread at a time.
 */
public final class ParameterTensors implements AutoCloseable {
  private final List<Tensor> parameters;
  private final List<Tensor> first;
  private final List<Tensor> second;
  private final List<Tensor> mask;
  private TensorList list;
  private boolean[] listed;
  private long[] addresses;

  /**
   * @param parameters fp32, each dense in memory whatever its order
   * @param first beside each parameter, of its shape and order, or null
   * @param second as {@code first}
   * @param mask bytes as {@code first}
   * @throws InputException if a parameter is not fp32 or not dense
   */
  public ParameterTensors(
      List<Tensor> parameters, List<Tensor> first, List<Tensor> second, List<Tensor> mask) {
    requireDense(parameters);
    this.parameters = parameters;
    this.first = first;
    this.second = second;
    this.mask = mask;
  }

  static void requireDense(List<Tensor> parameters) {
    for (int i = 0; i < parameters.size(); i++) {
      Tensor p = parameters.get(i);
      if (p.scalar_type().intern() != ScalarType.Float || !p.is_non_overlapping_and_dense()) {
        throw new InputException(
            "parameter "
                + i
                + " of the model is "
                + p.scalar_type().intern()
                + "; the optimizers take fp32 without gaps in memory");
      }
    }
  }

  /**
   * Zeros beside each parameter, in its order in memory.
   *
   * @return owned by the caller, who gives them to {@link #release}
   */
  public static List<Tensor> zeros(List<Tensor> parameters, ScalarType type) {
    List<Tensor> zeros = new ArrayList<>();
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      for (Tensor p : parameters) {
        zeros.add(NativeScope.own(torch.zeros_like(p).to(type)));
      }
    }
    return zeros;
  }

  /** Gives up what {@link #zeros} made; null is allowed. */
  public static void release(List<Tensor> tensors) {
    if (tensors != null) {
      tensors.forEach(NativeScope::release);
    }
  }

  /**
   * Names what lies beside the parameters, {@code NAME.INDEX}, for {@link Resumable#state}.
   *
   * @param beside null = nothing
   */
  public static void put(Map<String, Tensor> state, String name, List<Tensor> beside) {
    for (int i = 0; beside != null && i < beside.size(); i++) {
      state.put(name + "." + i, beside.get(i));
    }
  }

  /**
   * Copies back what {@link #put} named.
   *
   * @throws InputException if one is missing or of another size
   */
  public static void take(Map<String, Tensor> state, String name, List<Tensor> beside) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      for (int i = 0; beside != null && i < beside.size(); i++) {
        Tensor kept = require(state, name + "." + i);
        if (kept.numel() != beside.get(i).numel()) {
          throw new InputException(
              "the kept tensor "
                  + name
                  + "."
                  + i
                  + " has "
                  + kept.numel()
                  + " values, the model takes "
                  + beside.get(i).numel());
        }
        beside.get(i).copy_(kept);
      }
    }
  }

  /**
   * @throws InputException if there is none of that name
   */
  static Tensor require(Map<String, Tensor> state, String name) {
    Tensor kept = state.get(name);
    if (kept == null) {
      throw new InputException("the kept state has no tensor " + name);
    }
    return kept;
  }

  /** The stream that libtorch queues the parameters' work on; null on the CPU. */
  public Pointer stream() {
    int device = device();
    return device == Matrix.CPU ? null : torch_cuda.getCurrentCUDAStream((byte) device).stream();
  }

  private int device() {
    return deviceOf(parameters).nativeIndex();
  }

  /** Where the parameters are. */
  static ComputeDevice deviceOf(List<Tensor> parameters) {
    if (parameters.isEmpty() || !parameters.get(0).is_cuda()) {
      return ComputeDevice.CPU;
    }
    try (PointerScope scope = new PointerScope()) {
      return new ComputeDevice(true, parameters.get(0).device().index());
    }
  }

  /** All parameters, their gradients left out. */
  public TensorList all() {
    boolean[] every = new boolean[parameters.size()];
    Arrays.fill(every, true);
    return listOf(every);
  }

  /** The parameters that have a gradient now, with it. */
  public TensorList withGradients() {
    boolean[] has = new boolean[parameters.size()];
    for (int i = 0; i < has.length; i++) {
      has[i] = parameters.get(i).mutable_grad().defined();
    }
    TensorList tensors = listOf(has);
    int place = 0;
    for (int i = 0; i < has.length; i++) {
      if (has[i]) {
        tensors.gradient(place++, inOrderOf(parameters.get(i)).data_ptr());
      }
    }
    return tensors;
  }

  /** The gradient, put in its parameter's order in memory where autograd left another. */
  private static Tensor inOrderOf(Tensor parameter) {
    Tensor gradient = parameter.mutable_grad();
    for (long d = 0; d < parameter.dim(); d++) {
      if (parameter.size(d) > 1 && gradient.stride(d) != parameter.stride(d)) {
        try (PointerScope scope = new PointerScope();
            NoGradGuard noGrad = new NoGradGuard()) {
          gradient.set_data(torch.empty_like(parameter.detach()).copy_(gradient));
        }
        break;
      }
    }
    return gradient;
  }

  private TensorList listOf(boolean[] members) {
    if (list == null || !Arrays.equals(members, listed) || moved()) {
      build(members);
    }
    return list;
  }

  private boolean moved() {
    for (int i = 0; i < addresses.length; i++) {
      if (parameters.get(i).data_ptr().address() != addresses[i]) {
        return true;
      }
    }
    return false;
  }

  private void build(boolean[] members) {
    close();
    List<TensorList.Entry> entries = new ArrayList<>();
    addresses = new long[parameters.size()];
    for (int i = 0; i < members.length; i++) {
      Tensor p = parameters.get(i);
      addresses[i] = p.data_ptr().address();
      if (members[i]) {
        entries.add(
            new TensorList.Entry(
                floats(p),
                null,
                first == null ? null : floats(first.get(i)),
                second == null ? null : floats(second.get(i)),
                mask == null ? null : new BytePointer(mask.get(i).data_ptr()),
                null,
                p.numel()));
      }
    }
    list = new TensorList(entries, DType.FLOAT32, device());
    listed = members;
  }

  private static FloatPointer floats(Tensor tensor) {
    return new FloatPointer(tensor.data_ptr());
  }

  @Override
  public void close() {
    if (list != null) {
      list.close();
      list = null;
    }
  }
}
