package dev.lotus.experiment;

import dev.lotus.data.Checksum;
import dev.lotus.report.Json;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A model to be made, named by all that decides about it: two items of one hash are one.
 *
 * @param kind of model
 * @param identity everything that decides about its weights, in a fixed order
 * @param sha256 of {@link #identity}
 * @param label for progress, in words
 */
record WorkItem(Kind kind, Map<String, Object> identity, String sha256, String label) {
  /** Raised when the same identity no longer means the same weights. */
  private static final int VERSION = 1;

  private static final int SHORT = 16;

  /** What a model is to the others. */
  enum Kind {
    /** Trained on everything. */
    ORIGINAL,
    /** Trained without the forget set. */
    GOLD,
    /** Unlearned from an original. */
    UNLEARNED,
    /** Trained like the original on D_r and on half of the forget and test samples. */
    SHADOW,
    /** A shadow model that unlearned that half. */
    UNLEARNED_SHADOW
  }

  static WorkItem of(Kind kind, String label, Map<String, Object> parts) {
    Map<String, Object> identity = new LinkedHashMap<>();
    identity.put("version", VERSION);
    identity.put("kind", kind.name().toLowerCase(java.util.Locale.ROOT));
    identity.putAll(parts);
    return new WorkItem(kind, identity, hash(identity), label);
  }

  /** SHA-256 of a value's JSON, which is the same for equal values. */
  static String hash(Object value) {
    return Checksum.ofBytes(Json.bytes(value));
  }

  /** Folder name. */
  String id() {
    return kind.name().toLowerCase(java.util.Locale.ROOT) + "-" + sha256.substring(0, SHORT);
  }
}
