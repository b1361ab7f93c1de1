package dev.lotus.kernel;

import java.util.ArrayList;
import java.util.List;

/**
 * The one list of shapes that every kernel test runs: odd on purpose, around every vector and block
 * width.
 */
final class Shapes {
  static final int[] CLASSES = {
    1, 2, 3, 7, 8, 10, 20, 31, 32, 33, 100, 101, 200, 1000, 1001, 21841
  };
  static final int[] ROWS = {1, 7, 128, 513};

  private Shapes() {}

  record Shape(int rows, int cols) {}

  /** A type for each shape and variant, so that every one meets every width and row count. */
  static DType dtypeInTurn(Shape shape, int variant) {
    int index = 0;
    while (CLASSES[index] != shape.cols()) {
      index++;
    }
    return DType.values()[(index + shape.rows() + variant) % DType.values().length];
  }

  /** All pairs; more than 1001 classes only with up to 7 rows, unless {@code -Pexhaustive}. */
  static List<Shape> all() {
    boolean exhaustive = Boolean.getBoolean("lotus.exhaustive");
    List<Shape> shapes = new ArrayList<>();
    for (int cols : CLASSES) {
      for (int rows : ROWS) {
        if (exhaustive || cols <= 1001 || rows <= 7) {
          shapes.add(new Shape(rows, cols));
        }
      }
    }
    return shapes;
  }
}
