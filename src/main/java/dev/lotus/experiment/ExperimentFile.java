package dev.lotus.experiment;

import dev.lotus.backbone.Backbones;
import dev.lotus.data.Datasets;
import dev.lotus.device.InputException;
import dev.lotus.experiment.ExperimentSpec.DataSpec;
import dev.lotus.experiment.ExperimentSpec.Forget;
import dev.lotus.experiment.ExperimentSpec.MethodSpec;
import dev.lotus.experiment.ExperimentSpec.ModelSpec;
import dev.lotus.experiment.ExperimentSpec.Seeds;
import dev.lotus.experiment.ExperimentSpec.Training;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.unlearn.UnlearnMethods;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Reads an experiment's YAML; docs/experiments.md describes every key. */
public final class ExperimentFile {
  private static final int MOST = 1_000_000;
  private static final String NOT_NEGATIVE = "a number of 0 or more";
  private static final String SHARE = "a number above 0 and below 1";

  private static final String[] SETTINGS = {
    "epochs",
    "batch",
    "lr",
    "weight_decay",
    "augment",
    "retain_fraction",
    "alpha",
    "tau",
    "accuracy_rounding",
    "forget_target",
    "retain_target",
    "upstream_quirks",
    "unseen"
  };
  private static final String[] METHOD_KEYS =
      Stream.concat(Stream.of("name", "method"), Stream.of(SETTINGS)).toArray(String[]::new);

  private ExperimentFile() {}

  /**
   * @throws InputException naming file, key, value and what is wanted
   */
  public static ExperimentSpec read(Path file) {
    return new ExperimentFile().experiment(StrictYaml.read(file));
  }

  private ExperimentSpec experiment(StrictYaml root) {
    root.allow("name", "title", "seeds", "data", "models", "defaults", "methods");
    String name = root.text("name", null);
    if (name == null || !name.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
      throw root.child("name").error("give a word of letters, digits, dots and dashes");
    }
    return new ExperimentSpec(
        name, root.text("title", name), seeds(root), data(root), models(root), methods(root));
  }

  private static Seeds seeds(StrictYaml root) {
    StrictYaml seeds = root.child("seeds").allow("training", "unlearning", "split");
    boolean same =
        !seeds.has("unlearning")
            || (seeds.child("unlearning").isText() && seeds.text("unlearning", "").equals("same"));
    return new Seeds(
        seedList(seeds, "training"),
        same ? List.of() : seedList(seeds, "unlearning"),
        seeds.has("split") ? (Long) seeds.child("split").whole(0, Long.MAX_VALUE) : null);
  }

  private static List<Long> seedList(StrictYaml seeds, String key) {
    List<StrictYaml> nodes = seeds.list(key);
    List<Long> values = nodes.stream().map(node -> node.whole(0, Long.MAX_VALUE)).toList();
    StrictYaml.requireDistinct(nodes, values);
    return values;
  }

  private static List<DataSpec> data(StrictYaml root) {
    List<StrictYaml> nodes = root.list("data");
    List<DataSpec> all = new ArrayList<>();
    for (StrictYaml node : nodes) {
      node.allow(
          "name",
          "dataset",
          "place",
          "image_size",
          "per_class",
          "held_out",
          "skip_bad_images",
          "forget");
      String dataset = node.choice("dataset", null, Datasets.names());
      if (dataset.equals("synthetic") && node.has("place")) {
        throw node.child("place").error("synthetic data are generated; leave the key out");
      }
      all.add(
          new DataSpec(
              node.text("name", dataset),
              dataset,
              node.text("place", null),
              node.whole("image_size", 0, 1, 2048),
              node.whole("per_class", -1, 0, MOST),
              node.number("held_out", 0.0, v -> v > 0 && v < 1, SHARE),
              node.flag("skip_bad_images", false),
              forget(node.child("forget"))));
    }
    StrictYaml.requireDistinct(nodes, all.stream().map(DataSpec::name).toList());
    return all;
  }

  private static Forget forget(StrictYaml node) {
    if (node.isText() && node.text().equals("published")) {
      return new Forget(null, null, null, null);
    }
    node.allow("fraction", "shuffle", "class", "indices");
    Forget forget =
        new Forget(
            node.number("fraction", null, v -> v > 0 && v < 1, SHARE),
            node.has("shuffle") ? (Boolean) node.flag("shuffle", false) : null,
            node.has("class") ? classLabel(node.child("class")) : null,
            node.text("indices", null));
    long given =
        Arrays.asList(forget.fraction(), forget.classLabel(), forget.indices()).stream()
            .filter(value -> value != null)
            .count();
    if (given != 1 || (forget.shuffle() != null && forget.fraction() == null)) {
      throw node.error(
          "give published, or one of fraction (with shuffle, if you like), class and indices");
    }
    return forget;
  }

  private static String classLabel(StrictYaml node) {
    return node.isText() ? node.text() : String.valueOf(node.whole(0, MOST));
  }

  private static List<ModelSpec> models(StrictYaml root) {
    List<StrictYaml> nodes = root.list("models");
    List<ModelSpec> all = new ArrayList<>();
    for (StrictYaml node : nodes) {
      node.allow("name", "architecture", "width", "weights", "normalize", "train");
      String architecture = node.choice("architecture", null, Backbones.names());
      String weights = node.text("weights", null);
      all.add(
          new ModelSpec(
              node.text("name", architecture),
              architecture,
              node.number("width", 1.0, v -> v > 0 && v <= 16, "a number above 0, at most 16"),
              weights,
              node.text("normalize", null),
              training(node.child("train"), weights)));
    }
    StrictYaml.requireDistinct(nodes, all.stream().map(ModelSpec::name).toList());
    return all;
  }

  private static Training training(StrictYaml node, String weights) {
    if (node.isText() && node.text().equals("none")) {
      if (weights == null) {
        throw node.error("only given weights can be left as they are; give epochs, or weights");
      }
      return null;
    }
    node.allow("epochs", "batch", "lr", "weight_decay", "augment");
    return new Training(
        node.whole("epochs", null, 1, MOST),
        node.whole("batch", 128, 1, MOST),
        node.number("lr", 0.1, v -> v >= 0, NOT_NEGATIVE),
        node.number("weight_decay", 5e-4, v -> v >= 0, NOT_NEGATIVE),
        augment(node));
  }

  private static boolean augment(StrictYaml node) {
    return node.choice("augment", "published", List.of("published", "none")).equals("published");
  }

  private List<MethodSpec> methods(StrictYaml root) {
    List<StrictYaml> nodes = root.list("methods");
    if (root.has("defaults")) {
      root.child("defaults").allow(SETTINGS);
    }
    List<MethodSpec> all = new ArrayList<>();
    for (StrictYaml node : nodes) {
      StrictYaml own = node.over(root.child("defaults"));
      own.allow(METHOD_KEYS);
      String method = own.choice("method", null, UnlearnMethods.names());
      all.add(
          new MethodSpec(
              own.text("name", method),
              method,
              own.whole("epochs", null, 1, MOST),
              own.whole("batch", 128, 1, MOST),
              own.number("lr", null, v -> v >= 0, NOT_NEGATIVE),
              own.number("weight_decay", null, v -> v >= 0, NOT_NEGATIVE),
              augment(own),
              own.number(
                  "retain_fraction", 0.3, v -> v > 0 && v <= 1, "a number above 0, at most 1"),
              own.number("alpha", 2.0, v -> v >= 0, NOT_NEGATIVE),
              own.number("tau", null, v -> (float) v > 0, "a number above 0"),
              own.has("accuracy_rounding")
                  ? (Integer) own.whole("accuracy_rounding", null, 0, 15)
                  : null,
              own.choice("forget_target", "gumbel-softmax", words(ForgetTarget.values())),
              own.choice("retain_target", "gumbel-hard", words(RetainTarget.values())),
              own.text("upstream_quirks", null),
              own.text("unseen", null)));
    }
    StrictYaml.requireDistinct(nodes, all.stream().map(MethodSpec::name).toList());
    return all;
  }

  /** The words of an option's enum, as the command line has them. */
  private static List<String> words(Enum<?>[] values) {
    return Arrays.stream(values).map(ExperimentFile::word).toList();
  }

  static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
