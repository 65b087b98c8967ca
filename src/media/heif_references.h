// SPDX-License-Identifier: Apache-2.0
//
// Inside decode.h: what libheif does not ask before it puts a derived picture (grid, overlay) or a
// picture with alpha together from other items of the file: whether that ever ends. It would
// recurse until the stack is gone. Nor does it ask whether the items are pictures. Reads box
// headers, item types and item references (ISO/IEC 14496-12 §8.11.6 and §8.11.12); what it cannot
// follow it leaves to libheif to refuse.
#pragma once

#include "entente/core/bytes.h"

namespace entente::media {

// A grid in an overlay with an alpha channel of tiles are three.
inline constexpr int kMaxReferenceDepth = 8;
// All items a picture unfolds to, each as often as it is used: a tile each of the largest picture,
// and as many for its alpha.
inline constexpr std::int64_t kMaxUnfoldedItems = 10'000;

// kInvalid: an item contains itself, or is nested more than kMaxReferenceDepth deep, or is made of
// what is no picture. kTooLarge: one unfolds to more than kMaxUnfoldedItems.
Result<void> check_references(ByteView file);

}  // namespace entente::media
