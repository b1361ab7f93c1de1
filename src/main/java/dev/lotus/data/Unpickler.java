package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a Python pickle (protocols 0 to 5) that holds data only. Every class or function the file
 * names is asked of an {@link Allowed} list; one that is not on it ends the reading with its name.
 * Nothing is ever looked up or run: an allowed name stands for a Java function written here.
 *
 * <p>Python's values become: None null, bool Boolean, int Long, float Double, str String, bytes
 * (and Python 2's str) byte[], list ArrayList, tuple Object[], dict LinkedHashMap (keys of bytes
 * read as Latin-1 strings). Nothing is allocated that the file's own bytes do not back.
 *
 * @see <a href="https://docs.python.org/3/library/pickletools.html">the opcodes</a>
 */
final class Unpickler {
  /** What a pickle may build beside plain data. */
  interface Allowed {
    /**
     * The function that builds {@code module.name}, or null if the name is not allowed.
     *
     * @param module as the file spells it
     */
    Constructor find(String module, String name);
  }

  /** Builds an object from the arguments the file gives. */
  interface Constructor {
    /**
     * @throws InputException if the arguments are not what this constructor takes
     */
    Object construct(Object[] arguments);
  }

  /** An object that takes a state after it was built (Python's {@code __setstate__}). */
  interface Stateful {
    /**
     * @throws InputException if the state is not of the expected form
     */
    void setState(Object state);
  }

  private static final Object MARK = new Object();
  private static final int MAX_DEPTH = 1 << 20;

  /** CIFAR-100 has 50,000 names to remember. One costs a byte in the file and eighty here. */
  private static final int MAX_MEMO = 1 << 21;

  private final String file;
  private final byte[] bytes;
  private final Allowed allowed;
  private final ArrayList<Object> stack = new ArrayList<>();
  private final Map<Long, Object> memo = new HashMap<>();
  private int at;

  private Unpickler(String file, byte[] bytes, Allowed allowed) {
    this.file = file;
    this.bytes = bytes;
    this.allowed = allowed;
  }

  /**
   * Reads the one object of a pickle.
   *
   * @param file for messages
   * @throws InputException if the pickle is damaged, cut off, or names something not allowed
   */
  static Object read(String file, byte[] bytes, Allowed allowed) {
    Unpickler unpickler = new Unpickler(file, bytes, allowed);
    try {
      return unpickler.run();
    } catch (ClassCastException | IndexOutOfBoundsException | NullPointerException e) {
      // An operand of another type, too few of them, or Python's None where an object must be.
      throw unpickler.damaged("its instructions do not fit together");
    }
  }

  private Object run() {
    while (true) {
      int op = next();
      if (op == '.') {
        return pop();
      }
      if (!scalar(op) && !container(op) && !memory(op) && !object(op)) {
        throw damaged("it has the instruction " + op + ", which no data file needs");
      }
      if (stack.size() > MAX_DEPTH) {
        throw damaged("it nests too deep");
      }
      if (memo.size() > MAX_MEMO) {
        throw damaged("it remembers more than " + MAX_MEMO + " objects");
      }
    }
  }

  private boolean scalar(int op) {
    switch (op) {
      case 0x80 -> protocol();
      case 0x95 -> frame();
      case 'N' -> push(null);
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'J' -> push((long) (int) little(4));
      case 'K' -> push(little(1));
      case 'M' -> push(little(2));
      case 0x8a -> push(bigInteger((int) little(1)));
      case 'I' -> push(decimal(line()));
      case 'L' -> push(decimal(line().replaceFirst("L$", "")));
      case 'G' -> push(Double.longBitsToDouble(Long.reverseBytes(little(8))));
      case 'U', 'C' -> push(take(little(1)));
      case 'T', 'B' -> push(take(little(4)));
      case 0x8e, 0x96 -> push(take(little(8)));
      case 0x8c -> push(text(little(1)));
      case 'X' -> push(text(little(4)));
      case 0x8d -> push(text(little(8)));
      case 'V' -> push(line());
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean container(int op) {
    switch (op) {
      case '(' -> push(MARK);
      case ']' -> push(new ArrayList<>());
      case '}' -> push(new LinkedHashMap<>());
      case ')' -> push(new Object[0]);
      case 'l' -> push(new ArrayList<>(Arrays.asList(popToMark())));
      case 't' -> push(popToMark());
      case 'd' -> {
        Object[] items = popToMark();
        push(put(new LinkedHashMap<>(), items));
      }
      case 0x85 -> push(popArray(1));
      case 0x86 -> push(popArray(2));
      case 0x87 -> push(popArray(3));
      case 'a' -> {
        Object item = pop();
        list(peek()).add(item);
      }
      case 'e' -> {
        Object[] items = popToMark();
        list(peek()).addAll(Arrays.asList(items));
      }
      case 's' -> {
        Object[] item = popArray(2);
        put(map(peek()), item);
      }
      case 'u' -> {
        Object[] items = popToMark();
        put(map(peek()), items);
      }
      case '0' -> pop();
      case '1' -> popToMark();
      case '2' -> push(peek());
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean memory(int op) {
    switch (op) {
      case 'q' -> memo.put(little(1), peek());
      case 'r' -> memo.put(little(4), peek());
      case 'p' -> memo.put(decimal(line()), peek());
      case 0x94 -> memo.put((long) memo.size(), peek());
      case 'h' -> push(remembered(little(1)));
      case 'j' -> push(remembered(little(4)));
      case 'g' -> push(remembered(decimal(line())));
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean object(int op) {
    switch (op) {
      case 'c' -> {
        String module = line();
        push(constructor(module, line()));
      }
      case 0x93 -> {
        Object[] names = popArray(2);
        push(constructor((String) names[0], (String) names[1]));
      }
      case 'R', 0x81 -> {
        Object[] call = popArray(2);
        push(((Constructor) call[0]).construct((Object[]) call[1]));
      }
      case 'b' -> {
        Object state = pop();
        ((Stateful) peek()).setState(state);
      }
      // INST and OBJ name their class too; persistent identifiers and extension codes have no
      // meaning here.
      case 'i' -> {
        String module = line();
        throw refused(module, line());
      }
      case 'P', 'Q' -> throw refused("a persistent", "identifier");
      case 0x82, 0x83, 0x84 -> throw refused("an extension", "code");
      default -> {
        return false;
      }
    }
    return true;
  }

  private void protocol() {
    long protocol = little(1);
    if (protocol > 5) {
      throw damaged("it has the pickle protocol " + protocol + ", known are 0 to 5");
    }
  }

  /** A frame only announces how many bytes follow. */
  private void frame() {
    long length = little(8);
    if (length < 0 || length > bytes.length - at) {
      throw cutOff(length);
    }
  }

  private Constructor constructor(String module, String name) {
    Constructor found = allowed.find(module, name);
    if (found == null) {
      throw refused(module, name);
    }
    return found;
  }

  private Object remembered(long key) {
    if (!memo.containsKey(key)) {
      throw damaged("it refers to object " + key + ", which it never made");
    }
    return memo.get(key);
  }

  private static Map<Object, Object> put(Map<Object, Object> map, Object[] items) {
    if (items.length % 2 != 0) {
      throw new IndexOutOfBoundsException("a key without its value");
    }
    for (int i = 0; i < items.length; i += 2) {
      Object key = items[i];
      boolean bytes = key instanceof byte[];
      Object plain = bytes ? new String((byte[]) key, StandardCharsets.ISO_8859_1) : key;
      if (!(plain instanceof String) && !(plain instanceof Long)) {
        // Other keys could hash without end through a container that holds itself.
        throw new ClassCastException("a key that is no string and no number");
      }
      map.put(plain, items[i + 1]);
    }
    return map;
  }

  @SuppressWarnings("unchecked")
  private static List<Object> list(Object object) {
    return (List<Object>) object;
  }

  @SuppressWarnings("unchecked")
  private static Map<Object, Object> map(Object object) {
    return (Map<Object, Object>) object;
  }

  private void push(Object object) {
    stack.add(object);
  }

  private Object pop() {
    Object top = stack.remove(stack.size() - 1);
    if (top == MARK) {
      throw new IndexOutOfBoundsException("a mark where an object should be");
    }
    return top;
  }

  private Object peek() {
    Object top = stack.get(stack.size() - 1);
    if (top == MARK) {
      throw new IndexOutOfBoundsException("a mark where an object should be");
    }
    return top;
  }

  private Object[] popArray(int count) {
    Object[] items = new Object[count];
    for (int i = count - 1; i >= 0; i--) {
      items[i] = pop();
    }
    return items;
  }

  private Object[] popToMark() {
    int mark = stack.lastIndexOf(MARK);
    List<Object> top = stack.subList(mark + 1, stack.size());
    Object[] items = top.toArray();
    stack.subList(mark, stack.size()).clear();
    return items;
  }

  private int next() {
    if (at >= bytes.length) {
      throw cutOff(1);
    }
    return bytes[at++] & 0xff;
  }

  private long little(int count) {
    long value = 0;
    for (int i = 0; i < count; i++) {
      value |= (long) next() << 8 * i;
    }
    return value;
  }

  private long bigInteger(int count) {
    if (count > 8) {
      throw damaged("it has an integer of " + count + " bytes");
    }
    long value = little(count);
    int unused = 64 - 8 * count;
    return count == 0 ? 0 : value << unused >> unused;
  }

  private byte[] take(long length) {
    if (length < 0 || length > bytes.length - at) {
      throw cutOff(length);
    }
    at += (int) length;
    return Arrays.copyOfRange(bytes, at - (int) length, at);
  }

  private String text(long length) {
    return new String(take(length), StandardCharsets.UTF_8);
  }

  private String line() {
    int start = at;
    while (next() != '\n') {
      continue;
    }
    return new String(bytes, start, at - 1 - start, StandardCharsets.UTF_8).strip();
  }

  private long decimal(String digits) {
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      throw damaged("'" + digits + "' is no integer of 64 bits");
    }
  }

  private InputException refused(String module, String name) {
    return new InputException(
        file
            + " is a pickle that wants "
            + module
            + "."
            + name
            + " (at byte "
            + at
            + "); only plain data are read, and no code of a file is ever run");
  }

  private InputException cutOff(long wanted) {
    return damaged(
        "it is cut off: " + wanted + " bytes are wanted, " + (bytes.length - at) + " left");
  }

  private InputException damaged(String what) {
    return new InputException(
        file + " is no complete pickle: at byte " + at + " " + what + "; fetch it again");
  }
}
