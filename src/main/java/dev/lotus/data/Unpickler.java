package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads Python's pickles (protocols 0 to 5) as far as they hold data. A pickle is a program that
 * may call anything; this machine knows containers, numbers and texts, asks its {@link Rules} for
 * every name, and refuses those that they do not know before any argument is looked at. Nothing is
 * looked up and no code of the file runs: an allowed name stands for a {@link Function} written in
 * Java.
 *
 * <p>Values: None null, bool Boolean, int Long (BigInteger beyond 64 bits), float Double, str
 * String, bytes byte[], list ArrayList, tuple an unmodifiable List, dict LinkedHashMap (keys of
 * bytes as Latin-1 strings), and what the rules make. They may contain themselves: walk them with a
 * depth in mind. Nothing is larger than the bytes of the file that ask for it.
 *
 * <p>(net.razorvine:pickle keeps its table of constructors in a static field that any code of the
 * JVM may extend, knows dozens of classes by itself, and allocates what a length field says.)
 *
 * @see <a href="https://docs.python.org/3/library/pickletools.html">the opcodes</a>
 */
public final class Unpickler {
  /** What a pickle may name beside plain data. */
  public interface Rules {
    /**
     * What {@code module.name} stands for, a {@link Function} where it may be called; null refuses
     * it.
     */
    Object find(String module, String name);

    /**
     * The object that lies outside the pickle under this identifier; null refuses it.
     *
     * @throws InputException if the identifier is not of the form that these files have
     */
    default Object persistent(Object id) {
      return null;
    }

    /** Python 2's str, bytes or text as the reader of a file wants it; bytes if not told. */
    default Object python2(byte[] string) {
      return string;
    }

    /** What to do where a name is refused. */
    default String advice() {
      return "only plain data are read";
    }
  }

  /** Builds an object from the arguments that a file gives. */
  public interface Function {
    /**
     * @throws InputException if the arguments are not what this function takes
     */
    Object call(List<?> arguments);
  }

  /** An object that takes a state after it was built (Python's {@code __setstate__}). */
  public interface Stateful {
    /**
     * @throws InputException if the state is not of the expected form
     */
    void setState(Object state);
  }

  private static final Object MARK = new Object();

  /**
   * Most instructions of a pickle, and so most entries of its stack and memo: each may make an
   * object of some 50 bytes. CIFAR's files have some 30,000, ViT-B/16 with its optimizer 50,000.
   */
  private static final int MAX_INSTRUCTIONS = 1 << 22;

  private static final int MAX_SHOWN = 200;

  private final PickleBytes in;
  private final Rules rules;
  private final ArrayList<Object> stack = new ArrayList<>();
  private final Map<Long, Object> memo = new HashMap<>();
  private int instructions;
  private long calledBytes;

  /**
   * @param bytes from its position on: one pickle after the other, and whatever follows them
   */
  public Unpickler(ByteBuffer bytes, Rules rules) {
    this.in = new PickleBytes(bytes);
    this.rules = rules;
  }

  /**
   * The one object of a pickle.
   *
   * @param file for messages
   * @throws InputException as {@link #read()}, with the file's name before
   */
  public static Object read(String file, byte[] pickle, Rules rules) {
    try {
      return new Unpickler(ByteBuffer.wrap(pickle), rules).read();
    } catch (InputException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Runs one pickle; the buffer's position is then behind its end.
   *
   * @throws InputException naming what is refused, or what is wrong at which byte
   */
  public Object read() {
    stack.clear();
    memo.clear();
    while (true) {
      in.mark();
      if (++instructions > MAX_INSTRUCTIONS) {
        throw in.damaged(
            "more than " + MAX_INSTRUCTIONS + " instructions, which no data file needs");
      }
      int opcode = in.u1();
      if (opcode == '.') {
        Object result = pop();
        if (!stack.isEmpty()) {
          throw in.damaged("its end with values left over");
        }
        return result;
      }
      if (!scalar(opcode) && !container(opcode) && !memory(opcode) && !object(opcode)) {
        throw in.damaged(String.format("the opcode 0x%02x, which no data file needs", opcode));
      }
    }
  }

  /** Text of a file, fit for a terminal: one line, no control characters, of bounded length. */
  public static String printable(String text) {
    String clean =
        text.substring(0, Math.min(text.length(), MAX_SHOWN)).replaceAll("[^\\x20-\\x7e]", "?");
    return text.length() <= MAX_SHOWN ? clean : clean + "...";
  }

  private boolean scalar(int opcode) {
    switch (opcode) {
      case 0x80 -> protocol();
      case 0x95 -> in.length(8); // FRAME only announces how many bytes follow
      case 'N' -> push(null);
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'J' -> push((long) (int) in.u4());
      case 'K' -> push((long) in.u1());
      case 'M' -> push(in.u2());
      case 0x8a -> push(in.integer(in.u1()));
      case 0x8b -> push(in.integer(in.length(4)));
      case 'I' -> push(in.decimalOrBool());
      case 'L' -> push(in.decimal(in.line().replaceFirst("L$", "")));
      case 'G' -> push(in.bigEndianDouble());
      case 'U' -> push(rules.python2(in.take(in.u1())));
      case 'T' -> push(rules.python2(in.take(in.length(4))));
      case 'C' -> push(in.take(in.u1()));
      case 'B' -> push(in.take(in.length(4)));
      case 0x8e, 0x96 -> push(in.take(in.length(8)));
      case 0x8c -> push(in.text(in.u1()));
      case 'X' -> push(in.text(in.length(4)));
      case 0x8d -> push(in.text(in.length(8)));
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean container(int opcode) {
    switch (opcode) {
      case '(' -> push(MARK);
      case ']' -> push(new ArrayList<>());
      case '}' -> push(new LinkedHashMap<>());
      case ')' -> push(List.of());
      case 'l' -> push(popToMark());
      case 't' -> push(Collections.unmodifiableList(popToMark()));
      case 'd' -> {
        List<Object> items = popToMark();
        push(put(new LinkedHashMap<>(), items));
      }
      case 0x85 -> push(tuple(1));
      case 0x86 -> push(tuple(2));
      case 0x87 -> push(tuple(3));
      case 'a' -> {
        Object item = pop();
        list().add(item);
      }
      case 'e' -> {
        List<Object> items = popToMark();
        list().addAll(items);
      }
      case 's' -> {
        List<Object> item = tuple(2);
        put(dict(), item);
      }
      case 'u' -> {
        List<Object> items = popToMark();
        put(dict(), items);
      }
      case '0' -> pop();
      case '1' -> popToMark();
      case '2' -> push(top());
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean memory(int opcode) {
    switch (opcode) {
      case 'q' -> memo.put((long) in.u1(), top());
      case 'r' -> memo.put(in.u4(), top());
      case 'p' -> memo.put(in.decimal(in.line()), top());
      case 0x94 -> memo.put((long) memo.size(), top());
      case 'h' -> push(remembered(in.u1()));
      case 'j' -> push(remembered(in.u4()));
      case 'g' -> push(remembered(in.decimal(in.line())));
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean object(int opcode) {
    switch (opcode) {
      case 'c' -> push(find(in.line(), in.line()));
      case 0x93 -> {
        List<Object> names = tuple(2);
        if (!(names.get(0) instanceof String module) || !(names.get(1) instanceof String name)) {
          throw in.damaged("a class whose name is no text");
        }
        push(find(module, name));
      }
      case 'R', 0x81 -> {
        List<Object> call = tuple(2);
        if (!(call.get(0) instanceof Function function)
            || !(call.get(1) instanceof List<?> arguments)) {
          throw in.damaged("a call of what is no function");
        }
        push(called(function, arguments));
      }
      case 'b' -> build(pop());
      case 'i' -> throw refused(in.line() + "." + in.line()); // INST names its class in place
      case 'P' -> push(persistent(in.line()));
      case 'Q' -> push(persistent(pop()));
      case 0x82, 0x83, 0x84 -> throw refused("an extension code");
      default -> {
        return false;
      }
    }
    return true;
  }

  private void protocol() {
    int version = in.u1();
    if (version < 2 || version > 5) {
      throw in.damaged("the pickle protocol " + version + ", which is not between 2 and 5");
    }
  }

  private Object find(String module, String name) {
    Object found = rules.find(module, name);
    if (found == null) {
      throw refused(module + "." + name);
    }
    return found;
  }

  private Object persistent(Object id) {
    Object found = rules.persistent(id);
    if (found == null) {
      throw refused("a persistent id");
    }
    return found;
  }

  /** A few bytes call for a text remembered as often as they like: so the results are counted. */
  private Object called(Function function, List<?> arguments) {
    Object made = function.call(arguments);
    calledBytes += made instanceof byte[] bytes ? bytes.length : 0;
    if (calledBytes > in.size()) {
      throw in.damaged("calls that make more bytes than it has");
    }
    return made;
  }

  /** A dict that is given a state has attributes (a state dict's {@code _metadata}): dropped. */
  private void build(Object state) {
    if (top() instanceof Stateful object) {
      object.setState(state);
    } else if (!(top() instanceof Map<?, ?>) || !(state instanceof Map<?, ?>)) {
      throw in.damaged("a BUILD of what takes no state");
    }
  }

  private Map<Object, Object> put(Map<Object, Object> dict, List<Object> items) {
    if (items.size() % 2 != 0) {
      throw in.damaged("a dict with a key that has no value");
    }
    for (int i = 0; i < items.size(); i += 2) {
      Object key = items.get(i);
      if (key instanceof byte[] bytes) {
        key = new String(bytes, StandardCharsets.ISO_8859_1);
      }
      // A container as key would be hashed, which recurses without end where it holds itself.
      if (!(key instanceof String || key instanceof Long || key instanceof Double)
          && !(key instanceof Boolean)) {
        throw in.damaged("a dict key that is neither a text nor a number");
      }
      dict.put(key, items.get(i + 1));
    }
    return dict;
  }

  @SuppressWarnings("unchecked")
  private List<Object> list() {
    if (top() instanceof ArrayList<?> list) {
      return (List<Object>) list;
    }
    throw in.damaged("an append to what is no list");
  }

  @SuppressWarnings("unchecked")
  private Map<Object, Object> dict() {
    if (top() instanceof Map<?, ?> dict) {
      return (Map<Object, Object>) dict;
    }
    throw in.damaged("an entry into what is no dict");
  }

  private Object remembered(long place) {
    if (!memo.containsKey(place)) {
      throw in.damaged("memo " + place + ", which was never stored");
    }
    return memo.get(place);
  }

  private void push(Object value) {
    stack.add(value);
  }

  private Object top() {
    if (stack.isEmpty()) {
      throw in.damaged("an empty stack where a value is due");
    }
    Object top = stack.get(stack.size() - 1);
    if (top == MARK) {
      throw in.damaged("a mark where a value is due");
    }
    return top;
  }

  private Object pop() {
    Object top = top();
    stack.remove(stack.size() - 1);
    return top;
  }

  private List<Object> tuple(int size) {
    Object[] values = new Object[size];
    for (int i = size - 1; i >= 0; i--) {
      values[i] = pop();
    }
    return Collections.unmodifiableList(Arrays.asList(values));
  }

  private ArrayList<Object> popToMark() {
    int mark = stack.lastIndexOf(MARK);
    if (mark < 0) {
      throw in.damaged("a missing mark");
    }
    ArrayList<Object> values = new ArrayList<>(stack.subList(mark + 1, stack.size()));
    stack.subList(mark, stack.size()).clear();
    return values;
  }

  private InputException refused(String name) {
    return new InputException(
        "asks for "
            + printable(name)
            + ", at byte "
            + in.at()
            + ": refused, no code of a file is ever run; "
            + rules.advice());
  }
}
