package dev.lotus.metric;

/** Takes the rows of a matrix of logits in their order, as a pass over a set yields them. */
@FunctionalInterface
public interface LogitsSink {
  /** The next rows, one after the other, as many values each as there are classes. */
  void accept(float[] rows);
}
