// SPDX-License-Identifier: Apache-2.0
//
// The only bytes of an image the node itself reads beyond the first few: marker segments and their
// lengths (ITU-T T.81 Annex B), with nothing between them that another reader might see
// differently.
#include "entente/media/sandbox.h"

namespace entente::media {
namespace {

constexpr std::uint8_t kBaselineFrame = 0xc0;
constexpr std::uint8_t kHuffmanTables = 0xc4;
constexpr std::uint8_t kStartOfScan = 0xda;
constexpr std::uint8_t kQuantisation = 0xdb;
constexpr std::uint8_t kRestartInterval = 0xdd;
constexpr std::uint8_t kComment = 0xfe;

bool is_harmless(std::uint8_t marker) {
  const bool application = (marker & 0xf0U) == 0xe0U;
  return application || marker == kHuffmanTables || marker == kQuantisation ||
         marker == kRestartInterval || marker == kComment;
}

// Components of a frame header that is plain, else 0.
unsigned components_of_frame(ByteView body) {
  constexpr std::size_t kFixed = 6;  // precision, height, width, number of components
  if (body.size() < kFixed || body[0] != 8) return 0;
  const unsigned components = body[5];
  if (components != 1 && components != 3) return 0;
  return body.size() == kFixed + 3 * components ? components : 0;
}

}  // namespace

bool is_plain_jpeg(ByteView file) {
  if (file.size() > kMaxPlainJpegBytes) return false;
  if (!as_text(file).starts_with("\xff\xd8")) return false;
  unsigned components = 0;
  for (ByteView rest = file.subspan(2); rest.size() >= 4;) {
    const std::uint8_t marker = rest[1];
    const std::size_t length = std::size_t{rest[2]} << 8 | rest[3];
    if (rest[0] != 0xff || length < 2 || rest.size() - 2 < length) return false;
    const ByteView body = rest.subspan(4, length - 2);
    // The scan must hold all components, or there are more scans to come.
    if (marker == kStartOfScan) return components > 0 && !body.empty() && body[0] == components;
    if (marker == kBaselineFrame) {
      if (components > 0) return false;
      components = components_of_frame(body);
      if (components == 0) return false;
    } else if (!is_harmless(marker)) {
      return false;
    }
    rest = rest.subspan(2 + length);
  }
  return false;
}

}  // namespace entente::media
