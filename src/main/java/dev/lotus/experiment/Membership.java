package dev.lotus.experiment;

import dev.lotus.data.SplitMix;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Which forget and test samples a shadow model is trained on. Shadow models come in pairs: the
 * first of a pair is trained on a random half of both sets, the second on the other half. So each
 * sample is in exactly half of the models, and each model has half of the samples.
 *
 * @param forget whether each forget sample is among them, [N_f]
 * @param test the same of the test half, [N_t]
 */
record Membership(boolean[] forget, boolean[] test) {
  // Streams of the seed.
  private static final long FORGET = 0x666f72676574L;
  private static final long TEST = 0x74657374L;

  /**
   * @param seed of the audit
   * @param model number of the shadow model, from 0; how many there are makes no difference
   */
  static Membership of(long seed, int model, int forgetSamples, int testSamples) {
    boolean first = model % 2 == 0;
    int pair = model / 2;
    // Of odd sets one model of the pair has the larger half of D_f, the other of test.
    return new Membership(
        half(new SplitMix(SplitMix.hash(seed, FORGET), pair), forgetSamples, 0, first),
        half(new SplitMix(SplitMix.hash(seed, TEST), pair), testSamples, 1, first));
  }

  private static boolean[] half(SplitMix draw, int samples, int roundUp, boolean first) {
    int[] places = IntStream.range(0, samples).toArray();
    draw.shuffle(places);
    boolean[] members = new boolean[samples];
    Arrays.fill(members, !first);
    for (int i = 0; i < (samples + roundUp) / 2; i++) {
      members[places[i]] = first;
    }
    return members;
  }

  /**
   * The members as training images of {@link dev.lotus.data.Dataset#withHeldOutInTraining}.
   *
   * @param forgetIndices training images, [N_f]
   * @param testIndices held-out images, [N_t]
   * @param train number of training images
   */
  int[] images(int[] forgetIndices, int[] testIndices, int train) {
    return IntStream.concat(
            IntStream.range(0, forget.length).filter(i -> forget[i]).map(i -> forgetIndices[i]),
            IntStream.range(0, test.length).filter(i -> test[i]).map(i -> train + testIndices[i]))
        .toArray();
  }
}
