package dev.lotus.experiment;

/** What there is to do about a model. */
enum Task {
  /** To train it, or to unlearn from another. */
  MAKE(""),
  /** To compute its metrics. */
  SCORE("scoring "),
  /** To keep its confidences on the forget and test samples, which attacks compare. */
  ANSWER("confidences of "),
  /** To count the epochs that bring the forget set back. */
  RELEARN("relearning by ");

  /** Before the model's label in lines of progress. */
  final String words;

  Task(String words) {
    this.words = words;
  }
}
