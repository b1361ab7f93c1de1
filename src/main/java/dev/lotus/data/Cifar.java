package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * CIFAR-10 and CIFAR-100, in their binary and Python versions, in a folder or in the published
 * .tar.gz. Any number of records a file is accepted, so subsets work. {@link CifarFile} reads one
 * file.
 *
 * @see <a href="https://www.cs.toronto.edu/~kriz/cifar.html">the formats</a>
 */
final class Cifar {
  private static final List<String> NAMES =
      List.of(
          "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");

  private Cifar() {}

  /**
   * How one version of one data set is laid out.
   *
   * @param labelKeys in the Python version: where a batch has its labels, where the meta file has
   *     the names
   */
  record Form(
      String dataset,
      boolean python,
      List<String> train,
      String test,
      String meta,
      List<String> labelKeys,
      String archive) {
    int classes() {
      return dataset.equals("cifar10") ? 10 : 100;
    }

    String wanted() {
      String first = train.get(0);
      String last = train.size() > 1 ? " .. " + train.get(train.size() - 1) : "";
      return first + last + " and " + test + ", or be " + archive;
    }
  }

  private static final List<Form> FORMS =
      List.of(
          form("cifar10", false, ".bin", "batches.meta.txt", "labels", "label_names"),
          form("cifar10", true, "", "batches.meta", "labels", "label_names"),
          form("cifar100", false, ".bin", "fine_label_names.txt", "fine_labels", ""),
          form("cifar100", true, "", "meta", "fine_labels", "fine_label_names"));

  private static Form form(
      String dataset, boolean python, String ending, String meta, String labels, String names) {
    boolean ten = dataset.equals("cifar10");
    List<String> train =
        ten
            ? IntStream.rangeClosed(1, 5).mapToObj(i -> "data_batch_" + i + ending).toList()
            : List.of("train" + ending);
    String archive =
        (ten ? "cifar-10-" : "cifar-100-") + (python ? "python" : "binary") + ".tar.gz";
    String test = (ten ? "test_batch" : "test") + ending;
    return new Form(dataset, python, train, test, meta, List.of(labels, names), archive);
  }

  /** Where a file's bytes come from, and how to name it in a message. */
  private interface Source {
    String locate(String name);

    /** Null if there is no such file. */
    byte[] read(String name);
  }

  /** A version, and where its files are. */
  private record Found(Form form, Source source) {}

  static Dataset open(String dataset, Path given) {
    Found found = find(FORMS.stream().filter(f -> f.dataset.equals(dataset)).toList(), given);
    Checksum checksum = new Checksum();
    ImageSet train = read(found, found.form.train, checksum);
    ImageSet test = read(found, List.of(found.form.test), checksum);
    return new Dataset(dataset, train, test, names(found), checksum.hex(), Normalization.CIFAR10);
  }

  private static Found find(List<Form> forms, Path given) {
    if (Files.isRegularFile(given)) {
      return archive(forms, given);
    }
    String dataset = forms.get(0).dataset;
    String wanted = forms.get(0).wanted() + ", or the Python version";
    for (Form form : forms) {
      Path folder = DataFolder.find(given, dataset, wanted, place -> holdsAny(form, place));
      if (folder != null) {
        return new Found(form, folder(folder));
      }
    }
    for (Form form : forms) {
      Path packed =
          DataFolder.find(
              given, dataset, wanted, place -> Files.isRegularFile(place.resolve(form.archive)));
      if (packed != null) {
        return archive(forms, packed.resolve(form.archive));
      }
    }
    throw new InputException(
        "no "
            + dataset
            + " files in --data "
            + given
            + " or two levels below; it should hold "
            + wanted);
  }

  private static boolean holdsAny(Form form, Path folder) {
    return Files.isRegularFile(folder.resolve(form.train.get(0)))
        || Files.isRegularFile(folder.resolve(form.test));
  }

  private static Source folder(Path folder) {
    return new Source() {
      @Override
      public String locate(String name) {
        return folder.resolve(name).toString();
      }

      @Override
      public byte[] read(String name) {
        Path file = folder.resolve(name);
        return Files.exists(file) ? FolderTree.whole(file) : null;
      }
    };
  }

  private static Found archive(List<Form> forms, Path archive) {
    Set<String> wanted = new TreeSet<>();
    for (Form form : forms) {
      wanted.addAll(form.train);
      wanted.addAll(List.of(form.test, form.meta));
    }
    Map<String, byte[]> files = TarReader.read(archive, wanted);
    Form inside =
        forms.stream()
            .filter(f -> files.containsKey(f.train.get(0)) || files.containsKey(f.test))
            .findFirst()
            .orElse(forms.get(0));
    return new Found(
        inside,
        new Source() {
          @Override
          public String locate(String name) {
            return archive + ":" + name;
          }

          @Override
          public byte[] read(String name) {
            return files.get(name);
          }
        });
  }

  private static ImageSet read(Found found, List<String> names, Checksum checksum) {
    List<CifarFile> files = new ArrayList<>();
    long records = 0;
    for (String name : names) {
      String where = found.source.locate(name);
      byte[] bytes = found.source.read(name);
      if (bytes == null) {
        throw new InputException(
            where + " is missing; the folder should hold " + found.form.wanted());
      }
      if (bytes.length == 0) {
        throw new InputException(where + " is empty; fetch it again");
      }
      checksum.add(bytes);
      CifarFile file = CifarFile.read(where, bytes, found.form);
      files.add(file);
      records += file.labels().length;
    }
    if (records * CifarFile.PIXELS > Integer.MAX_VALUE - 8) {
      throw new InputException(
          found.source.locate(names.get(0))
              + " and those after it hold "
              + records
              + " images; at most "
              + Integer.MAX_VALUE / CifarFile.PIXELS
              + " fit in memory");
    }
    byte[] pixels = new byte[(int) records * CifarFile.PIXELS];
    byte[] labels = new byte[(int) records];
    int at = 0;
    for (CifarFile file : files) {
      int count = file.labels().length;
      System.arraycopy(file.labels(), 0, labels, at, count);
      for (int i = 0; i < count; i++, at++) {
        System.arraycopy(
            file.bytes(), file.start(i), pixels, at * CifarFile.PIXELS, CifarFile.PIXELS);
      }
    }
    return new MemoryImages(3, 32, 32, pixels, labels);
  }

  private static List<String> names(Found found) {
    Form form = found.form;
    byte[] meta = found.source.read(form.meta);
    if (meta == null) {
      return form.classes() == 10
          ? NAMES
          : IntStream.range(0, form.classes()).mapToObj(k -> "class " + k).toList();
    }
    String where = found.source.locate(form.meta);
    List<String> names =
        form.python
            ? CifarFile.names(where, meta, form.labelKeys.get(1))
            : Arrays.stream(new String(meta, StandardCharsets.UTF_8).split("\\R"))
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
    if (names.size() != form.classes()) {
      throw new InputException(
          where + " names " + names.size() + " classes, must name " + form.classes());
    }
    return names;
  }
}
