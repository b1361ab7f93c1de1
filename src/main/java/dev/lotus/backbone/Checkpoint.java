package dev.lotus.backbone;

import dev.lotus.data.AtomicFiles;
import dev.lotus.data.SafetensorsHeader;
import dev.lotus.data.SafetensorsHeader.DType;
import dev.lotus.data.SafetensorsHeader.Entry;
import dev.lotus.device.InputException;
import dev.lotus.device.NativeScope;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Weights in files: safetensors (F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL, read and written
 * bit by bit) and PyTorch's state dicts (read).
 */
public final class Checkpoint {
  /** Bytes moved at a time between a tensor and a file. */
  private static final int CHUNK = 1 << 20;

  private Checkpoint() {}

  /**
   * What a file held.
   *
   * @param source the file, for messages
   * @param tensors on the CPU, in the order of the file's data; they belong to the scope {@link
   *     #read} was called in
   * @param metadata the file's texts; empty where it has none
   */
  public record Loaded(Path source, Map<String, Tensor> tensors, Map<String, String> metadata) {
    /** The shape of every tensor. */
    public Map<String, long[]> shapes() {
      Map<String, long[]> shapes = new LinkedHashMap<>();
      tensors.forEach((name, tensor) -> shapes.put(name, shapeOf(tensor)));
      return shapes;
    }

    /**
     * @throws InputException naming the first tensor with a NaN or an infinity in it
     */
    public void requireFinite() {
      for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
        try (PointerScope scope = new PointerScope()) {
          if (!entry.getValue().isfinite().all().item_bool()) {
            throw new InputException(
                source
                    + ": tensor "
                    + entry.getKey()
                    + " holds NaN or infinity; the weights are damaged");
          }
        }
      }
    }
  }

  /**
   * Reads a whole file.
   *
   * <p>safetensors, or what {@code torch.save} makes of a state dict (zip or legacy form; also
   * nested under {@code state_dict}, {@code model_state_dict}, {@code model} or {@code net}, and if
   * there are no others averaged weights under {@code state_dict_ema}, {@code model_ema} or {@code
   * ema}). A prefix that wrappers put before every name ({@code module.}) is taken off.
   *
   * @throws InputException if the file cannot be read or is unsound: says what is wrong where
   */
  public static Loaded read(Path file) {
    if (Files.isDirectory(file)) {
      throw new InputException(file + ": is a folder; name the weights file in it");
    }
    if (!Files.exists(file)) {
      throw new InputException(file + ": no such file");
    }
    try (NativeScope scope = new NativeScope();
        FileChannel channel = FileChannel.open(file)) {
      long size = channel.size();
      if (size < 10) {
        throw new InputException(size + " bytes: no safetensors file, nor one of PyTorch");
      }
      byte[] first = bytes(channel, 0, 8);
      Loaded loaded;
      if (TorchFile.isZip(first)) {
        loaded = new Loaded(file, TorchFile.readZip(file, size), Map.of());
      } else if (TorchFile.isPickle(first)) {
        loaded = new Loaded(file, TorchFile.readLegacy(channel, size), Map.of());
      } else {
        loaded = readSafetensors(file, channel, size, first);
      }
      // Handed out only when all have been read: a failure half-way frees them.
      loaded.tensors().values().forEach(scope::keep);
      return new Loaded(file, StateDicts.unwrapped(loaded.tensors()), loaded.metadata());
    } catch (InputException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  static Loaded readSafetensors(Path file, FileChannel channel, long size, byte[] first8)
      throws IOException {
    int length = SafetensorsHeader.length(ByteBuffer.wrap(first8), size);
    long dataStart = 8L + length;
    SafetensorsHeader header = SafetensorsHeader.parse(bytes(channel, 8, length), size - dataStart);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Entry entry : header.entries()) {
      Tensor tensor =
          torch.torch_empty(entry.shape(), new TensorOptions(scalarType(entry.dtype())), null);
      fill(tensor, channel, dataStart + entry.begin());
      tensors.put(entry.name(), tensor);
    }
    return new Loaded(file, tensors, header.metadata());
  }

  static byte[] bytes(FileChannel channel, long from, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    readFully(channel, buffer, from);
    return buffer.array();
  }

  /**
   * Reads straight into the tensor's memory: no second copy, and no map that a shrinking file turns
   * into a crash.
   */
  static void fill(Tensor tensor, FileChannel channel, long from) throws IOException {
    BytePointer memory = new BytePointer(tensor.data_ptr());
    long size = tensor.nbytes();
    for (long done = 0; done < size; done += CHUNK) {
      int part = (int) Math.min(CHUNK, size - done);
      try (PointerScope scope = new PointerScope()) {
        readFully(
            channel,
            new BytePointer(memory).position(done).limit(done + part).asByteBuffer(),
            from + done);
      }
    }
  }

  private static void readFully(FileChannel channel, ByteBuffer buffer, long from)
      throws IOException {
    long position = from;
    while (buffer.hasRemaining()) {
      int read = channel.read(buffer, position);
      if (read < 0) {
        throw new InputException("ends at byte " + position + " while being read");
      }
      position += read;
    }
  }

  /**
   * Writes tensors of any device and memory format; wide elements come first, so that each tensor
   * is aligned, else in the given order. The file appears whole or not at all.
   *
   * @throws InputException if the place cannot be written, or an element type has no name in the
   *     format
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    write(file, tensors, metadata, () -> {});
  }

  private static void write(
      Path file, Map<String, Tensor> tensors, Map<String, String> metadata, Runnable beforeRename) {
    List<Map.Entry<String, Tensor>> order = byWidth(tensors);
    List<Entry> entries = entries(order);
    AtomicFiles.write(
        file,
        out -> {
          out.write(SafetensorsHeader.encode(entries, metadata));
          writeData(order, out);
        },
        beforeRename);
  }

  /** Wide elements first. */
  static List<Map.Entry<String, Tensor>> byWidth(Map<String, Tensor> tensors) {
    List<Map.Entry<String, Tensor>> order = new ArrayList<>(tensors.entrySet());
    order.sort(Comparator.comparingLong(entry -> -entry.getValue().element_size()));
    return order;
  }

  /** Where each tensor lies when they follow each other. */
  static List<Entry> entries(List<Map.Entry<String, Tensor>> order) {
    List<Entry> entries = new ArrayList<>();
    long end = 0;
    for (Map.Entry<String, Tensor> named : order) {
      Tensor tensor = named.getValue();
      long begin = end;
      end += tensor.numel() * tensor.element_size();
      entries.add(
          new Entry(named.getKey(), dtype(named.getKey(), tensor), shapeOf(tensor), begin, end));
    }
    return entries;
  }

  /** The tensors' bytes, one after the other. */
  static void writeData(List<Map.Entry<String, Tensor>> order, OutputStream out)
      throws IOException {
    byte[] chunk = new byte[CHUNK];
    for (Map.Entry<String, Tensor> named : order) {
      writeData(named.getValue(), out, chunk);
    }
  }

  private static void writeData(Tensor tensor, OutputStream out, byte[] chunk) throws IOException {
    try (PointerScope scope = new PointerScope()) {
      Tensor plain = tensor.detach().cpu().contiguous();
      BytePointer memory = new BytePointer(plain.data_ptr());
      long size = plain.nbytes();
      for (long done = 0; done < size; done += chunk.length) {
        int part = (int) Math.min(chunk.length, size - done);
        memory.position(done).get(chunk, 0, part);
        out.write(chunk, 0, part);
      }
    }
  }

  /**
   * Puts a file's weights into a backbone, all or none; other floating types become fp32.
   *
   * @throws InputException that lists the missing, unexpected, misshapen and mistyped tensors, or
   *     names a tensor that holds NaN or infinity; the backbone is then unchanged
   */
  public static void load(Backbone backbone, Loaded loaded) {
    StateMatch.require(backbone, loaded);
    loaded.requireFinite();
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      backbone
          .state()
          .forEach(
              (name, tensor) -> {
                Tensor found = loaded.tensors().get(name);
                if (found == null) {
                  tensor.zero_();
                } else {
                  tensor.copy_(found);
                }
              });
    }
  }

  /**
   * Writes a backbone's parameters and buffers with what it is built from; {@link Backbones#open}
   * reads it.
   */
  public static void save(Path file, Backbone backbone) {
    save(file, backbone, KeyLayout.LOTUS);
  }

  /**
   * The same under the names of another library, which then reads the file too. (The published
   * CIFAR model also has a pooler that it never uses; a file written here lacks it.)
   *
   * @throws InputException if that library has no such network, or the backbone is a TorchScript
   *     program, which is saved whole
   */
  public static void save(Path file, Backbone backbone, KeyLayout layout) {
    save(file, backbone, layout, () -> {});
  }

  /** The same; {@code beforeRename} runs once the weights are written under a temporary name. */
  public static void save(Path file, Backbone backbone, KeyLayout layout, Runnable beforeRename) {
    if (backbone instanceof TorchScript) {
      throw new InputException("a TorchScript program is saved whole, not as named weights");
    }
    try (PointerScope scope = new PointerScope()) {
      Arch arch = backbone.arch();
      Map<String, String> metadata = new LinkedHashMap<>(arch.toMetadata());
      metadata.put("format", "pt"); // without which Hugging Face's library refuses the file
      write(file, layout.fromOurs(arch, backbone.state()), metadata, beforeRename);
    }
  }

  /** The shape of a tensor as Java numbers. */
  static long[] shapeOf(Tensor tensor) {
    long[] shape = new long[(int) tensor.dim()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = tensor.size(i);
    }
    return shape;
  }

  private static ScalarType scalarType(DType dtype) {
    return switch (dtype) {
      case F64 -> ScalarType.Double;
      case I64 -> ScalarType.Long;
      case F32 -> ScalarType.Float;
      case I32 -> ScalarType.Int;
      case F16 -> ScalarType.Half;
      case BF16 -> ScalarType.BFloat16;
      case I16 -> ScalarType.Short;
      case I8 -> ScalarType.Char;
      case U8 -> ScalarType.Byte;
      case BOOL -> ScalarType.Bool;
    };
  }

  private static DType dtype(String name, Tensor tensor) {
    ScalarType type = tensor.scalar_type().intern();
    for (DType dtype : DType.values()) {
      if (scalarType(dtype) == type) {
        return dtype;
      }
    }
    throw new InputException("tensor " + name + ": no safetensors type for " + type);
  }
}
