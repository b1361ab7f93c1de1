package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads Python's pickle format as far as {@code torch.save} of tensors and containers uses it. A
 * pickle is a program that may call anything; this machine knows the calls of {@link PickleGlobals}
 * and refuses every other by name, before its arguments are looked at. Nothing it makes is larger
 * than the bytes that ask for it.
 *
 * <p>Values: {@code Map} (dict, OrderedDict), {@code List} (list, tuple, torch.Size), {@code
 * String}, {@code byte[]}, {@code Long}, {@code Double}, {@code Boolean}, null, {@link TensorRef},
 * {@link StorageRef}. They may contain themselves: walk them with a depth in mind.
 *
 * <p>(net.razorvine:pickle keeps its table of constructors in a static field that any code of the
 * JVM may extend, knows dozens of classes by itself, and allocates what a length field says.)
 */
final class Unpickler {
  private static final Object MARK = new Object();
  private final ByteBuffer in;
  private final ArrayList<Object> stack = new ArrayList<>();
  private final Map<Integer, Object> memo = new HashMap<>();
  private final Map<String, StorageRef> storages = new LinkedHashMap<>();

  /**
   * @param bytes from its position on: one pickle, and whatever follows it
   */
  Unpickler(ByteBuffer bytes) {
    in = bytes.order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Runs one pickle; the buffer's position is then behind its STOP.
   *
   * @throws InputException naming the refused class, or what is wrong at which byte
   */
  Object read() {
    stack.clear();
    memo.clear();
    while (true) {
      int at = in.position();
      int opcode = u1();
      if (opcode == '.') {
        Object result = pop();
        if (result == MARK || !stack.isEmpty()) {
          throw new InputException("pickle ends at byte " + at + " with values left over");
        }
        return result;
      }
      step(opcode, at);
    }
  }

  /** Every storage that the pickles named so far, by its key. */
  Map<String, StorageRef> storages() {
    return storages;
  }

  private void step(int opcode, int at) {
    switch (opcode) {
      case 0x80 -> protocol(u1(), at); // PROTO
      case 0x95 -> take(8); // FRAME: only a hint to buffered readers
      case '(' -> stack.add(MARK);
      case '0' -> pop();
      case '1' -> popMark();
      case '2' -> stack.add(top());
      case 'N' -> stack.add(null);
      case 0x88 -> stack.add(Boolean.TRUE);
      case 0x89 -> stack.add(Boolean.FALSE);
      case 'J' -> stack.add((long) need(4).getInt()); // BININT
      case 'K' -> stack.add((long) u1());
      case 'M' -> stack.add((long) (need(2).getShort() & 0xffff));
      case 0x8a -> stack.add(whole(u1(), at)); // LONG1
      case 0x8b -> stack.add(whole(length(4), at)); // LONG4
      case 'G' -> stack.add(bigEndianDouble());
      case 'X' -> stack.add(text(length(4))); // BINUNICODE
      case 0x8c -> stack.add(text(u1()));
      case 0x8d -> stack.add(text(length(8)));
      case 'T' -> stack.add(text(length(4))); // BINSTRING of Python 2
      case 'U' -> stack.add(text(u1()));
      case 'B' -> stack.add(take(length(4))); // BINBYTES
      case 'C' -> stack.add(take(u1()));
      case 0x8e -> stack.add(take(length(8)));
      case '}' -> stack.add(new LinkedHashMap<Object, Object>());
      case ']' -> stack.add(new ArrayList<Object>());
      case ')' -> stack.add(List.of());
      case 't' -> stack.add(tuple(popMark()));
      case 0x85 -> stack.add(tuple(popN(1)));
      case 0x86 -> stack.add(tuple(popN(2)));
      case 0x87 -> stack.add(tuple(popN(3)));
      case 'l' -> stack.add(popMark());
      case 'd' -> {
        List<Object> pairs = popMark();
        Map<Object, Object> map = new LinkedHashMap<>();
        putAll(map, pairs, at);
        stack.add(map);
      }
      case 'a' -> {
        Object value = pop();
        list(at).add(value);
      }
      case 'e' -> {
        List<Object> values = popMark();
        list(at).addAll(values);
      }
      case 's' -> {
        List<Object> pair = popN(2);
        putAll(dict(at), pair, at);
      }
      case 'u' -> {
        List<Object> pairs = popMark();
        putAll(dict(at), pairs, at);
      }
      case 'q' -> memo.put(u1(), top()); // BINPUT
      case 'r' -> memo.put(need(4).getInt(), top());
      case 0x94 -> memo.put(memo.size(), top()); // MEMOIZE
      case 'h' -> stack.add(recall(u1(), at)); // BINGET
      case 'j' -> stack.add(recall(need(4).getInt(), at));
      case 'c' -> stack.add(PickleGlobals.of(line(), line())); // GLOBAL
      case 0x93 -> { // STACK_GLOBAL
        List<Object> names = popN(2);
        if (!(names.get(0) instanceof String module) || !(names.get(1) instanceof String name)) {
          throw bad("a class whose name is no text", at);
        }
        stack.add(PickleGlobals.of(module, name));
      }
      case 'i' -> PickleGlobals.refuse(line(), line()); // INST
      case 'R', 0x81 -> { // REDUCE, NEWOBJ
        List<Object> call = popN(2);
        if (!(call.get(0) instanceof PickleGlobals function)
            || !(call.get(1) instanceof List<?> arguments)) {
          throw bad("a call of what is no function", at);
        }
        stack.add(function.call(arguments));
      }
      case 'b' -> build(pop(), at);
      case 'Q' -> stack.add(storage(StorageRef.of(pop()))); // BINPERSID
      default ->
          throw bad(
              String.format(
                  "opcode 0x%02x, which torch.save of tensors and containers does not write",
                  opcode),
              at);
    }
  }

  /** A storage's name stands for one type and size, whoever names it. */
  private StorageRef storage(StorageRef storage) {
    StorageRef known = storages.putIfAbsent(storage.key(), storage);
    if (known != null
        && (known.type() != storage.type() || known.elements() != storage.elements())) {
      throw new InputException(
          "storage "
              + storage.key()
              + " is "
              + known.elements()
              + " of "
              + known.type()
              + " here and "
              + storage.elements()
              + " of "
              + storage.type()
              + " there");
    }
    return storage;
  }

  private void protocol(int version, int at) {
    if (version < 2 || version > 5) {
      throw bad("pickle protocol " + version + ", which is not between 2 and 5", at);
    }
  }

  /** A state dict's {@code _metadata} arrives by BUILD, and is dropped. */
  private void build(Object state, int at) {
    if (!(top() instanceof Map<?, ?>) || !(state instanceof Map<?, ?>)) {
      throw bad("BUILD of something that is no dict", at);
    }
  }

  private static void putAll(Map<Object, Object> map, List<Object> pairs, int at) {
    if (pairs.size() % 2 != 0) {
      throw bad("a dict with a key that has no value", at);
    }
    for (int i = 0; i < pairs.size(); i += 2) {
      Object key = pairs.get(i);
      // A container as key would be hashed, which recurses without end where it holds itself.
      if (!(key instanceof String || key instanceof Long || key instanceof Double)
          && !(key instanceof Boolean)) {
        throw bad("a dict key that is neither a text nor a number", at);
      }
      map.put(key, pairs.get(i + 1));
    }
  }

  private static List<Object> tuple(List<Object> values) {
    return Collections.unmodifiableList(values);
  }

  @SuppressWarnings("unchecked")
  private List<Object> list(int at) {
    if (top() instanceof ArrayList<?> list) {
      return (List<Object>) list;
    }
    throw bad("an append to what is no list", at);
  }

  @SuppressWarnings("unchecked")
  private Map<Object, Object> dict(int at) {
    if (top() instanceof Map<?, ?> map) {
      return (Map<Object, Object>) map;
    }
    throw bad("an entry into what is no dict", at);
  }

  private Object top() {
    if (stack.isEmpty()) {
      throw bad("an empty stack", in.position());
    }
    Object top = stack.get(stack.size() - 1);
    if (top == MARK) {
      throw bad("a mark where a value is due", in.position());
    }
    return top;
  }

  private Object pop() {
    Object top = top();
    stack.remove(stack.size() - 1);
    return top;
  }

  private List<Object> popN(int n) {
    Object[] values = new Object[n];
    for (int i = n - 1; i >= 0; i--) {
      values[i] = pop();
    }
    return Arrays.asList(values);
  }

  private ArrayList<Object> popMark() {
    int mark = stack.lastIndexOf(MARK);
    if (mark < 0) {
      throw bad("a missing mark", in.position());
    }
    List<Object> above = stack.subList(mark + 1, stack.size());
    ArrayList<Object> values = new ArrayList<>(above);
    stack.subList(mark, stack.size()).clear();
    return values;
  }

  private Object recall(int place, int at) {
    if (!memo.containsKey(place)) {
      throw bad("memo " + place + ", which was never stored", at);
    }
    return memo.get(place);
  }

  private ByteBuffer need(int bytes) {
    if (in.remaining() < bytes) {
      throw new InputException(
          "pickle ends at byte " + in.limit() + " in the middle of a value: the file is cut off");
    }
    return in;
  }

  private int u1() {
    return need(1).get() & 0xff;
  }

  /** A length field of 4 or 8 bytes, which may not exceed what is left. */
  private int length(int bytes) {
    long length = bytes == 4 ? need(4).getInt() & 0xffffffffL : need(8).getLong();
    if (length < 0 || length > in.remaining()) {
      throw bad(
          "a length of " + Long.toUnsignedString(length) + " with " + in.remaining() + " left",
          in.position());
    }
    return (int) length;
  }

  private byte[] take(int length) {
    need(length);
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  private String text(int length) {
    return new String(take(length), StandardCharsets.UTF_8);
  }

  private double bigEndianDouble() {
    return Double.longBitsToDouble(Long.reverseBytes(need(8).getLong()));
  }

  /** Little-endian two's complement. */
  private long whole(int length, int at) {
    byte[] bytes = take(length);
    if (length > 16) {
      throw bad("an integer of " + length + " bytes", at);
    }
    // torch.save's own magic number has 10 bytes, and is told by the low 8; all others fit.
    long value = length == 0 ? 0 : bytes[Math.min(length, 8) - 1] < 0 ? -1 : 0;
    for (int i = Math.min(length, 8) - 1; i >= 0; i--) {
      value = value << 8 | bytes[i] & 0xff;
    }
    return value;
  }

  private String line() {
    int start = in.position();
    while (u1() != '\n') {
      if (in.position() - start > 1024) {
        throw bad("a class name of more than 1024 bytes", start);
      }
    }
    byte[] bytes = new byte[in.position() - 1 - start];
    in.get(start, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static InputException bad(String what, int at) {
    return new InputException("pickle holds, at byte " + at + ", " + what);
  }
}
