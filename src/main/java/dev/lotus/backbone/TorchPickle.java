package dev.lotus.backbone;

import dev.lotus.data.Unpickler;
import dev.lotus.device.InputException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The pickles of a weights file: they may name the classes of {@link PickleGlobals}, and storages
 * by persistent ids. Beside plain data they hold {@link TensorRef} and {@link StorageRef}.
 */
final class TorchPickle implements Unpickler.Rules {
  /** Element types that a file names beside its tensors; nothing here asks for them. */
  private static final Set<String> TYPES =
      Set.of(
          "float64",
          "float32",
          "float16",
          "bfloat16",
          "int64",
          "int32",
          "int16",
          "int8",
          "uint8",
          "bool");

  private final Unpickler machine;
  private final Map<String, StorageRef> storages = new LinkedHashMap<>();

  /**
   * @param bytes from its position on: one pickle after the other, and whatever follows them
   */
  TorchPickle(ByteBuffer bytes) {
    machine = new Unpickler(bytes, this);
  }

  /**
   * The next pickle's object.
   *
   * @throws InputException naming the refused class, or what is wrong at which byte
   */
  Object read() {
    return machine.read();
  }

  /** Every storage that the pickles named so far, by its key. */
  Map<String, StorageRef> storages() {
    return storages;
  }

  @Override
  public Object find(String module, String name) {
    return module.equals("torch") && TYPES.contains(name) ? name : PickleGlobals.find(module, name);
  }

  /** A storage's name stands for one type and size, whoever names it. */
  @Override
  public Object persistent(Object id) {
    StorageRef storage = StorageRef.of(id);
    StorageRef known = storages.putIfAbsent(storage.key(), storage);
    if (known != null
        && (known.type() != storage.type() || known.elements() != storage.elements())) {
      throw new InputException(
          "storage "
              + storage.name()
              + " is "
              + known.elements()
              + " of "
              + known.type()
              + " here and "
              + storage.elements()
              + " of "
              + storage.type()
              + " there: the file is damaged");
    }
    return storage;
  }

  /** As torch.load reads it. */
  @Override
  public Object python2(byte[] string) {
    return new String(string, StandardCharsets.UTF_8);
  }

  @Override
  public String advice() {
    return "only tensors and containers are read: save model.state_dict() alone (torch.save(model)"
        + " pickles the classes)";
  }
}
