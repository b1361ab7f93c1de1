package dev.lotus.data;

import dev.lotus.device.InputException;
import dev.lotus.fuzz.FuzzTarget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** Parsers of data sets, splits and lists, with files to begin from. */
public final class DataTargets {
  public static final List<String> NAMES =
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

  private DataTargets() {}

  /**
   * One of {@link #NAMES}.
   *
   * @param folder for parsers that read files
   */
  public static FuzzTarget target(String name, Path folder) throws IOException {
    return switch (name) {
      case "pickle" ->
          FuzzTarget.of(
              bytes -> Unpickler.read("fuzz", bytes, NumpyBytes::find),
              FuzzTarget.golden("cifar-python/cifar-10-batches-py/data_batch_4"),
              FuzzTarget.golden("cifar-python/cifar-10-batches-py/batches.meta"));
      case "pickled-names" ->
          FuzzTarget.of(
              bytes -> CifarFile.names("fuzz", bytes, "fine_label_names"),
              FuzzTarget.golden("cifar-python/cifar-100-python/meta"));
      case "cifar" -> folder(folder, "cifar10", SampleFiles.cifar(2), "data_batch_3.bin");
      case "idx" -> folder(folder, "mnist", SampleFiles.idx(20, 10), "train-images-idx3-ubyte");
      case "idx-gz" ->
          folder(
              folder,
              "mnist",
              SampleFiles.gzipped(SampleFiles.idx(20, 10)),
              "t10k-labels-idx1-ubyte.gz");
      case "tar" -> archive(folder.resolve("a"), SampleFiles.tar(SampleFiles.cifar(1)));
      case "tar-gz" ->
          archive(folder.resolve("a"), SampleFiles.gzip(SampleFiles.tar(SampleFiles.cifar(1))));
      case "zip" -> archive(folder.resolve("a"), zip());
      case "matlab" ->
          FuzzTarget.of(
              bytes -> SynsetFile.read("fuzz", bytes),
              FuzzTarget.golden("imagenet/meta-plain.mat"),
              FuzzTarget.golden("imagenet/meta.mat"));
      case "jpeg" -> image(bytes -> bytes, "progressive.jpg", "grey.jpg", "cmyk.jpg");
      // Else nearly all would end at a wrong sum, before libpng sees them; it writes a line on
      // each.
      case "png" ->
          image(
              System.getProperty("lotus.fuzz") == null ? bytes -> bytes : SampleImages::summed,
              "rgb.png",
              "palette.png",
              "alpha.png");
      case "header" ->
          FuzzTarget.of(
              bytes -> ImageHeader.check("fuzz", bytes),
              SampleImages.bytes("rgb.png"),
              SampleImages.bytes("progressive.jpg"));
      case "split" ->
          FuzzTarget.file(
              folder.resolve("a"),
              Split::read,
              FuzzTarget.text(
                  "{\"schema\":1,\"dataset\":\"a\",\"data_sha256\":\"b\",\"seed\":3,\"kind\":\"random\","
                      + "\"forget\":[1],\"retain\":[2,3],\"val\":[0],\"test\":[1]}"));
      case "indices" ->
          FuzzTarget.file(folder.resolve("a"), IndexFile::read, FuzzTarget.text("[1, 2,3]\n4\n"));
      case "mufac" ->
          listed("custom_train_dataset.csv", "family_id,age_class,image_path\nF1,a,a.jpg\n");
      case "tiny-imagenet" -> listed("val/val_annotations.txt", "a.jpg\tn01\t0\t0\t5\t5\n");
      case "val-labels" ->
          FuzzTarget.file(
              folder.resolve("LOC_val_solution.csv"),
              file -> ImageNetLabels.find(List.of(file.getParent()), List.of("n01", "n02")),
              FuzzTarget.text("ImageId,PredictionString\nILSVRC2012_val_00000001,n01 1 2 3 4\n"));
      default -> throw new IllegalArgumentException("no parser " + name);
    };
  }

  private static byte[] zip() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("a/b.jpg", SampleImages.bytes("rgb.jpg"));
    files.put("a/c.txt", new byte[5000]);
    return SampleImages.zip(files);
  }

  private static FuzzTarget archive(Path file, byte[] valid) {
    return FuzzTarget.of(
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

  private static FuzzTarget folder(
      Path folder, String set, Map<String, byte[]> files, String changed) throws IOException {
    SampleFiles.write(folder, files);
    FuzzTarget.Parser parser =
        bytes -> {
          Files.write(folder.resolve(changed), bytes);
          Datasets.open(set, folder, 0);
        };
    return FuzzTarget.of(parser, files.get(changed));
  }

  private static FuzzTarget image(UnaryOperator<byte[]> mended, String... names) {
    byte[] target = new byte[3 * 16 * 16];
    FuzzTarget.Parser parser =
        bytes -> ImageDecoder.decode("fuzz", mended.apply(bytes), ImageSize.exactly(16), target, 0);
    return new FuzzTarget(List.of(names).stream().map(SampleImages::bytes).toList(), parser);
  }

  /** A list of image files, among all that its data set needs. */
  private static FuzzTarget listed(String list, String valid) {
    Map<String, byte[]> files = new TreeMap<>(FileTree.ORDER);
    for (String part : List.of("train", "val", "test")) {
      files.put("custom_" + part + "_dataset.csv", FuzzTarget.text(valid));
      files.put(part + "_images/a.jpg", SampleImages.bytes("grey.jpg"));
    }
    files.put("val/val_annotations.txt", FuzzTarget.text(valid));
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
    return FuzzTarget.of(
        bytes -> {
          files.put(list, bytes);
          if (list.endsWith(".csv")) {
            Mufac.open(tree, DataSettings.PUBLISHED);
          } else {
            TinyImageNet.open(tree, DataSettings.PUBLISHED);
          }
        },
        FuzzTarget.text(valid));
  }
}
