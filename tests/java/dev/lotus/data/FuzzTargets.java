package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Every parser of a user's data, by name, with files to begin from. {@link ParserFuzzTest} runs all
 * of them for a moment in every build; {@code tests/fuzz/run} runs one for minutes under Jazzer,
 * whose driver calls {@link #fuzzerTestOneInput} and is guided by the branches taken.
 */
public final class FuzzTargets {
  /** Reads bytes that may be anything; refuses them by an {@link InputException} only. */
  interface Parser {
    void parse(byte[] bytes) throws IOException;
  }

  /** Where a parser begins. */
  record Target(List<byte[]> seeds, Parser parser) {}

  static final List<String> NAMES =
      List.of(
          "pickle",
          "pickled-names",
          "cifar",
          "idx",
          "idx-gz",
          "tar",
          "tar-gz",
          "zip",
          "matlab",
          "jpeg",
          "png",
          "header",
          "split",
          "indices",
          "mufac",
          "tiny-imagenet",
          "val-labels");

  private static Target fuzzed;

  private FuzzTargets() {}

  private static byte[] golden(String name) throws IOException {
    return Files.readAllBytes(SampleImages.FOLDER.resolveSibling(name));
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static Target of(Parser parser, byte[]... seeds) {
    return new Target(List.of(seeds), parser);
  }

  /**
   * One of {@link #NAMES}.
   *
   * @param temp folder for parsers that read files
   */
  static Target target(String name, Path temp) throws IOException {
    return switch (name) {
      case "pickle" ->
          of(
              bytes -> Unpickler.read("fuzz", bytes, NumpyBytes::find),
              golden("cifar-python/cifar-10-batches-py/data_batch_4"),
              golden("cifar-python/cifar-10-batches-py/batches.meta"));
      case "pickled-names" ->
          of(
              bytes -> CifarFile.names("fuzz", bytes, "fine_label_names"),
              golden("cifar-python/cifar-100-python/meta"));
      case "cifar" ->
          folder(temp.resolve(name), "cifar10", SampleFiles.cifar(2), "data_batch_3.bin");
      case "idx" ->
          folder(temp.resolve(name), "mnist", SampleFiles.idx(20, 10), "train-images-idx3-ubyte");
      case "idx-gz" ->
          folder(
              temp.resolve(name),
              "mnist",
              SampleFiles.gzipped(SampleFiles.idx(20, 10)),
              "t10k-labels-idx1-ubyte.gz");
      case "tar" -> archive(temp.resolve(name), SampleFiles.tar(SampleFiles.cifar(1)));
      case "tar-gz" ->
          archive(temp.resolve(name), SampleFiles.gzip(SampleFiles.tar(SampleFiles.cifar(1))));
      case "zip" -> archive(temp.resolve(name), zip());
      case "matlab" ->
          of(
              bytes -> SynsetFile.read("fuzz", bytes),
              golden("imagenet/meta-plain.mat"),
              golden("imagenet/meta.mat"));
      case "jpeg" -> image("progressive.jpg", "grey.jpg", "cmyk.jpg");
      case "png" -> image("rgb.png", "palette.png", "alpha.png");
      case "header" ->
          of(
              bytes -> ImageHeader.check("fuzz", bytes),
              SampleImages.bytes("rgb.png"),
              SampleImages.bytes("progressive.jpg"));
      case "split" ->
          file(
              temp.resolve(name),
              Split::read,
              "{\"schema\":1,\"dataset\":\"a\",\"data_sha256\":\"b\",\"seed\":3,\"kind\":\"random\","
                  + "\"forget\":[1],\"retain\":[2,3],\"val\":[0],\"test\":[1]}");
      case "indices" -> file(temp.resolve(name), IndexFile::read, "[1, 2,3]\n4\n");
      case "mufac" ->
          listed("custom_train_dataset.csv", "family_id,age_class,image_path\nF1,a,a.jpg\n");
      case "tiny-imagenet" -> listed("val/val_annotations.txt", "a.jpg\tn01\t0\t0\t5\t5\n");
      case "val-labels" ->
          file(
              Files.createDirectories(temp.resolve(name)).resolve("LOC_val_solution.csv"),
              file -> ImageNetLabels.find(List.of(file.getParent()), List.of("n01", "n02")),
              "ImageId,PredictionString\nILSVRC2012_val_00000001,n01 1 2 3 4\n");
      default -> throw new IllegalArgumentException("no parser " + name + "; there are " + NAMES);
    };
  }

  private static byte[] zip() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("a/b.jpg", SampleImages.bytes("rgb.jpg"));
    files.put("a/c.txt", new byte[5000]);
    return SampleImages.zip(files);
  }

  private static Target archive(Path file, byte[] valid) {
    return of(
        bytes -> {
          Files.write(file, bytes);
          try (FileTree tree = FileTree.open(file)) {
            for (String path : tree.files()) {
              tree.read(path);
            }
          }
        },
        valid);
  }

  private static Target folder(Path folder, String set, Map<String, byte[]> files, String changed)
      throws IOException {
    SampleFiles.write(folder, files);
    Parser parser =
        bytes -> {
          Files.write(folder.resolve(changed), bytes);
          Datasets.open(set, folder, 0);
        };
    return of(parser, files.get(changed));
  }

  private static Target image(String... names) {
    byte[] target = new byte[3 * 16 * 16];
    Parser parser = bytes -> ImageDecoder.decode("fuzz", bytes, ImageSize.exactly(16), target, 0);
    return new Target(List.of(names).stream().map(SampleImages::bytes).toList(), parser);
  }

  private interface FileParser {
    void parse(Path file);
  }

  private static Target file(Path file, FileParser parser, String valid) {
    return of(
        bytes -> {
          Files.write(file, bytes);
          parser.parse(file);
        },
        text(valid));
  }

  /** A list of image files, among all that its data set needs. */
  private static Target listed(String list, String valid) {
    Map<String, byte[]> files = new TreeMap<>(FileTree.ORDER);
    for (String part : List.of("train", "val", "test")) {
      files.put("custom_" + part + "_dataset.csv", text(valid));
      files.put(part + "_images/a.jpg", SampleImages.bytes("grey.jpg"));
    }
    files.put("val/val_annotations.txt", text(valid));
    files.put("val/images/a.jpg", SampleImages.bytes("grey.jpg"));
    files.put("train/n01/images/a.jpg", SampleImages.bytes("grey.jpg"));
    FileTree tree =
        new FileTree() {
          @Override
          public List<String> files() {
            return List.copyOf(files.keySet());
          }

          @Override
          public byte[] read(String path) {
            if (!files.containsKey(path)) {
              throw new InputException(path + " is missing");
            }
            return files.get(path);
          }

          @Override
          public String locate(String path) {
            return path;
          }

          @Override
          public void close() {
            // Nothing is open.
          }
        };
    return of(
        bytes -> {
          files.put(list, bytes);
          if (list.endsWith(".csv")) {
            Mufac.open(tree, DataSettings.PUBLISHED);
          } else {
            TinyImageNet.open(tree, DataSettings.PUBLISHED);
          }
        },
        text(valid));
  }

  /** For Jazzer: -Dlotus.fuzz=NAME says which parser. */
  public static void fuzzerInitialize() throws IOException {
    fuzzed = target(System.getProperty("lotus.fuzz"), Files.createTempDirectory("lotus-fuzz"));
    // Native libraries are loaded here, not on the clock of the first input.
    fuzzed.parser.parse(fuzzed.seeds.get(0));
  }

  /** For Jazzer: anything but an {@link InputException} is a finding. */
  public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
    try {
      fuzzed.parser.parse(bytes);
    } catch (InputException e) {
      if (e.getMessage().isBlank()) {
        throw new AssertionError("nothing is said", e);
      }
    }
  }

  /** Writes the seeds of the parser {@code args[0]} to the folder {@code args[1]}. */
  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args[1]));
    List<byte[]> seeds = target(args[0], Files.createTempDirectory("lotus-fuzz")).seeds;
    for (int i = 0; i < seeds.size(); i++) {
      Files.write(folder.resolve("seed" + i), seeds.get(i));
    }
  }
}
