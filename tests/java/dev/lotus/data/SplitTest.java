package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SplitTest {
  @TempDir Path temp;

  private static ImageSet labelled(int... labels) {
    byte[] bytes = new byte[labels.length];
    for (int i = 0; i < labels.length; i++) {
      bytes[i] = (byte) labels[i];
    }
    return new MemoryImages(1, 1, 1, new byte[labels.length], bytes);
  }

  /** Three classes; class k has 20 + 5 k training and 7 + 2 k held-out images; class 3 has none. */
  private static Dataset data() {
    return new Dataset(
        "tiny",
        labelled(interleaved(20, 25, 30)),
        labelled(interleaved(7, 9, 11)),
        List.of("a", "b", "c", "none"),
        "ab".repeat(32),
        Normalization.uniform(1, 0, 1));
  }

  private static int[] interleaved(int... counts) {
    return IntStream.range(0, 30)
        .flatMap(i -> IntStream.range(0, counts.length).filter(k -> i < counts[k]))
        .toArray();
  }

  private static int[] members(ImageSet set, int k) {
    return IntStream.range(0, set.size()).filter(i -> set.label(i) == k).toArray();
  }

  private static AbstractThrowableAssert<?, ?> assertRefused(ThrowingCallable call) {
    return assertThatThrownBy(call)
        .isInstanceOf(InputException.class)
        .hasMessageNotContaining("\n");
  }

  @Test
  void randomForgetsTheFirstOfEachClassInFileOrder() {
    Dataset data = data();
    Split split = Split.random(data, 0.19, false, 5);
    // int(.19 * 20) = 3, int(.19 * 25) = 4, int(.19 * 30) = 5
    int[] counts = {3, 4, 5};
    int[] expected =
        IntStream.range(0, 3)
            .flatMap(k -> Arrays.stream(members(data.train(), k)).limit(counts[k]))
            .sorted()
            .toArray();
    assertThat(split.forget()).isEqualTo(expected);
    assertThat(split.kind()).isEqualTo("random");
    assertPartition(data, split);
    assertThat(Split.random(data, 0.19, false, 6).forget()).isEqualTo(expected);
  }

  @Test
  void shuffledDrawsAsManyOfEachClassBySeed() {
    Dataset data = data();
    Split split = Split.random(data, 0.5, true, 5);
    assertThat(countPerClass(data.train(), split.forget())).containsExactly(10, 12, 15, 0);
    assertPartition(data, split);
    assertThat(Split.random(data, 0.5, true, 5).forget()).isEqualTo(split.forget());
    assertThat(Split.random(data, 0.5, true, 6).forget()).isNotEqualTo(split.forget());
    assertThat(split.forget()).isNotEqualTo(Split.random(data, 0.5, false, 5).forget());
  }

  @Test
  void classForgetsAllOfOneClass() {
    Dataset data = data();
    Split split = Split.ofClass(data, 1, 0);
    assertThat(split.forget()).isEqualTo(members(data.train(), 1));
    assertPartition(data, split);
  }

  @Test
  void explicitForgetsWhatIsListed() {
    Split split = Split.explicit(data(), new int[] {70, 3, 11}, 0);
    assertThat(split.forget()).containsExactly(3, 11, 70);
    assertPartition(data(), split);
  }

  @Test
  void heldOutIsHalvedByClassAndSeed() {
    Dataset data = data();
    Split split = Split.ofClass(data, 0, 12);
    int[] val = countPerClass(data.heldOut(), split.val());
    int[] test = countPerClass(data.heldOut(), split.test());
    int[] all = {7, 9, 11, 0};
    for (int k = 0; k < 4; k++) {
      assertThat(val[k] + test[k]).isEqualTo(all[k]);
      assertThat(Math.abs(val[k] - test[k])).isLessThanOrEqualTo(1);
    }
    assertThat(Math.abs(split.val().length - split.test().length)).isLessThanOrEqualTo(1);
    assertThat(Split.ofClass(data, 0, 12).val()).isEqualTo(split.val());
    assertThat(Split.ofClass(data, 0, 13).val()).isNotEqualTo(split.val());
    assertThat(Split.random(data, .3, true, 12).val()).isEqualTo(split.val());
  }

  private static int[] countPerClass(ImageSet set, int[] indices) {
    int[] counts = new int[4];
    for (int i : indices) {
      counts[set.label(i)]++;
    }
    return counts;
  }

  private static void assertPartition(Dataset data, Split split) {
    assertThat(split.dataset()).isEqualTo(data.name());
    assertThat(split.dataSha256()).isEqualTo(data.sha256());
    assertThat(split.forget()).isSorted();
    assertThat(join(split.forget(), split.retain()))
        .isEqualTo(IntStream.range(0, data.train().size()).toArray());
    assertThat(join(split.val(), split.test()))
        .isEqualTo(IntStream.range(0, data.heldOut().size()).toArray());
    split.checkAgainst(data);
  }

  private static int[] join(int[] a, int[] b) {
    return IntStream.concat(Arrays.stream(a), Arrays.stream(b)).sorted().toArray();
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1, -0.1, 1.5, Double.NaN})
  void refusesAFractionOutsideItsRange(double fraction) {
    assertRefused(() -> Split.random(data(), fraction, false, 0))
        .hasMessageContaining("forget fraction")
        .hasMessageContaining("" + fraction);
  }

  @Test
  void refusesAnEmptyForgetSet() {
    assertRefused(() -> Split.random(data(), 0.01, false, 0)).hasMessageContaining("empty");
    assertRefused(() -> Split.ofClass(data(), 3, 0)).hasMessageContaining("class 3 has no");
    assertRefused(() -> Split.explicit(data(), new int[0], 0)).hasMessageContaining("empty");
  }

  @Test
  void refusesAClassOutOfRange() {
    assertRefused(() -> Split.ofClass(data(), 4, 0)).hasMessageContaining("no class 4 in tiny");
    assertRefused(() -> Split.ofClass(data(), -1, 0)).hasMessageContaining("0..3");
  }

  @Test
  void refusesBadExplicitIndices() {
    assertRefused(() -> Split.explicit(data(), new int[] {75}, 0))
        .hasMessageContaining("forget has the index 75, but there are 75 training images");
    assertRefused(() -> Split.explicit(data(), new int[] {4, 4}, 0))
        .hasMessageContaining("forget lists the index 4 twice");
    assertRefused(() -> Split.explicit(data(), IntStream.range(0, 75).toArray(), 0))
        .hasMessageContaining("retain set is empty");
  }

  @Test
  void comesBackFromItsFile() {
    Path file = temp.resolve("new/split.json");
    Split split = Split.random(data(), 0.3, true, -7);
    split.write(file);
    assertThat(Split.read(file)).usingRecursiveComparison().isEqualTo(split);
  }

  private Path file(String json) throws IOException {
    return Files.writeString(temp.resolve("s.json"), json);
  }

  @Test
  void acceptsAnotherWritersFile() throws IOException {
    Split split =
        Split.read(
            file(
                "{\"by\": {\"x\": [1]}, \"forget\": [4, 2], \"retain\": [0],\n"
                    + "\"val\": [], \"test\": [1], \"dataset\": \"tiny\", \"data_sha256\": null}"));
    assertThat(split.forget()).containsExactly(4, 2);
    assertThat(split.dataSha256()).isNull();
    assertThat(split.seed()).isZero();
    assertThat(split.kind()).isEqualTo("explicit");
    split.checkAgainst(data());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'forget':[],'retain':[1],'val':[],'test':[]} | forget set is empty",
        "{'forget':[1],'retain':[],'val':[],'test':[]} | retain set is empty",
        "{'forget':[1,5],'retain':[2,5],'val':[],'test':[]} | index 5 is in both forget and retain",
        "{'forget':[1,1],'retain':[2],'val':[],'test':[]} | forget lists the index 1 twice",
        "{'forget':[1],'retain':[2],'val':[3,9,3],'test':[]} | val lists the index 3 twice",
        "{'forget':[1],'retain':[-2],'val':[],'test':[]} | retain has the index -2",
        "{'forget':[1.5],'retain':[2],'val':[],'test':[]} | forget[0] is 1.5",
        "{'forget':[0,99999999999],'retain':[2],'val':[],'test':[]} | forget[1] is 99999999999",
        "{'forget':['a'],'retain':[2],'val':[],'test':[]} | forget[0] is",
        "{'forget':3,'retain':[2],'val':[],'test':[]} | forget must be a list",
        "{'forget':[1],'retain':[2],'val':[]} | test is missing",
        "{'schema':2,'forget':[1],'retain':[2],'val':[],'test':[]} | schema is 2",
        "{'kind':'x','forget':[1],'retain':[2],'val':[],'test':[]} | kind is 'x'",
        "{'seed':'x','forget':[1],'retain':[2],'val':[],'test':[]} | seed is",
        "{'dataset':1,'forget':[1],'retain':[2],'val':[],'test':[]} | dataset is 1",
        "[1] | no split file",
        "{'forget':[1], | not valid JSON",
        "{'forget':[1],'forget':[2]} | not valid JSON",
      },
      quoteCharacter = '"')
  void refusesABadFile(String json, String message) throws IOException {
    Path file = file(json.replaceAll("'(\\w*)'", "\"$1\""));
    assertRefused(() -> Split.read(file))
        .hasMessageContaining("s.json")
        .hasMessageContaining(message);
  }

  @Test
  void namesAMissingFile() {
    assertRefused(() -> Split.read(temp.resolve("no.json")))
        .hasMessageContaining("no.json")
        .hasMessageContaining("lotus split");
  }

  @Test
  void refusesOtherData() {
    Split split = Split.ofClass(data(), 0, 0);
    Dataset base = data();
    Dataset renamed =
        new Dataset(
            "other",
            base.train(),
            base.heldOut(),
            base.classNames(),
            base.sha256(),
            base.normalization());
    assertRefused(() -> split.checkAgainst(renamed))
        .hasMessageContaining("tiny")
        .hasMessageContaining("other");
    Dataset changed =
        new Dataset(
            "tiny",
            base.train(),
            base.heldOut(),
            base.classNames(),
            "cd".repeat(32),
            base.normalization());
    assertRefused(() -> split.checkAgainst(changed)).hasMessageContaining("data_sha256");
    Split far =
        new Split(
            1,
            null,
            null,
            0,
            "explicit",
            new int[] {1},
            new int[] {2},
            new int[] {0},
            new int[] {27});
    assertRefused(() -> far.checkAgainst(base))
        .hasMessageContaining("test has the index 27, but there are 27 held-out images");
  }
}
