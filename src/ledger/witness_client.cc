// SPDX-License-Identifier: Apache-2.0
//
// The log's side of witnessing.
#include <fmt/format.h>

#include <charconv>

#include "entente/core/log.h"
#include "entente/ledger/tables.h"
#include "entente/ledger/witness.h"

namespace entente::ledger {
namespace {

// The first try assumes what we last heard; one 409 corrects it. A third allows for another
// process of ours that had a newer head cosigned in between.
constexpr int kAttempts = 3;
constexpr std::size_t kMaxAnswerBytes =
    std::size_t{16} * 1024;  // a signature line has about 150 bytes

struct Question {
  Checkpoint head;
  std::uint64_t old_size = 0;
  std::vector<Hash256> proof;
};

Result<std::uint64_t> remembered_size(store::Tx& tx, const std::string& vkey) {
  ENTENTE_TRY(rows, tx.query("SELECT size FROM ledger_cosigner WHERE vkey = $1", {vkey}));
  return rows.empty() ? 0 : from_sql(rows[0].integer(0));
}

Error behind(std::string_view url, std::uint64_t theirs, std::uint64_t ours) {
  log::error("ledger.behind_witness", {{"witness", url}, {"theirs", theirs}, {"ours", ours}});
  return {Code::kCorrupt,
          fmt::format("the witness holds a head of {} leaves, this log has {}", theirs, ours),
          {},
          "SG14",
          "restore the newest database: a log that was rolled back must not go on"};
}

// `old_size` unset: what we remember.
Result<Question> ask(store::Store& store, std::string_view url, const std::string& vkey,
                     std::optional<std::uint64_t> old_size) {
  return store::read_returning<Question>(store, [&](store::Tx& tx) -> Result<Question> {
    Question out;
    ENTENTE_TRY(head, Log::checkpoint(tx));
    out.head = std::move(head);
    if (!old_size) {
      ENTENTE_TRY(remembered, remembered_size(tx, vkey));
      old_size = remembered;
    }
    out.old_size = *old_size;
    if (out.old_size > out.head.size) return fail(behind(url, out.old_size, out.head.size));
    ENTENTE_TRY(proof, Log::consistency(tx, out.old_size, out.head.size));
    out.proof = std::move(proof);
    return out;
  });
}

std::string format_question(const Question& question) {
  std::string out = fmt::format("old {}\n", question.old_size);
  for (const Hash256& hash : question.proof) out += to_base64(hash) + "\n";
  return out + "\n" + question.head.note;
}

Result<std::uint64_t> stated_size(const http::ClientResponse& answer) {
  const auto type = answer.headers.find("content-type");
  std::string_view text = answer.body;
  std::uint64_t size = 0;
  const bool typed = type != answer.headers.end() && !type->second.empty() &&
                     type->second.front() == "text/x.tlog.size";
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (!typed || error != std::errc{} || end != text.data() + text.size() ||
      size > merkle::kMaxTreeSize)
    return fail(Code::kUnavailable, "the witness answered 409 without the size that it holds");
  return size;
}

// The line by that key in the answer, verified over our head.
Result<std::string> verified_line(const Checkpoint& head, std::string_view answer,
                                  const crypto::NoteKey& key) {
  ENTENTE_TRY(ours, crypto::parse_note(head.note));
  while (!answer.empty()) {
    const auto end = answer.find('\n');
    if (end == std::string_view::npos) break;
    const auto signature = crypto::NoteSignature::parse_line(answer.substr(0, end + 1));
    answer.remove_prefix(end + 1);
    if (!signature || signature->name != key.name || signature->key_id != key.id()) continue;
    ENTENTE_CHECK_OK(crypto::open_note(ours.text + "\n" + signature->line(), {&key, 1}));
    return signature->line();
  }
  return fail(Code::kUnauthorised, "the witness's answer is not signed by its key");
}

Result<void> keep(store::Store& store, const Question& question, const std::string& line,
                  const std::string& vkey) {
  return store.write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(Log::keep_cosignature(tx, question.head, line));
    ENTENTE_CHECK_OK(
        tx.exec("INSERT INTO ledger_cosigner (vkey, size) VALUES ($1, $2)"
                " ON CONFLICT (vkey) DO UPDATE SET size = excluded.size",
                {vkey, to_sql(question.head.size)}));
    return {};
  });
}

Error refused(std::string_view url, const http::ClientResponse& answer) {
  log::warn("ledger.witness_refused", {{"witness", url}, {"status", answer.status}});
  const auto detail = fmt::format("the witness answered {}", answer.status);
  switch (answer.status) {
    case 403:
    case 404:
      return {Code::kForbidden, detail, {}, {}, "give the witness's operator this log's vkey"};
    case 422:
      log::error("ledger.fork_alleged", {{"witness", url}});
      return {Code::kCorrupt, detail + ": its head is not a part of this log", {}, "SG14", {}};
    case 429:
    case 503:
      return {Code::kBusy, detail, {}, {}, {}};
    default:
      return {Code::kUnavailable, detail, {}, {}, {}};
  }
}

}  // namespace

Result<void> request_cosignature(http::Client& client, store::Store& store, const Log& log,
                                 std::string_view witness_url, std::string_view witness_vkey) {
  ENTENTE_TRY(key, crypto::NoteKey::parse(witness_vkey));
  if (key.algorithm != crypto::NoteAlgorithm::kCosignatureV1 ||
      key.public_key == log.note_key().public_key)
    return fail(Code::kInvalid, "not the key of a witness (cosignature/v1, 0x04)", "witness_vkey");
  const std::string vkey = key.vkey();
  if (witness_url.ends_with('/')) witness_url.remove_suffix(1);
  std::optional<std::uint64_t> old_size;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ENTENTE_TRY(question, ask(store, witness_url, vkey, old_size));
    http::ClientRequest request;
    request.method = "POST";
    request.url = std::string(witness_url) + "/add-checkpoint";
    request.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
    request.body = format_question(question);
    request.max_body = kMaxAnswerBytes;
    ENTENTE_TRY(answer, client.send(request));
    if (answer.status == 200) {
      ENTENTE_TRY(line, verified_line(question.head, answer.body, key));
      return keep(store, question, line, vkey);
    }
    if (answer.status != 409) return fail(refused(witness_url, answer));
    ENTENTE_TRY(stated, stated_size(answer));
    old_size = stated;
  }
  return fail(Code::kBusy, "the witness's head keeps moving");
}

}  // namespace entente::ledger
