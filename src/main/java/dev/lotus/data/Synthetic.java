package dev.lotus.data;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A data set generated from a seed: 10 classes of 3x32x32 images, {@value #TRAIN} for training and
 * {@value #HELD_OUT} held out. Each class is a smooth pattern of low frequencies. An image shows
 * its class's pattern at a random shift, mixed with another class's, at random contrast and under
 * noise; some labels are wrong. So a small network learns it well above chance, and fits the
 * training images much better than held-out ones: there is something to unlearn.
 */
final class Synthetic {
  static final int TRAIN = 2000;
  static final int HELD_OUT = 1000;

  private static final int CLASSES = 10;
  private static final int CHANNELS = 3;
  private static final int SIDE = 32;
  private static final int PLANE = SIDE * SIDE;
  private static final int PIXELS = CHANNELS * PLANE;
  private static final int WAVES = 5;
  private static final int MAX_CYCLES = 3;

  /** Largest shift in pixels, either way; patterns wrap around. */
  private static final int SHIFT = 6;

  /** Least share of its own class's pattern in an image; the most is 1. */
  private static final float OWN_SHARE = 0.4f;

  /** Standard deviation of the noise, in grey levels. */
  private static final float NOISE = 40;

  /** Share of the labels that are drawn anew, from all classes. */
  private static final float WRONG_LABELS = 0.1f;

  // Streams of the seed.
  private static final long PATTERNS = 3;
  private static final long TRAIN_IMAGES = 4;
  private static final long HELD_OUT_IMAGES = 5;

  private Synthetic() {}

  static Dataset dataset(long seed) {
    return dataset(seed, TRAIN, HELD_OUT);
  }

  static Dataset dataset(long seed, int trainSize, int heldOutSize) {
    float[][] patterns = patterns(new SplitMix(seed, PATTERNS));
    Checksum checksum = new Checksum();
    return new Dataset(
        "synthetic",
        images(patterns, trainSize, new SplitMix(seed, TRAIN_IMAGES), checksum),
        images(patterns, heldOutSize, new SplitMix(seed, HELD_OUT_IMAGES), checksum),
        names(),
        checksum.hex(),
        Normalization.uniform(CHANNELS, 0.5f, 0.25f));
  }

  private static List<String> names() {
    return IntStream.range(0, CLASSES).mapToObj(k -> "pattern " + k).toList();
  }

  /** One pattern a class, [CLASSES][CHANNELS x SIDE x SIDE], each channel of variance 1. */
  private static float[][] patterns(SplitMix draw) {
    float[][] patterns = new float[CLASSES][PIXELS];
    for (float[] pattern : patterns) {
      for (int channel = 0; channel < CHANNELS; channel++) {
        for (int wave = 0; wave < WAVES; wave++) {
          addWave(pattern, channel * PLANE, draw);
        }
      }
    }
    return patterns;
  }

  /** Adds a plane wave of whole cycles, so that the pattern wraps around without an edge. */
  private static void addWave(float[] pattern, int offset, SplitMix draw) {
    int down = draw.nextInt(2 * MAX_CYCLES + 1) - MAX_CYCLES;
    int across = 1 + draw.nextInt(MAX_CYCLES);
    double phase = draw.nextFloat();
    double amplitude = StrictMath.sqrt(2.0 / WAVES);
    for (int y = 0; y < SIDE; y++) {
      for (int x = 0; x < SIDE; x++) {
        double turns = (double) (down * y + across * x) / SIDE + phase;
        // StrictMath: the same bits on every machine.
        double value = amplitude * StrictMath.cos(2 * StrictMath.PI * turns);
        pattern[offset + y * SIDE + x] += (float) value;
      }
    }
  }

  private static ImageSet images(float[][] patterns, int count, SplitMix draw, Checksum checksum) {
    byte[] pixels = new byte[count * PIXELS];
    byte[] labels = new byte[count];
    for (int i = 0; i < count; i++) {
      int own = i % CLASSES;
      int other = (own + 1 + draw.nextInt(CLASSES - 1)) % CLASSES;
      paint(pixels, i * PIXELS, patterns[own], patterns[other], draw);
      boolean wrong = draw.nextFloat() < WRONG_LABELS;
      int label = wrong ? draw.nextInt(CLASSES) : own;
      labels[i] = (byte) label;
    }
    checksum.add(pixels).add(labels);
    return new MemoryImages(CHANNELS, SIDE, SIDE, pixels, labels);
  }

  private static void paint(byte[] pixels, int offset, float[] own, float[] other, SplitMix draw) {
    float share = OWN_SHARE + (1 - OWN_SHARE) * draw.nextFloat();
    float contrast = 30 + 25 * draw.nextFloat();
    float a = contrast * share;
    float b = contrast * (1 - share);
    float brightness = 128 + 40 * (draw.nextFloat() - 0.5f);
    int ownDown = shift(draw);
    int ownAcross = shift(draw);
    int otherDown = draw.nextInt(SIDE);
    int otherAcross = draw.nextInt(SIDE);
    for (int channel = 0; channel < CHANNELS; channel++) {
      for (int y = 0; y < SIDE; y++) {
        int ownRow = channel * PLANE + ((y + ownDown) & (SIDE - 1)) * SIDE;
        int otherRow = channel * PLANE + ((y + otherDown) & (SIDE - 1)) * SIDE;
        int row = offset + channel * PLANE + y * SIDE;
        long bits = 0;
        for (int x = 0; x < SIDE; x++) {
          bits = (x & 1) == 0 ? draw.nextLong() : bits >>> 32;
          float value =
              brightness
                  + a * own[ownRow + ((x + ownAcross) & (SIDE - 1))]
                  + b * other[otherRow + ((x + otherAcross) & (SIDE - 1))]
                  + NOISE * normal(bits);
          pixels[row + x] = (byte) Math.round(Math.max(0, Math.min(255, value)));
        }
      }
    }
  }

  private static int shift(SplitMix draw) {
    return draw.nextInt(2 * SHIFT + 1) - SHIFT;
  }

  /** Nearly normal, mean 0, variance 1: the sum of the four low bytes. */
  private static float normal(long bits) {
    long sum = (bits & 0xff) + (bits >>> 8 & 0xff) + (bits >>> 16 & 0xff) + (bits >>> 24 & 0xff);
    // Four uniform bytes have mean 510 and variance 4 (256^2 - 1) / 12.
    return (sum - 510) * (1 / 147.8f);
  }
}
