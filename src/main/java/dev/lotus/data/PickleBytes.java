package dev.lotus.data;

import dev.lotus.device.InputException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The operands of a pickle's instructions; nothing is allocated that the bytes left do not back.
 */
final class PickleBytes {
  private static final int MAX_INTEGER = 256;
  private final ByteBuffer in;
  private int at;

  PickleBytes(ByteBuffer bytes) {
    in = bytes.order(ByteOrder.LITTLE_ENDIAN);
  }

  /** An instruction begins here: the place that messages name. */
  void mark() {
    at = in.position();
  }

  int at() {
    return at;
  }

  int size() {
    return in.limit();
  }

  private ByteBuffer need(int bytes) {
    if (in.remaining() < bytes) {
      throw damaged("an instruction that is cut off at byte " + in.limit());
    }
    return in;
  }

  int u1() {
    return need(1).get() & 0xff;
  }

  long u2() {
    return need(2).getShort() & 0xffff;
  }

  long u4() {
    return need(4).getInt() & 0xffffffffL;
  }

  double bigEndianDouble() {
    return Double.longBitsToDouble(Long.reverseBytes(need(8).getLong()));
  }

  /** A length field of 4 or 8 bytes, which may not exceed what is left. */
  int length(int bytes) {
    long length = bytes == 4 ? u4() : need(8).getLong();
    if (length < 0 || length > in.remaining()) {
      throw damaged(
          "a length of "
              + Long.toUnsignedString(length)
              + " with "
              + in.remaining()
              + " bytes left");
    }
    return (int) length;
  }

  byte[] take(int length) {
    need(length);
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  String text(int length) {
    return new String(take(length), StandardCharsets.UTF_8);
  }

  /** Little-endian two's complement. */
  Object integer(int length) {
    if (length > MAX_INTEGER) {
      throw damaged("an integer of " + length + " bytes");
    }
    byte[] little = take(length);
    byte[] big = new byte[length + 1];
    for (int i = 0; i < length; i++) {
      big[length - i] = little[i];
    }
    big[0] = (byte) (length > 0 && little[length - 1] < 0 ? -1 : 0);
    BigInteger value = new BigInteger(big);
    return value.bitLength() < Long.SIZE ? (Object) value.longValue() : value;
  }

  String line() {
    int start = in.position();
    while (u1() != '\n') {
      continue;
    }
    byte[] bytes = new byte[in.position() - 1 - start];
    in.get(start, bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Protocols 0 and 1 write False and True as 00 and 01. */
  Object decimalOrBool() {
    String digits = line();
    return digits.equals("00") || digits.equals("01")
        ? (Object) digits.equals("01")
        : decimal(digits);
  }

  long decimal(String digits) {
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      throw damaged("'" + Unpickler.printable(digits) + "', which is no integer of 64 bits");
    }
  }

  /** What to throw where the instruction is unsound. */
  InputException damaged(String what) {
    return new InputException(
        "is no complete pickle: at byte " + at + " it holds " + what + "; fetch or save it again");
  }
}
