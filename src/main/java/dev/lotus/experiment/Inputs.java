package dev.lotus.experiment;

import dev.lotus.backbone.Backbones;
import dev.lotus.data.Checksum;
import dev.lotus.data.DataSettings;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.IndexFile;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;
import dev.lotus.experiment.ExperimentSpec.DataSpec;
import dev.lotus.experiment.ExperimentSpec.Forget;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The files an experiment names, opened once each. A relative path is looked for in the folder the
 * command line gives, without one in the working directory.
 */
class Inputs {
  /** As for every other command: generated images are the same whatever the seeds. */
  private static final long SYNTHETIC_SEED = 0;

  private final Path base;
  private final boolean untrusted;
  private final Consumer<String> notes;
  private final Map<String, Dataset> opened = new HashMap<>();
  private final Map<Path, String> checksums = new HashMap<>();

  /**
   * @param base folder of relative paths, or null
   * @param untrusted refuse weights that are programs
   * @param notes takes lines about what was skipped
   */
  Inputs(Path base, boolean untrusted, Consumer<String> notes) {
    this.base = base;
    this.untrusted = untrusted;
    this.notes = notes;
  }

  Path path(String given) {
    return base == null ? Path.of(given) : base.resolve(given);
  }

  /**
   * @param given null = none
   * @throws InputException if it is a program and those are refused
   */
  Path weights(String given) {
    Path file = given == null ? null : path(given);
    if (file != null && untrusted) {
      Backbones.requireNoProgram(file);
    }
    return file;
  }

  /** SHA-256 of a file. */
  String checksum(Path file) {
    return checksums.computeIfAbsent(file, Checksum::ofFile);
  }

  /**
   * @param unseen folder of images that stand for unseen data, or null
   */
  Dataset open(DataSpec spec, String unseen) {
    String key = spec.name() + (unseen == null ? "" : "\n" + unseen);
    Dataset data = opened.get(key);
    if (data == null) {
      data = Datasets.open(spec.dataset(), place(spec), settings(spec, unseen));
      if (data.heldOut().size() == 0) {
        throw new InputException(
            "data " + spec.name() + " has no held-out images; give held_out in the file");
      }
      opened.put(key, data);
    }
    return data;
  }

  private Path place(DataSpec spec) {
    if (spec.dataset().equals("synthetic")) {
      return null;
    }
    return spec.place() == null ? base : path(spec.place());
  }

  private DataSettings settings(DataSpec spec, String unseen) {
    return new DataSettings(
        SYNTHETIC_SEED,
        spec.skipBadImages(),
        null,
        spec.imageSize(),
        spec.perClass(),
        spec.heldOut(),
        unseen == null ? null : path(unseen),
        notes);
  }

  /** The split of a data set by a seed. */
  Split split(DataSpec spec, Dataset data, long seed) {
    Forget forget = spec.forget();
    if (forget.fraction() != null) {
      return Split.random(data, forget.fraction(), Boolean.TRUE.equals(forget.shuffle()), seed);
    }
    if (forget.classLabel() != null) {
      return Split.ofClass(data, classNumber(spec, data, forget.classLabel()), seed);
    }
    return forget.indices() != null
        ? Split.explicit(data, IndexFile.read(path(forget.indices())), seed)
        : Split.published(data, seed);
  }

  /** The same forget and retain sets where the unseen data are another source's. */
  static Split withUnseen(Split split, Dataset data) {
    int own = data.unseenFrom();
    return new Split(
        Split.SCHEMA,
        data.name(),
        data.sha256(),
        split.seed(),
        split.kind(),
        split.forget(),
        split.retain(),
        IntStream.range(own, data.heldOut().size()).toArray(),
        IntStream.range(0, own).toArray());
  }

  private static int classNumber(DataSpec spec, Dataset data, String label) {
    if (label.matches("\\d{1,7}")) {
      return Integer.parseInt(label);
    }
    List<String> names = data.classNames();
    for (int k = 0; k < names.size(); k++) {
      // Sets of WordNet classes list synonyms: "pizza, pizza pie".
      for (String name : names.get(k).split(",")) {
        if (name.strip().toLowerCase(Locale.ROOT).equals(label.toLowerCase(Locale.ROOT))) {
          return k;
        }
      }
    }
    throw new InputException(
        "data "
            + spec.name()
            + ": there is no class \""
            + label
            + "\"; its classes are "
            + String.join("; ", names.subList(0, Math.min(20, names.size())))
            + (names.size() > 20 ? "; ..." : ""));
  }
}
