package dev.lotus.load;

/** Makes batches of filled slots, where they are used. */
interface BatchMaker extends AutoCloseable {
  /** Batches to prepare ahead. */
  int ahead();

  /**
   * A slot whose batches this can make; closed with this.
   *
   * @param withPixels whether it has room for images; else they are resident
   */
  Slot slot(int maxRows, boolean withPixels);

  /**
   * The batch of a filled slot, in the caller's scope.
   *
   * @param resident null where the images are in the slot
   */
  Batch batch(Slot slot, ResidentImages resident, Batch.Rows rows);

  /** The background threads have ended. */
  @Override
  void close();
}
