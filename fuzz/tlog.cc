// SPDX-License-Identifier: Apache-2.0
//
// C2SP tlog texts: checkpoints, proofs, tile paths, entry bundles. What is accepted has one
// spelling.
#include "entente/merkle/tiles.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto body = merkle::parse_checkpoint(text)) {
    fuzz::promise(merkle::parse_checkpoint(merkle::format_checkpoint(*body)).has_value());
  }
  if (const auto proof = merkle::parse_tlog_proof(text)) {
    fuzz::promise(merkle::format_tlog_proof(*proof) == text);
  }
  if (const auto tile = merkle::parse_tile_path(text)) {
    fuzz::promise(merkle::tile_path(*tile) == text);
  }
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  const auto entries = merkle::decode_bundle(rest, data[0]);
  if (entries) {
    fuzz::promise(entries->size() == data[0]);
    fuzz::promise(merkle::encode_bundle(*entries).value() == to_bytes(rest));
  }
  return 0;
}
