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
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The file of decoded images when things go wrong around it. */
class MappedCacheTest {
  private static final int IMAGES = 50;
  private static final int BYTES = 777;
  private static final String KEY = "ab".repeat(32);

  @TempDir Path temp;

  private PixelCache open(String key) {
    return open("a", 8, key, BYTES);
  }

  private PixelCache open(String place, int side, String key, int bytes) {
    CacheName name = CacheName.of("set.train", ImageSize.exactly(side), place, key);
    return MappedCache.open(temp.resolve("cache"), name, IMAGES, bytes);
  }

  private static byte[] image(int index) {
    byte[] image = new byte[BYTES];
    Arrays.fill(image, (byte) (index + 1));
    return image;
  }

  private static boolean holds(PixelCache cache, int index) {
    byte[] target = new byte[BYTES + 5];
    boolean held = cache.get(index, target, 5);
    if (held) {
      assertThat(Arrays.copyOfRange(target, 5, 5 + BYTES)).isEqualTo(image(index));
    }
    return held;
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(temp.resolve("cache"))) {
      return files.toList();
    }
  }

  /** Two runs at once decode the same images into the same file, each seeing the other's. */
  @Test
  void severalBuildersShareOneFile() throws IOException {
    List<PixelCache> builders = List.of(open(KEY), open(KEY), open(KEY));
    IntStream.range(0, 3 * IMAGES)
        .parallel()
        .forEach(
            i -> {
              PixelCache cache = builders.get(i % 3);
              int index = i / 3;
              if (!holds(cache, index)) {
                cache.put(index, image(index), 0);
              }
            });
    for (PixelCache cache : builders) {
      for (int i = 0; i < IMAGES; i++) {
        assertThat(holds(cache, i)).isTrue();
      }
    }
    assertThat(files()).hasSize(1);
  }

  /** The old file's users keep reading what they opened. */
  @Test
  void aStaleFileGoesWithoutHarmToItsReaders() throws IOException {
    PixelCache old = open(KEY);
    old.put(3, image(3), 0);
    PixelCache renewed = open("cd".repeat(32));
    assertThat(holds(renewed, 3)).isFalse();
    assertThat(holds(old, 3)).isTrue();
    assertThat(files()).hasSize(1);
  }

  /** Two folders of images, or one at two sizes, have a cache each. */
  @Test
  void cachesOfOtherPlacesAndSizesStay() throws IOException {
    String other = "cd".repeat(32);
    open("a", 8, KEY, BYTES).put(3, image(3), 0);
    open("b", 8, other, BYTES);
    open("a", 9, other, BYTES);
    assertThat(files()).hasSize(3);
    assertThat(holds(open("a", 8, KEY, BYTES), 3)).isTrue();
    assertThat(files()).hasSize(3);
  }

  @Test
  void imagesAreErasedAtEverySize() throws IOException {
    PixelCache small = open("a", 8, KEY, BYTES);
    PixelCache large = open("a", 9, KEY, BYTES + 5);
    PixelCache copy = open("copy of a", 8, KEY, BYTES);
    PixelCache others = open("b", 9, "cd".repeat(32), BYTES);
    for (PixelCache cache : List.of(small, large, copy, others)) {
      for (int i = 0; i < IMAGES; i++) {
        cache.put(i, Arrays.copyOf(image(i), BYTES + 5), 0);
      }
    }
    // Which images this one holds, nobody knows any more.
    open("a", 10, "ef".repeat(32), BYTES);
    Path unreadable =
        CacheName.of("set.train", ImageSize.exactly(11), "a", KEY).in(temp.resolve("cache"));
    Files.write(unreadable, new byte[50]);
    assertThat(files()).hasSize(6);
    small.erase(new int[] {7});
    assertThat(files()).hasSize(4).doesNotContain(unreadable);
    for (PixelCache cache : List.of(small, copy, large)) {
      byte[] target = new byte[BYTES + 5];
      assertThat(cache.get(7, target, 0)).isFalse();
      assertThat(cache.get(8, target, 0)).isTrue();
      cache.put(7, target, 0);
      assertThat(cache.get(7, target, 0)).isFalse();
    }
    assertThat(holds(others, 7)).isTrue();
    for (Path file : files()) {
      if (file.toString().contains("9x9") && file.toString().contains(KEY.substring(0, 32))) {
        byte[] bytes = Files.readAllBytes(file);
        int start = bytes.length - (IMAGES - 7) * (BYTES + 5);
        assertThat(Arrays.copyOfRange(bytes, start, start + BYTES + 5))
            .containsOnly(new byte[] {0});
      }
    }
  }

  @Test
  void aFileOfAnotherLengthOrHeaderIsBegunAnew() throws IOException {
    open(KEY).put(3, image(3), 0);
    Path file = files().get(0);
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 1));
    assertThat(holds(open(KEY), 3)).isFalse();
    byte[] other = whole.clone();
    other[6] ^= 1;
    Files.write(file, other);
    assertThat(holds(open(KEY), 3)).isFalse();
    Files.write(file, whole);
    assertThat(holds(open(KEY), 3)).isTrue();
  }

  @Test
  void erasedImagesLeaveNoPixel() throws IOException {
    PixelCache cache = open(KEY);
    for (int i = 0; i < IMAGES; i++) {
      cache.put(i, image(i), 0);
    }
    cache.erase(new int[] {0, 7, IMAGES - 1});
    byte[] bytes = Files.readAllBytes(files().get(0));
    for (int i = 0; i < IMAGES; i++) {
      boolean erased = i == 0 || i == 7 || i == IMAGES - 1;
      assertThat(holds(cache, i)).isEqualTo(!erased);
      int start = bytes.length - (IMAGES - i) * BYTES;
      assertThat(Arrays.copyOfRange(bytes, start, start + BYTES))
          .isEqualTo(erased ? new byte[BYTES] : image(i));
    }
    // Nor do they come back when they are decoded again, by whomever.
    PixelCache later = open(KEY);
    later.put(7, image(7), 0);
    assertThat(holds(later, 7)).isFalse();
    assertThat(Files.readAllBytes(files().get(0))).isEqualTo(bytes);
  }

  /** Another decoder makes other pixels: its file is no whole one. */
  @Test
  void aFileOfAnotherDecoderIsBegunAnew() throws IOException {
    open(KEY).put(3, image(3), 0);
    Path file = files().get(0);
    byte[] bytes = Files.readAllBytes(file);
    String magic = new String(bytes, 0, 128, java.nio.charset.StandardCharsets.US_ASCII);
    assertThat(magic).startsWith("lotus pixels 2, opencv 4.");
    bytes["lotus pixels ".length()]++;
    Files.write(file, bytes);
    assertThat(holds(open(KEY), 3)).isFalse();
  }

  @Test
  void aFolderThatCannotBeUsedIsNamed() throws IOException {
    Files.createFile(temp.resolve("cache"));
    assertThatThrownBy(() -> open(KEY))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--cache " + temp.resolve("cache"));
    // More than any disk has.
    Files.delete(temp.resolve("cache"));
    Path folder = temp.resolve("cache");
    CacheName huge = CacheName.of("huge", ImageSize.exactly(8), "a", KEY);
    assertThatThrownBy(() -> MappedCache.open(folder, huge, Integer.MAX_VALUE, 1 << 30))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("bytes are needed");
    assertThat(files()).isEmpty();
  }
}
