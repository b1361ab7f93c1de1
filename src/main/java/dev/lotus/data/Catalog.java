package dev.lotus.data;

import java.net.URI;
import java.util.List;

/**
 * Where each data set is published, with sizes and checksums. Sizes and SHA-256 sums are those that
 * TensorFlow Datasets records for the same addresses; Tiny-ImageNet's publisher gives none, its MD5
 * is the one in common use.
 *
 * @param name one of {@link Datasets#names()}
 * @param images training and held-out images of the whole set, in words
 * @param files to be downloaded; empty where the data set cannot be fetched without an account
 * @param source where to get it by hand, and what for, in words
 */
public record Catalog(String name, String images, List<File> files, String source) {
  /**
   * One published file.
   *
   * @param bytes its size
   * @param sum {@code sha256:HEX} or {@code md5:HEX}
   */
  public record File(URI address, long bytes, String sum) {
    /** The file's own name. */
    public String name() {
      return FileTree.name(address.getPath());
    }
  }

  private static final String CIFAR = "https://www.cs.toronto.edu/~kriz/";
  private static final String MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/";
  private static final String FASHION =
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";

  private static File file(String folder, String name, long bytes, String sum) {
    return new File(URI.create(folder + name), bytes, sum);
  }

  private static final List<Catalog> ALL =
      List.of(
          new Catalog(
              "synthetic", "2,000 + 1,000 generated, 10 classes, 32x32", List.of(), "generated"),
          new Catalog(
              "cifar10",
              "50,000 + 10,000, 10 classes, 32x32",
              List.of(
                  file(
                      CIFAR,
                      "cifar-10-binary.tar.gz",
                      170052171,
                      "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")),
              CIFAR + "cifar.html"),
          new Catalog(
              "cifar100",
              "50,000 + 10,000, 100 classes, 32x32",
              List.of(
                  file(
                      CIFAR,
                      "cifar-100-binary.tar.gz",
                      168513733,
                      "sha256:58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec")),
              CIFAR + "cifar.html"),
          new Catalog(
              "mnist",
              "60,000 + 10,000, 10 classes, 28x28 grey",
              List.of(
                  file(
                      MNIST,
                      "train-images-idx3-ubyte.gz",
                      9912422,
                      "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
                  file(
                      MNIST,
                      "train-labels-idx1-ubyte.gz",
                      28881,
                      "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
                  file(
                      MNIST,
                      "t10k-images-idx3-ubyte.gz",
                      1648877,
                      "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
                  file(
                      MNIST,
                      "t10k-labels-idx1-ubyte.gz",
                      4542,
                      "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6")),
              "a public mirror; the first address no longer serves the files"),
          new Catalog(
              "fashion-mnist",
              "60,000 + 10,000, 10 classes, 28x28 grey",
              List.of(
                  file(
                      FASHION,
                      "train-images-idx3-ubyte.gz",
                      26421880,
                      "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
                  file(
                      FASHION,
                      "train-labels-idx1-ubyte.gz",
                      29515,
                      "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
                  file(
                      FASHION,
                      "t10k-images-idx3-ubyte.gz",
                      4422102,
                      "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
                  file(
                      FASHION,
                      "t10k-labels-idx1-ubyte.gz",
                      5148,
                      "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5")),
              "https://github.com/zalandoresearch/fashion-mnist"),
          new Catalog(
              "tiny-imagenet",
              "100,000 + 10,000, 200 classes, 64x64",
              List.of(
                  file(
                      "http://cs231n.stanford.edu/",
                      "tiny-imagenet-200.zip",
                      248100043,
                      "md5:90528d7ca1a48142e341f4ef8d21d0de")),
              "http://cs231n.stanford.edu/"),
          new Catalog(
              "imagenet",
              "1,281,167 + 50,000, 1,000 classes",
              List.of(),
              "https://image-net.org/challenges/LSVRC/2012/ (needs an account):"
                  + " ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar"),
          new Catalog(
              "mufac",
              "faces in 8 age classes, 128x128",
              List.of(),
              "https://github.com/ndb796/MachineUnlearning (a shared folder, by hand)"),
          new Catalog("image-folder", "your own: a folder of images a class", List.of(), "yours"));

  public Catalog {
    files = List.copyOf(files);
  }

  /** Every data set, in the order of {@link Datasets#names()}. */
  public static List<Catalog> all() {
    return ALL;
  }
}
