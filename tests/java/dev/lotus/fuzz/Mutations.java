package dev.lotus.fuzz;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Sound bytes, damaged at random: changed, cut, left out, doubled, moved, or too large a number.
 */
final class Mutations {
  private static final byte[][] NUMBERS = {
    {-1, -1, -1, -1},
    {-1, -1, -1, 127},
    {0, 0, 0, 0},
    {0, 0, 0, 1},
    {-1, -1, -1, -1, -1, -1, -1, 127},
    "99999999999".getBytes(java.nio.charset.StandardCharsets.US_ASCII)
  };

  private Mutations() {}

  static byte[] of(byte[] valid, SplittableRandom random) {
    byte[] bytes = valid.clone();
    for (int left = 1 + random.nextInt(6); left > 0 && bytes.length > 0; left--) {
      // Heads of files decide more than their data.
      int reach = random.nextBoolean() ? 700 : bytes.length;
      bytes = once(bytes, valid, random.nextInt(Math.min(bytes.length, reach)), random);
    }
    return bytes;
  }

  private static byte[] once(byte[] bytes, byte[] valid, int at, SplittableRandom random) {
    switch (random.nextInt(9)) {
      case 0 -> bytes[at] = (byte) random.nextInt(256);
      case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
      case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0xff : 0x7f);
      case 3 -> {
        return Arrays.copyOf(bytes, at);
      }
      case 4 -> System.arraycopy(valid, 0, bytes, at, Math.min(valid.length, bytes.length - at));
      case 5 -> { // a piece of the file over another
        int from = random.nextInt(bytes.length);
        int most = Math.min(64, bytes.length - Math.max(at, from));
        System.arraycopy(bytes, from, bytes, at, random.nextInt(1 + most));
      }
      case 6 -> { // a piece left out
        int length = Math.min(random.nextInt(16), bytes.length - at);
        byte[] shorter = Arrays.copyOf(bytes, bytes.length - length);
        System.arraycopy(bytes, at + length, shorter, at, shorter.length - at);
        return shorter;
      }
      case 7 -> {
        byte[] number = NUMBERS[random.nextInt(NUMBERS.length)];
        System.arraycopy(number, 0, bytes, at, Math.min(number.length, bytes.length - at));
      }
      default -> {
        int end = Math.min(bytes.length, at + 1 + random.nextInt(8));
        Arrays.fill(bytes, at, end, (byte) (random.nextBoolean() ? 0 : 0xff));
      }
    }
    return bytes;
  }
}
