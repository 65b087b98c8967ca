// SPDX-License-Identifier: Apache-2.0
//
// What a sandboxed worker does with a picture: its PDQ fingerprints, all eight turns from one pass
// over the rows as the decoder yields them. The answer is text from a process that its picture may
// have taken over, so it has one spelling and is parsed as strictly as any input.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "entente/fingerprint/pdq.h"
#include "entente/media/sandbox.h"

namespace entente::matching {

enum class Exactness : std::uint8_t {
  // A JPEG is decoded at 1/2, 1/4 or 1/8 where its smaller side stays at 256 or above, and hashed
  // with the phase corrected: within a few bits of the reference (fingerprint/README.md), several
  // times as quick.
  kQuick,
  // The same at full size: every pixel of a JPEG's own luma.
  kFull,
  // Every pixel in RGB: the reference's bits.
  kStrict,
};

struct Fingerprint {
  fingerprint::Pdq pdq;
  int quality = 0;
  // Of the picture turned and mirrored, indexed by fingerprint::Turn; only when pixels were seen.
  std::optional<fingerprint::Dihedral> turned;
};

// For DecoderPool::create. "<64 hex digits of each of the eight turns> <quality>".
media::FileJob picture_job(Exactness exactness = Exactness::kQuick);
// kUnavailable: the answer is not one.
Result<Fingerprint> parse_picture_answer(std::string_view text);

}  // namespace entente::matching
