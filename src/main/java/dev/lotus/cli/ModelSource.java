package dev.lotus.cli;

import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.data.Checksum;
import dev.lotus.data.Dataset;
import dev.lotus.data.Normalization;
import dev.lotus.device.InputException;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model that a user named: a run folder or a weights file.
 *
 * @param place as given; null where the weights were drawn
 * @param backbone the weights, in evaluation mode on the CPU; closed with this
 * @param normalization text of the normalisation to use, or null for the data set's own
 * @param run what made it, or null for foreign weights
 * @param sha256 of the weights file as it was read; null where the weights were drawn
 */
record ModelSource(
    Path place, Backbone backbone, String normalization, RunRecord run, String sha256)
    implements AutoCloseable {

  /**
   * Opens a model and checks that it fits the data.
   *
   * @param option for error messages: {@code --original}
   * @param foreign how it is read, if others made it
   * @param normalize the --normalize option, or null
   */
  static ModelSource open(
      String option, Path place, ForeignOptions foreign, String normalize, Dataset data) {
    return open(option, place, foreign, normalize, data, wanted(foreign.arch, data, 0, 0));
  }

  /**
   * The same for a model to train on: a head for another number of classes is replaced.
   *
   * @param seed of a new head's weights
   */
  static ModelSource openToTrain(
      String option,
      Path place,
      ForeignOptions foreign,
      String normalize,
      Dataset data,
      long seed) {
    Backbones.Wanted wanted = wanted(foreign.arch, data, data.classes(), seed);
    return open(option, place, foreign, normalize, data, wanted);
  }

  private static Backbones.Wanted wanted(String arch, Dataset data, int newClasses, long seed) {
    return new Backbones.Wanted(
        arch, data.train().channels(), data.train().height(), newClasses, seed);
  }

  private static ModelSource open(
      String option,
      Path place,
      ForeignOptions foreign,
      String normalize,
      Dataset data,
      Backbones.Wanted wanted) {
    boolean folder = Files.isDirectory(place);
    RunFolder runFolder = new RunFolder(place);
    Path file = folder ? runFolder.savedModel() : place;
    if (folder && !Files.isRegularFile(file)) {
      throw new InputException(
          option
              + " "
              + place
              + ": the folder has no model.safetensors; name a run folder or a weights file");
    }
    if (foreign.trust.untrusted) {
      Backbones.requireNoProgram(file);
    }
    RunRecord run = folder && runFolder.isRun() ? runFolder.readRun() : null;
    String sha256 = Files.isRegularFile(file) ? Checksum.ofFile(file) : null;
    Backbones.Opened opened = Backbones.openFitted(file, wanted);
    Backbone backbone = opened.backbone();
    try {
      requireFits(option, place, backbone, data);
      // The sum stands for these weights in run.json and the certificate.
      if (!Checksum.ofFile(file).equals(sha256)) {
        throw new InputException(
            option + " " + place + ": " + file + " changed while it was read; begin again");
      }
    } catch (InputException e) {
      backbone.close();
      throw e;
    }
    if (Ranks.first()) {
      opened.notes().forEach(note -> System.err.println("note: " + file + ": " + note));
    }
    return new ModelSource(
        place,
        backbone,
        normalize != null || run == null ? normalize : run.normalization(),
        run,
        sha256);
  }

  /**
   * Before any work: the run does not replace what it begins with.
   *
   * @throws InputException where the model's weights file is one of those that the run writes
   */
  static void requireKept(String option, Path place, RunFolder out) {
    Path weights = real(weightsFile(place));
    if (weights != null
        && (weights.equals(real(out.model())) || weights.equals(real(out.torchScript())))) {
      throw new InputException(
          option
              + " "
              + place
              + ": its weights lie in --out, and the run would replace "
              + weights
              + ": give another --out");
    }
  }

  /** Null where there is none. */
  private static Path real(Path file) {
    try {
      return file.toRealPath();
    } catch (IOException e) {
      return null;
    }
  }

  private static void requireFits(String option, Path place, Backbone backbone, Dataset data) {
    if (backbone.arch().classes() != data.classes()) {
      throw new InputException(
          option
              + " "
              + place
              + ": the model has "
              + backbone.arch().classes()
              + " classes, data set "
              + data.name()
              + " has "
              + data.classes());
    }
    if (backbone.arch().channels() != data.train().channels()) {
      throw new InputException(
          option
              + " "
              + place
              + ": the model takes images of "
              + backbone.arch().channels()
              + " channels, data set "
              + data.name()
              + " has "
              + data.train().channels());
    }
  }

  Normalization normalizationFor(Dataset data) {
    return Normalization.parse(normalization, data.normalization());
  }

  /** The file that a run folder's or a file's weights lie in. */
  static Path weightsFile(Path place) {
    return Files.isDirectory(place) ? new RunFolder(place).savedModel() : place;
  }

  /** Seconds that making it took, as its run recorded, or null. */
  Double seconds() {
    return run == null || run.phaseSeconds().isEmpty()
        ? null
        : run.phaseSeconds().values().stream().mapToDouble(Double::doubleValue).sum();
  }

  @Override
  public void close() {
    backbone.close();
  }
}
