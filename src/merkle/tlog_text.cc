// SPDX-License-Identifier: Apache-2.0
//
// The two text forms of a log: the checkpoint's body and the offline receipt.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "entente/merkle/tiles.h"

namespace entente::merkle {
namespace {

constexpr std::string_view kProofHeader = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr std::size_t kMaxCheckpointBytes = 1024;  // an origin, a number and a hash
constexpr std::size_t kMaxOriginBytes = 512;       // a host name and a path

// Takes the next line off `text`, without its line feed; kInvalid when there is none.
Result<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return fail(Code::kInvalid, "a line is missing or not ended");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

Result<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > kMaxTreeSize ||
      (text.size() > 1 && text.front() == '0'))
    return fail(Code::kInvalid, "not a plain decimal number");
  return value;
}

Result<Hash256> hash_line(std::string_view text) {
  ENTENTE_TRY(bytes, from_base64(text));
  Hash256 out{};
  if (bytes.size() != out.size()) return fail(Code::kInvalid, "a hash of another length");
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

bool is_origin(std::string_view text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !text.empty() && text.size() <= kMaxOriginBytes &&
         std::none_of(text.begin(), text.end(), control);
}

}  // namespace

std::string format_checkpoint(const CheckpointBody& body) {
  return fmt::format("{}\n{}\n{}\n", body.origin, body.size, to_base64(body.root));
}

Result<CheckpointBody> parse_checkpoint(std::string_view text) {
  if (text.size() > kMaxCheckpointBytes) return fail(Code::kTooLarge, "a checkpoint that long");
  CheckpointBody out;
  ENTENTE_TRY(origin, take_line(text));
  if (!is_origin(origin)) return fail(Code::kInvalid, "a checkpoint without an origin");
  out.origin = std::string(origin);
  ENTENTE_TRY(size_line, take_line(text));
  ENTENTE_TRY(size, decimal(size_line));
  out.size = size;
  ENTENTE_TRY(root_line, take_line(text));
  ENTENTE_TRY(root, hash_line(root_line));
  out.root = root;
  if (!text.empty()) return fail(Code::kInvalid, "a checkpoint with extension lines");
  if (out.size == 0 && out.root != empty_root())
    return fail(Code::kInvalid, "an empty log with a root of its own");
  return out;
}

std::string format_tlog_proof(const TlogProof& proof) {
  std::string out = fmt::format("{}\n", kProofHeader);
  if (!proof.extra.empty()) out += fmt::format("{}{}\n", kExtra, to_base64(proof.extra));
  out += fmt::format("{}{}\n", kIndex, proof.index);
  for (const auto& hash : proof.hashes) out += to_base64(hash) + '\n';
  return out + '\n' + proof.checkpoint;
}

Result<TlogProof> parse_tlog_proof(std::string_view text) {
  if (text.size() > kMaxTlogProofBytes) return fail(Code::kTooLarge, "a receipt that long");
  TlogProof out;
  ENTENTE_TRY(header, take_line(text));
  if (header != kProofHeader) return fail(Code::kUnsupported, "not a tlog-proof@v1 receipt");
  ENTENTE_TRY(line, take_line(text));
  if (line.starts_with(kExtra)) {
    ENTENTE_TRY(extra, from_base64(line.substr(kExtra.size())));
    if (extra.empty()) return fail(Code::kInvalid, "a receipt with an empty extra line");
    out.extra = std::move(extra);
    ENTENTE_TRY(next, take_line(text));
    line = next;
  }
  if (!line.starts_with(kIndex)) return fail(Code::kInvalid, "a receipt without an index");
  ENTENTE_TRY(index, decimal(line.substr(kIndex.size())));
  out.index = index;
  while (true) {
    ENTENTE_TRY(next, take_line(text));
    if (next.empty()) break;
    if (out.hashes.size() == kMaxProofHashes)
      return fail(Code::kTooLarge, "a receipt with more hashes than any tree has levels");
    ENTENTE_TRY(hash, hash_line(next));
    out.hashes.push_back(hash);
  }
  if (text.empty()) return fail(Code::kInvalid, "a receipt without a checkpoint");
  out.checkpoint = std::string(text);
  return out;
}

}  // namespace entente::merkle
