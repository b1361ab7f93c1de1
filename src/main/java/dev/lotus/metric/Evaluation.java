package dev.lotus.metric;

/**
 * One model, in evaluation mode, on the four sets of a split; null where a set was not scored. From
 * two or three of these come all metrics.
 *
 * @param forget on D_f, with class means where RF-JSD is wanted
 * @param retain on D_r
 * @param val on the validation half
 * @param test on the test half
 * @param miaApart the score of {@link Mia} where it does not come from the entropies of these sets;
 *     null = it does
 */
public record Evaluation(
    SetStatistics forget,
    SetStatistics retain,
    SetStatistics val,
    SetStatistics test,
    Double miaApart) {
  /** With MIA from the same entropies as everything else. */
  public Evaluation(
      SetStatistics forget, SetStatistics retain, SetStatistics val, SetStatistics test) {
    this(forget, retain, val, test, null);
  }

  /**
   * The three forms of the divergence to the retrained model on D_f.
   *
   * @param textbook {@link Jsd#meanOverRows}
   * @param upstream {@link JsdUpstream#of}
   * @param badTeaching {@link JsdUpstream#badTeaching}
   */
  public record Divergences(double textbook, double upstream, double badTeaching) {
    /** From two matrices of probabilities [N][C] in the same order of samples. */
    public static Divergences of(double[][] unlearned, double[][] retrained) {
      return new Divergences(
          Jsd.meanOverRows(unlearned, retrained),
          JsdUpstream.of(unlearned, retrained),
          JsdUpstream.badTeaching(unlearned, retrained));
    }
  }

  /**
   * All metrics of this model.
   *
   * @param originalTest the original model on the test half, with class means; null leaves RF-JSD
   *     out
   * @param retrained the retrained model; null leaves the gaps out
   * @param divergences to the retrained model on D_f; null leaves the JSDs out
   * @param seconds what making this model took; null where that is unknown
   */
  public Metrics metrics(
      SetStatistics originalTest, Evaluation retrained, Divergences divergences, Double seconds) {
    RfJsd rf = null;
    if (hasMeans(forget) && hasMeans(originalTest)) {
      rf = RfJsd.of(forget, originalTest);
    }
    Double mia = mia();
    AvgGap.Scores own = scores(mia);
    AvgGap.Scores gold = retrained == null ? null : retrained.scores(retrained.mia());
    boolean gap = own != null && gold != null;
    LossAttack attack = lossAttack();
    AttackMetrics attacks =
        attack == null
            ? AttackMetrics.NONE
            : AttackMetrics.of(
                attack, attack.overUnlearned(retrained == null ? null : retrained.lossAttack()));
    return new Metrics(
        accuracy(forget),
        accuracy(retain),
        accuracy(test),
        accuracy(val),
        mia,
        divergences == null ? null : (Double) divergences.textbook(),
        divergences == null ? null : (Double) divergences.upstream(),
        divergences == null ? null : (Double) divergences.badTeaching(),
        rf == null ? null : (Double) rf.textbook(),
        rf == null ? null : (Double) rf.low(),
        rf == null ? null : (Double) rf.high(),
        rf == null ? null : (Double) rf.upstream(),
        rf == null ? null : (Integer) rf.classesUsed(),
        gap ? (Double) AvgGap.exact(own, gold) : null,
        gap ? (Double) AvgGap.published(own, gold) : null,
        seconds,
        attacks,
        AuditMetrics.of(
            gap ? (Double) Tow.accuracy(own, gold) : null,
            gap ? (Double) Tow.mia(own, gold) : null,
            entropyShift()));
  }

  /**
   * The score of {@link Mia}; null where a set it needs was not scored (one of the held-out halves
   * is enough).
   */
  public Double mia() {
    if (miaApart != null) {
      return miaApart;
    }
    if (forget == null || retain == null || (val == null && test == null)) {
      return null;
    }
    return Mia.fit(retain.entropy(), entropy(test), entropy(val), forget.entropy()).score();
  }

  /** The loss-threshold attack; null where the forget set or both halves have no losses. */
  public LossAttack lossAttack() {
    if (!labelled(forget) || !(labelled(test) || labelled(val))) {
      return null;
    }
    return LossAttack.of(forget.loss(), loss(test), loss(val));
  }

  /** The Streisand check; null where the forget set or the test half has fewer than two samples. */
  public EntropyShift entropyShift() {
    if (forget == null || test == null || forget.rows() < 2 || test.rows() < 2) {
      return null;
    }
    return EntropyShift.of(forget.entropy(), test.entropy());
  }

  private AvgGap.Scores scores(Double mia) {
    if (mia == null || !labelled(forget) || !labelled(retain) || !labelled(test)) {
      return null;
    }
    return new AvgGap.Scores(mia, forget.accuracy(), retain.accuracy(), test.accuracy());
  }

  private static boolean hasMeans(SetStatistics set) {
    return set != null && set.classMeans() != null;
  }

  private static Double accuracy(SetStatistics set) {
    return labelled(set) ? (Double) set.accuracy() : null;
  }

  private static boolean labelled(SetStatistics set) {
    return set != null && set.labelled();
  }

  private static float[] loss(SetStatistics set) {
    return labelled(set) ? set.loss() : new float[0];
  }

  private static float[] entropy(SetStatistics set) {
    return set == null ? new float[0] : set.entropy();
  }
}
