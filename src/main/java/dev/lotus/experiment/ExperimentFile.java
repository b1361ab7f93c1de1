package dev.lotus.experiment;

import dev.lotus.backbone.Backbones;
import dev.lotus.data.Datasets;
import dev.lotus.data.Normalization;
import dev.lotus.device.InputException;
import dev.lotus.experiment.ExperimentSpec.Audit;
import dev.lotus.experiment.ExperimentSpec.DataSpec;
import dev.lotus.experiment.ExperimentSpec.Forget;
import dev.lotus.experiment.ExperimentSpec.MethodSpec;
import dev.lotus.experiment.ExperimentSpec.ModelSpec;
import dev.lotus.experiment.ExperimentSpec.Seeds;
import dev.lotus.experiment.ExperimentSpec.Training;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.track.TrackingSettings;
import dev.lotus.unlearn.OptionWords;
import dev.lotus.unlearn.TrainLoop;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnMethods;
import dev.lotus.unlearn.UpstreamQuirk;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Reads an experiment's YAML; docs/experiments.md describes every key. */
public final class ExperimentFile {
  private static final int MOST = 1_000_000;
  private static final int MOST_SHADOWS = 1024;
  private static final String NOT_NEGATIVE = "a number of 0 or more";
  private static final String SHARE = "a number above 0 and below 1";

  private static final String QUIRKS = "upstream_quirks";

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
    "beta",
    "upstream_quirks",
    "unseen"
  };

  /** Those that mean something to some methods only, as their options do. */
  private static final List<String> OF_SOME =
      List.of(
          "lr",
          "weight_decay",
          "retain_fraction",
          "alpha",
          "tau",
          "accuracy_rounding",
          "forget_target",
          "retain_target",
          "beta",
          "unseen");

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
    root.allow(
        "name", "title", "seeds", "data", "models", "defaults", "methods", "audit", "tracking");
    String name = root.text("name", null);
    if (name == null || !name.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
      throw root.child("name").error("give a word of letters, digits, dots and dashes");
    }
    List<ModelSpec> models = models(root);
    return new ExperimentSpec(
        name,
        root.text("title", name),
        seeds(root),
        data(root),
        models,
        methods(root),
        root.has("audit") ? audit(root.child("audit"), models) : null,
        root.has("tracking") ? tracking(root.child("tracking"), name) : TrackingSettings.NONE);
  }

  private static TrackingSettings tracking(StrictYaml node, String name) {
    node.allow("tensorboard", "mlflow", "experiment");
    try {
      return new TrackingSettings(
          node.flag("tensorboard", false),
          TrackingSettings.server(node.text("mlflow", null)),
          node.text("experiment", name));
    } catch (InputException e) {
      throw node.error(e.getMessage());
    }
  }

  private static Audit audit(StrictYaml node, List<ModelSpec> models) {
    node.allow("models", "relearn", "seed");
    int shadows = node.whole("models", 0, 0, MOST_SHADOWS);
    if (shadows % 2 != 0 || shadows == 2) {
      throw node.child("models")
          .error(
              "give an even number from 4 to "
                  + MOST_SHADOWS
                  + ": half of them are trained on each sample, and an attack needs two of both"
                  + " kinds");
    }
    for (ModelSpec model : models) {
      if (shadows > 0 && model.train() == null) {
        throw node.child("models")
            .error(
                "shadow models are trained as the originals are, and model "
                    + model.name()
                    + " has train: none; leave the key out");
      }
    }
    return new Audit(
        shadows,
        node.flag("relearn", false),
        node.has("seed") ? node.child("seed").whole(0, Long.MAX_VALUE) : 0);
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
              normalize(node),
              training(node.child("train"), weights)));
    }
    StrictYaml.requireDistinct(nodes, all.stream().map(ModelSpec::name).toList());
    return all;
  }

  /** Its form; whether it has as many channels as the images is seen with them. */
  private static String normalize(StrictYaml node) {
    String text = node.text("normalize", null);
    if (text == null) {
      return null;
    }
    try {
      int channels = text.split(":", 2)[0].split(",", -1).length;
      boolean numbers = text.indexOf(':') >= 0;
      Normalization.parse(text, Normalization.uniform(numbers ? channels : 3, 0, 1));
    } catch (InputException e) {
      throw node.child("normalize")
          .error(e.getMessage().replace("--normalize " + text, "").strip());
    }
    return text;
  }

  private static Training training(StrictYaml node, String weights) {
    if (node.isText() && node.text().equals("none")) {
      if (weights == null) {
        throw node.error("only given weights can be left as they are; give epochs, or weights");
      }
      return null;
    }
    node.allow("epochs", "batch", "lr", "weight_decay", "schedule", "augment");
    return new Training(
        node.whole("epochs", null, 1, MOST),
        node.whole("batch", 128, 1, MOST),
        node.number("lr", 0.1, v -> v >= 0, NOT_NEGATIVE),
        node.number("weight_decay", 5e-4, v -> v >= 0, NOT_NEGATIVE),
        node.choice("schedule", "warmup", OptionWords.of(TrainLoop.Schedule.values())),
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
      node.allow(METHOD_KEYS);
      String method = node.choice("method", null, UnlearnMethods.names());
      List<String> foreign = foreign(method);
      for (String key : foreign) {
        if (node.has(key)) {
          throw node.child(key)
              .error(
                  "method "
                      + method
                      + " has no use for it; it belongs to "
                      + String.join(", ", UnlearnMethods.having(option(key))));
        }
      }
      StrictYaml own = node.over(root.child("defaults"), foreign);
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
              own.number(
                  "tau", null, v -> (float) v > 0 && Float.isFinite((float) v), "a number above 0"),
              own.has("accuracy_rounding")
                  ? (Integer) own.whole("accuracy_rounding", null, 0, 15)
                  : null,
              own.choice("forget_target", "gumbel-softmax", OptionWords.of(ForgetTarget.values())),
              own.choice("retain_target", "gumbel-hard", OptionWords.of(RetainTarget.values())),
              own.number("beta", UnlearnConfig.BETA, v -> v >= 0 && v <= 1, "a number from 0 to 1"),
              quirks(node, root.child("defaults"), method),
              own.text("unseen", null)));
    }
    StrictYaml.requireDistinct(nodes, all.stream().map(MethodSpec::name).toList());
    return all;
  }

  private static String option(String key) {
    return "--" + key.replace('_', '-');
  }

  /** The settings that mean nothing to a method: refused in its node, passed over in defaults. */
  private static List<String> foreign(String method) {
    return OF_SOME.stream().filter(key -> !UnlearnMethods.has(method, option(key))).toList();
  }

  /** Of quirks that are named for all methods, each takes those that concern it. */
  private static String quirks(StrictYaml node, StrictYaml defaults, String method) {
    boolean own = node.has(QUIRKS);
    String text = own ? node.text(QUIRKS, null) : textOf(defaults);
    if (text == null) {
      return null;
    }
    StrictYaml child = (own ? node : defaults).child(QUIRKS);
    try {
      if (!own) {
        text = UpstreamQuirk.concerning(text, method);
      }
      Set<UpstreamQuirk> parsed = UpstreamQuirk.parse(text, method);
      return parsed.isEmpty() ? null : UpstreamQuirk.names(parsed);
    } catch (InputException e) {
      throw child.error(e.getMessage().replace("--upstream-quirks " + text + ": ", ""));
    }
  }

  private static String textOf(StrictYaml defaults) {
    return defaults.isMap() ? defaults.text(QUIRKS, null) : null;
  }
}
