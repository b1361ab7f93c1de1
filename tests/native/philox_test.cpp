// philox against math/philox.h on the host, and against the published known answers.
#include "cases.h"
#include "math/philox.h"

namespace native_test {

const Suite suite("philox", [] {
  // Known answers of the authors' library (Random123, kat_vectors): philox4x32-10 with counter and key all zeros, all
  // ones. Our layout reaches the first with everything 0, the second with sample = -1 (its high word << 8 | 255).
  context = "philox known answers";
  const lotus::PhiloxWords zeros = lotus::philox(0, 0, 0, 0, 0);
  expect(zeros.v[0] == 0x6627e8d5 && zeros.v[1] == 0xe169c58d && zeros.v[2] == 0xbc57ac4c && zeros.v[3] == 0x9b00dbd8,
         "zeros");
  const lotus::PhiloxWords ones = lotus::philox(~0ull, ~0u, 255, -1, ~0u);
  expect(ones.v[0] == 0x408f276d && ones.v[1] == 0x41c83b0e && ones.v[2] == 0xa20bc7c6 && ones.v[3] == 0x6d5451fd,
         "ones");

  for (const int64_t cols : kCols) {
    for (const Layout layout : kLayouts) {
      const int64_t rows = 7;
      context = "philox C=" + std::to_string(cols) + " gap=" + std::to_string(layout.gap);
      std::vector<int64_t> samples;
      for (int64_t b = 0; b < rows; ++b) samples.push_back(b * 1000000007 + (b % 3 == 0 ? int64_t{1} << 33 : 0));
      const bool given = layout.gap != 3;
      const DeviceVector<int64_t> device_samples(samples);
      DeviceMatrix out(rows, cols, LOTUS_FLOAT32, layout);
      expect_ok(backend().philox({0x123456789abcdefu, 9, 1, given ? device_samples.at() : nullptr, rows, cols,
                                  static_cast<uint32_t*>(out.at()), out.stride(), 0, nullptr}));
      const std::vector<unsigned char> image = out.get();
      bool equal = true;
      for (int64_t b = 0; b < rows; ++b)
        for (int64_t c = 0; c < cols; ++c) {
          uint32_t word;
          memcpy(&word, image.data() + 4 * (layout.offset + b * out.stride() + c), 4);
          const int64_t sample = given ? samples[static_cast<size_t>(b)] : b;
          equal &= word == lotus::philox(0x123456789abcdefu, 9, 1, sample, static_cast<uint32_t>(c / 4)).v[c % 4];
        }
      expect(equal, "words");
      expect(out.gaps_untouched(), "gaps");
    }
  }
});

}  // namespace native_test
