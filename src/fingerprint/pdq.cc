// SPDX-License-Identifier: Apache-2.0
//
// Whole pictures: the operator of pdq_rows.h over all rows, and the published steps where its
// rounding could decide a bit.
#include "entente/fingerprint/pdq.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "entente/fingerprint/pdq_published.h"
#include "entente/fingerprint/pdq_rows.h"
#include "entente/fingerprint/pdq_spectrum.h"

namespace entente::fingerprint {
namespace {

// `row` as the published steps want it.
void to_luma(std::span<const float> row, float* out, Pixels) {
  std::copy(row.begin(), row.end(), out);
}
void to_luma(std::span<const std::uint8_t> row, float* out, Pixels pixels) {
  if (pixels == Pixels::kLuma) {
    std::copy(row.begin(), row.end(), out);
    return;
  }
  const std::uint8_t* p = row.data();
  for (std::size_t x = 0; x < row.size() / 3; ++x, p += 3) {
    out[x] = 0.299F * static_cast<float>(p[0]) + 0.587F * static_cast<float>(p[1]) +
             0.114F * static_cast<float>(p[2]);
  }
}

template <class T>
struct Picture {
  std::span<const T> values;
  int width = 0;
  int height = 0;
  Pixels pixels = Pixels::kLuma;

  std::span<const T> row(int y) const {
    const std::size_t length = values.size() / static_cast<std::size_t>(height);
    return values.subspan(static_cast<std::size_t>(y) * length, length);
  }
};

template <class T>
Result<PdqRows> all_rows(const Picture<T>& picture) {
  ENTENTE_TRY(rows, PdqRows::create(picture.width, picture.height, {.pixels = picture.pixels}));
  const std::size_t channels = picture.pixels == Pixels::kRgb ? 3 : 1;
  if (picture.values.size() != channels * static_cast<std::size_t>(picture.width) *
                                   static_cast<std::size_t>(picture.height)) {
    return fail(Code::kInvalid, "the number of pixels is not width times height");
  }
  for (int y = 0; y < picture.height; ++y) ENTENTE_CHECK_OK(rows.add_row(picture.row(y)));
  return rows;
}

template <class T>
Sample published_sample(const Picture<T>& picture) {
  PublishedSteps steps(picture.width, picture.height);
  for (int y = 0; y < picture.height; ++y) {
    to_luma(picture.row(y), steps.next_row(), picture.pixels);
    steps.pushed();
  }
  return steps.finish();
}

template <class T>
Result<PdqResult> single(const Picture<T>& picture) {
  ENTENTE_TRY(rows, all_rows(picture));
  ENTENTE_TRY(seen, rows.finish());
  if (seen.settled) return seen.pdq;
  return look_at(published_sample(picture), {}, *kernels_of(CpuPath::kBest)).pdq;
}

template <class T>
Result<PdqDihedralResult> dihedral(const Picture<T>& picture) {
  ENTENTE_TRY(rows, all_rows(picture));
  ENTENTE_TRY(seen, rows.finish_dihedral());
  if (seen.settled) return seen.pdq;
  return look_at_all(published_sample(picture), {}, *kernels_of(CpuPath::kBest)).pdq;
}

}  // namespace

std::string Pdq::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(kPdqHexDigits, '0');
  for (std::size_t n = 0; n < out.size(); ++n) {
    const std::size_t low_bit = kPdqBits - 4 * (n + 1);
    out[n] = kDigits[(words[low_bit / 64] >> (low_bit % 64)) & 15U];
  }
  return out;
}

Result<Pdq> Pdq::parse(std::string_view hex64) {
  if (hex64.size() != kPdqHexDigits) {
    return fail(Code::kInvalid, "a PDQ hash has 64 hexadecimal digits");
  }
  Pdq out;
  for (std::size_t n = 0; n < hex64.size(); ++n) {
    const char c = hex64[n];
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a') + 10;
    } else {
      return fail(Code::kInvalid, "a PDQ hash is written in lower-case hexadecimal digits");
    }
    const std::size_t low_bit = kPdqBits - 4 * (n + 1);
    out.words[low_bit / 64] |= digit << (low_bit % 64);
  }
  return out;
}

int Pdq::distance(const Pdq& other) const {
  int out = 0;
  for (std::size_t w = 0; w < words.size(); ++w) out += std::popcount(words[w] ^ other.words[w]);
  return out;
}

Result<PdqResult> pdq_from_luma(std::span<const float> luma, int width, int height) {
  return single(Picture<float>{luma, width, height, Pixels::kFloatLuma});
}
Result<PdqResult> pdq_from_luma(std::span<const std::uint8_t> luma, int width, int height) {
  return single(Picture<std::uint8_t>{luma, width, height, Pixels::kLuma});
}
Result<PdqResult> pdq_from_rgb(std::span<const std::uint8_t> rgb, int width, int height) {
  return single(Picture<std::uint8_t>{rgb, width, height, Pixels::kRgb});
}

Result<PdqDihedralResult> pdq_dihedral_from_luma(std::span<const float> luma, int width,
                                                 int height) {
  return dihedral(Picture<float>{luma, width, height, Pixels::kFloatLuma});
}
Result<PdqDihedralResult> pdq_dihedral_from_luma(std::span<const std::uint8_t> luma, int width,
                                                 int height) {
  return dihedral(Picture<std::uint8_t>{luma, width, height, Pixels::kLuma});
}
Result<PdqDihedralResult> pdq_dihedral_from_rgb(std::span<const std::uint8_t> rgb, int width,
                                                int height) {
  return dihedral(Picture<std::uint8_t>{rgb, width, height, Pixels::kRgb});
}

}  // namespace entente::fingerprint
