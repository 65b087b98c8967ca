// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/audit.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "entente/ledger/tables.h"

namespace entente::ledger {
namespace {

constexpr std::uint64_t kBatch = 1024;  // rows at a time: about a megabyte

class Auditor {
 public:
  Auditor(store::Store& store, const Log& log) : store_(store), log_(log) {}

  Result<AuditReport> run() {
    ENTENTE_CHECK_OK(store_.read([&](store::Tx& tx) { return head(tx); }));
    while (tree_.size() < report_.size) {
      const auto before = tree_.size();
      ENTENTE_CHECK_OK(store_.read([&](store::Tx& tx) { return leaves(tx); }));
      if (tree_.size() == before) break;  // a missing row: said already
    }
    report_.root = tree_.root();
    if (tree_.size() != report_.size) {
      fault("the leaves end at {}, the head says {}", tree_.size(), report_.size);
      return std::move(report_);
    }
    if (head_ok_ && tree_ != head_.tree) fault("the stored right edge is not that of the leaves");
    heads();
    return std::move(report_);
  }

 private:
  template <class... Args>
  void fault(fmt::format_string<Args...> text, Args&&... args) {
    if (report_.faults.size() < kMaxFaults)
      report_.faults.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  Result<void> head(store::Tx& tx) {
    auto read = read_head(tx);
    head_ok_ = read.has_value();
    if (!read && read.error().code != Code::kCorrupt) return fail(read.error());
    if (!read) fault("the head cannot be read: {}", read.error().detail);
    ENTENTE_TRY(counts, tx.query("SELECT count(*), coalesce(max(idx) + 1, 0) FROM ledger_leaf"));
    const auto rows = from_sql(counts[0].integer(0));
    if (counts[0].integer(0) != counts[0].integer(1))
      fault("{} leaves are numbered up to {}", rows, counts[0].integer(1));
    if (read) head_ = *std::move(read);
    report_.size = head_ok_ ? head_.tree.size() : rows;
    if (head_ok_ && rows != report_.size)
      fault("{} leaves are stored, the head says {}", rows, report_.size);
    if (head_ok_ && head_.note) notes_.emplace(head_.signed_size, *head_.note);
    ENTENTE_TRY(kept, tx.query("SELECT size, note FROM ledger_checkpoint"));
    for (const auto& row : kept) notes_.emplace(from_sql(row.integer(0)), row.text(1));
    for (const auto& [size, note] : notes_)
      if (size > report_.size) fault("a checkpoint of {} leaves, more than there are", size);
    return {};
  }

  Result<void> leaves(store::Tx& tx) {
    const auto first = tree_.size();
    const auto end = std::min(first + kBatch, report_.size);
    ENTENTE_TRY(rows, tx.query("SELECT idx, hash, regime, move, entry FROM ledger_leaf"
                               " WHERE idx >= $1 AND idx < $2 ORDER BY idx",
                               {to_sql(first), to_sql(end)}));
    for (const auto& row : rows) {
      if (from_sql(row.integer(0)) != tree_.size()) {
        fault("leaf {} is missing", tree_.size());
        return {};
      }
      ENTENTE_CHECK_OK(leaf(tx, row));
    }
    return {};
  }

  Result<void> leaf(store::Tx& tx, const store::Row& row) {
    const auto index = tree_.size();
    if (auto at = notes_.find(index); at != notes_.end()) roots_[index] = tree_.root();
    const Bytes& entry = row.blob(4);
    const Hash256 hash = merkle::leaf_hash(entry);
    if (row.blob(1) != to_bytes(hash)) fault("leaf {}: the entry does not have its hash", index);
    const auto parsed = parse_leaf(as_text(entry));
    if (row.text_if(2).value_or("") != (parsed ? parsed->regime : "") ||
        row.text_if(3).value_or("") != (parsed ? parsed->move : ""))
      fault("leaf {}: counted as another kind than it is", index);
    Result<void> outcome;
    tree_.append(hash, [&](unsigned level, std::uint64_t at, const Hash256& expected) {
      if (level == 0 || level % merkle::kTileHeight != 0 || !outcome) return;
      outcome = node(tx, level / merkle::kTileHeight, at, expected);
    });
    return outcome;
  }

  Result<void> node(store::Tx& tx, unsigned level, std::uint64_t index, const Hash256& expected) {
    ENTENTE_TRY(rows, tx.query("SELECT hash FROM ledger_node WHERE level = $1 AND idx = $2",
                               {static_cast<std::int64_t>(level), to_sql(index)}));
    if (rows.empty())
      fault("node {} of tile level {} is missing", index, level);
    else if (rows[0].blob(0) != to_bytes(expected))
      fault("node {} of tile level {} is not that of its leaves", index, level);
    return {};
  }

  // Every head that we signed and kept is a prefix of the leaves.
  void heads() {
    roots_[tree_.size()] = tree_.root();
    for (const auto& [size, text] : notes_) {
      const auto note = crypto::open_note(text, {&log_.note_key(), 1});
      if (!note) {
        fault("checkpoint {}: {}", size, note.error().detail);
        continue;
      }
      const auto body = merkle::parse_checkpoint(note->text);
      const auto root = roots_.find(size);
      if (!body || body->origin != log_.origin() || body->size != size || root == roots_.end() ||
          body->root != root->second)
        fault("checkpoint {} does not name the root of the leaves", size);
    }
  }

  store::Store& store_;
  const Log& log_;
  AuditReport report_;
  Head head_;
  bool head_ok_ = false;
  merkle::Frontier tree_;
  std::multimap<std::uint64_t, std::string> notes_;
  std::map<std::uint64_t, Hash256> roots_;
};

}  // namespace

Result<AuditReport> audit(store::Store& store, const Log& log) {
  return Auditor(store, log).run();
}

}  // namespace entente::ledger
