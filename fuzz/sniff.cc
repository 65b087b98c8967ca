// SPDX-License-Identifier: Apache-2.0
//
// What the node itself reads of a file before a worker does: its first bytes and a JPEG's markers;
// and the boxes of a HEIF file that our own code reads before libheif.
#include "entente/media/heif_references.h"
#include "entente/media/sandbox.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const ByteView file(data, size);
  const auto type = media::sniff(file);
  if (media::is_plain_jpeg(file)) fuzz::promise(type.value() == "image/jpeg");
  const auto checked = media::check_references(file);
  fuzz::promise(checked || !checked.error().detail.empty());
  return 0;
}
