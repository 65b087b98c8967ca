// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/witness.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <variant>

#include "entente/crypto/sha256.h"
#include "entente/ledger/tables.h"

namespace entente::ledger {
namespace {

constexpr std::string_view kOld = "old ";

http::Response refusal(int status, std::string why) {
  return http::text_response(std::move(why) + "\n", "text/plain; charset=utf-8", status);
}

struct Submission {
  std::uint64_t old_size = 0;
  std::vector<Hash256> proof;
  std::string_view note;
  crypto::RawNote raw;
  merkle::CheckpointBody head;
};

Result<Hash256> proof_line(std::string_view line) {
  ENTENTE_TRY(bytes, from_base64(line));
  Hash256 out{};
  if (bytes.size() != out.size()) return fail(Code::kInvalid, "a proof line of another length");
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Result<std::uint64_t> old_line(std::string_view line) {
  std::uint64_t value = 0;
  if (!line.starts_with(kOld)) return fail(Code::kInvalid, "the first line reads: old <size>");
  line.remove_prefix(kOld.size());
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc{} || end != line.data() + line.size() || value > merkle::kMaxTreeSize ||
      (line.size() > 1 && line.front() == '0'))
    return fail(Code::kInvalid, "the old size is not a plain decimal number");
  return value;
}

Result<Submission> parse_submission(std::string_view body) {
  if (body.size() > kMaxAddCheckpointBytes) return fail(Code::kTooLarge, "the request is too long");
  const auto take_line = [&body]() -> Result<std::string_view> {
    const auto end = body.find('\n');
    if (end == std::string_view::npos) return fail(Code::kInvalid, "a line is missing");
    const auto line = body.substr(0, end);
    body.remove_prefix(end + 1);
    return line;
  };
  Submission out;
  ENTENTE_TRY(first, take_line());
  ENTENTE_TRY(old_size, old_line(first));
  out.old_size = old_size;
  while (true) {
    ENTENTE_TRY(line, take_line());
    if (line.empty()) break;
    if (out.proof.size() == merkle::kMaxProofHashes)
      return fail(Code::kInvalid, "a proof has at most 63 lines");
    ENTENTE_TRY(hash, proof_line(line));
    out.proof.push_back(hash);
  }
  out.note = body;
  ENTENTE_TRY(raw, crypto::parse_note(body));
  out.raw = std::move(raw);
  ENTENTE_TRY(head, merkle::parse_checkpoint(out.raw.text));
  out.head = std::move(head);
  return out;
}

struct Held {
  std::uint64_t size = 0;
  Hash256 root = merkle::empty_root();
};

Result<Held> held_head(store::Tx& tx, const std::string& origin) {
  ENTENTE_TRY(rows,
              tx.query("SELECT size, root FROM ledger_witness_head WHERE origin = $1", {origin}));
  if (rows.empty()) return Held{};
  ENTENTE_TRY(root, hash_of(rows[0], 1));
  return Held{from_sql(rows[0].integer(0)), root};
}

Result<std::vector<crypto::NoteKey>> trusted_keys(store::Tx& tx, const std::string& origin) {
  ENTENTE_TRY(rows, tx.query("SELECT vkey FROM ledger_witness_key WHERE origin = $1", {origin}));
  std::vector<crypto::NoteKey> out;
  for (const auto& row : rows) {
    ENTENTE_TRY(key, crypto::NoteKey::parse(row.text(0)));
    out.push_back(std::move(key));
  }
  return out;
}

// The head with the signatures that we verified: what strangers added is not ours to serve.
std::string verified_note(const crypto::RawNote& raw, const crypto::Note& note) {
  std::string out = raw.text + "\n";
  for (const auto& signature : raw.signatures)
    for (const auto& good : note.signatures)
      if (signature.name == good.key.name && signature.key_id == good.key.id()) {
        out += signature.line();
        break;
      }
  return out;
}

struct Accepted {
  merkle::CheckpointBody head;
  std::string note;
};
using Verdict = std::variant<http::Response, Accepted>;

// Reads only. The order of the checks is the specification's.
Result<Verdict> judge(store::Tx& tx, std::string_view body) {
  auto parsed = parse_submission(body);
  if (!parsed) return refusal(400, parsed.error().detail);
  Submission& in = *parsed;
  ENTENTE_TRY(keys, trusted_keys(tx, in.head.origin));
  if (keys.empty()) return refusal(404, "this witness does not know that log");
  const auto note = crypto::open_note(in.note, keys);
  if (!note) return refusal(403, "no valid signature by a key that this witness trusts");
  if (in.old_size > in.head.size) return refusal(400, "the old size is over the new one");
  ENTENTE_TRY(held, held_head(tx, in.head.origin));
  if (in.old_size != held.size)
    return http::text_response(fmt::format("{}\n", held.size), "text/x.tlog.size", 409);
  if (!merkle::verify_consistency(held.size, in.head.size, held.root, in.head.root, in.proof))
    return refusal(422, "the proof does not lead from the head that this witness holds");
  return Accepted{in.head, verified_note(in.raw, *note)};
}

}  // namespace

Result<WitnessService> WitnessService::create(std::string_view name, const crypto::PrivateKey& key,
                                              const Clock& clock) {
  ENTENTE_TRY(key_name,
              crypto::NoteKey::make(name, crypto::NoteAlgorithm::kCosignatureV1, key.public_key()));
  return WitnessService(std::move(key_name), key, clock);
}

Result<void> WitnessService::trust(store::Tx& tx, std::string_view origin, std::string_view vkey) {
  ENTENTE_TRY(key, crypto::NoteKey::parse(vkey));
  if (key.algorithm != crypto::NoteAlgorithm::kEd25519)
    return fail(Code::kInvalid, "logs sign with Ed25519 (0x01)", "vkey");
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO ledger_witness_key (origin, vkey) VALUES ($1, $2)"
              " ON CONFLICT (origin, vkey) DO NOTHING",
              {std::string(origin), key.vkey()}));
  return {};
}

Result<std::int64_t> WitnessService::distrust(store::Tx& tx, std::string_view origin,
                                              std::string_view vkey) {
  return tx.exec("DELETE FROM ledger_witness_key WHERE origin = $1 AND vkey = $2",
                 {std::string(origin), std::string(vkey)});
}

Result<http::Response> WitnessService::add_checkpoint(store::Tx& tx, std::string_view body) const {
  ENTENTE_TRY(verdict, judge(tx, body));
  if (auto* refused = std::get_if<http::Response>(&verdict)) return std::move(*refused);
  const auto& accepted = std::get<Accepted>(verdict);
  const auto& head = accepted.head;
  const auto seconds = static_cast<std::uint64_t>(to_ms(clock_->now()) / 1000);
  ENTENTE_TRY(line,
              crypto::cosign_note(merkle::format_checkpoint(head), key_name_.name, *key_, seconds));
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO ledger_witness_head (origin, origin_sha256, size, root, note)"
              " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (origin) DO UPDATE"
              " SET size = excluded.size, root = excluded.root, note = excluded.note",
              {head.origin, to_hex(crypto::sha256(as_bytes(head.origin))), to_sql(head.size),
               to_bytes(head.root), accepted.note + line}));
  return http::text_response(std::move(line));
}

Result<http::Response> WitnessService::answer(store::Store& store, std::string_view body) const {
  ENTENTE_TRY(
      first, store::read_returning<Verdict>(store, [&](store::Tx& tx) { return judge(tx, body); }));
  if (auto* refused = std::get_if<http::Response>(&first)) return std::move(*refused);
  // Judged again inside the unit: another request may have moved the head meanwhile.
  return store::write_returning<http::Response>(
      store, [&](store::Tx& tx) { return add_checkpoint(tx, body); });
}

Result<std::string> WitnessService::checkpoint(store::Tx& tx, std::string_view origin_sha256) {
  ENTENTE_TRY(rows, tx.query("SELECT note FROM ledger_witness_head WHERE origin_sha256 = $1",
                             {std::string(origin_sha256)}));
  if (rows.empty()) return fail(Code::kNotFound, "this witness has cosigned no such log");
  return rows[0].text(0);
}

}  // namespace entente::ledger
