// SPDX-License-Identifier: Apache-2.0
//
// The SQL port. A Store runs units of work; adapters (adapters/sqlite, later adapters/postgres)
// implement it and pass one conformance suite (store/conformance.h).
//
// Durability: `write` returns only after its transaction is durable (SQLite: synchronous=FULL,
// WAL). Writers are queued and committed in groups: many units of work share one fsync. Each unit
// runs inside its own savepoint, so a unit that fails is undone alone and its neighbours commit.
// Units see the effects of earlier units in the group.
//
// Thread-safety: all methods may be called from any thread. A Tx belongs to the unit it was given
// to.
//
// SQL text: one text for every adapter: `$1` parameters, ON CONFLICT … DO, RETURNING, INTEGER /
// TEXT / BLOB columns.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/core/error.h"

namespace entente::store {

// NULL, integer, real, text, blob.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Bytes>;
using Params = std::vector<Value>;

class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  std::size_t size() const { return values_.size(); }
  bool is_null(std::size_t i) const {
    return std::holds_alternative<std::monostate>(values_.at(i));
  }
  // A column of another type is a bug in the caller's SQL: these abort.
  std::int64_t integer(std::size_t i) const;
  const std::string& text(std::size_t i) const;
  const Bytes& blob(std::size_t i) const;
  double real(std::size_t i) const;
  std::optional<std::string> text_if(std::size_t i) const;
  std::optional<std::int64_t> integer_if(std::size_t i) const;

 private:
  std::vector<Value> values_;
};
using Rows = std::vector<Row>;

// One unit of work's view of the database. Errors: kConflict for a violated UNIQUE or CHECK
// constraint, kBusy, kTooLarge (disk full), kCorrupt, kInternal for bad SQL. Text with a NUL and a
// NaN are kInvalid: no adapter could keep them as they are. Transaction control, ATTACH and PRAGMA
// are refused: the store owns the transaction.
class Tx {
 public:
  virtual ~Tx() = default;
  virtual Result<Rows> query(std::string_view sql, const Params& params = {}) = 0;
  // Number of rows changed (of the last statement). Without parameters the text may be a script of
  // several statements.
  virtual Result<std::int64_t> exec(std::string_view sql, const Params& params = {}) = 0;
};

using Work = std::function<Result<void>(Tx&)>;

class Store {
 public:
  virtual ~Store() = default;

  // Runs `work` in a savepoint on the writer; returns after the commit is durable, or with work's
  // own error after its savepoint was undone. Must not be called from inside a unit of work.
  virtual Result<void> write(const Work& work) = 0;
  // Runs `work` against a consistent snapshot that includes every completed `write`. Its statements
  // must not write.
  virtual Result<void> read(const Work& work) = 0;

  // Called on the writer inside the transaction, once per group, after the group's units and before
  // COMMIT (the ledger signs its checkpoint here). A failing hook rolls the whole group back: every
  // writer gets its error. A group whose units all failed commits nothing and calls no hook. Hooks
  // run in the order of registration; register after `migrate` (a hook sees its tables) and before
  // the first write that it must see.
  virtual void before_commit(Work hook) = 0;
  // Called on the writer thread after a group is durable and before its writers are answered (wakes
  // dispatchers). Must be quick and not call write().
  virtual void after_commit(std::function<void()> hook) = 0;
};

// Convenience for units that return a value.
template <class T, class F>
Result<T> write_returning(Store& store, F&& work) {
  std::optional<T> out;
  ENTENTE_CHECK_OK(store.write([&](Tx& tx) -> Result<void> {
    Result<T> r = work(tx);
    if (!r) return fail(std::move(r).error());
    out = *std::move(r);
    return {};
  }));
  return *std::move(out);
}
template <class T, class F>
Result<T> read_returning(Store& store, F&& work) {
  std::optional<T> out;
  ENTENTE_CHECK_OK(store.read([&](Tx& tx) -> Result<void> {
    Result<T> r = work(tx);
    if (!r) return fail(std::move(r).error());
    out = *std::move(r);
    return {};
  }));
  return *std::move(out);
}

// A module's schema: statements that ran once stay as they are; a later version appends. Applied in
// order, each in one transaction, recorded in `entente_migration(module, version, sha256,
// applied_at)`; a changed old statement is refused (kCorrupt).
struct Migration {
  std::string_view module;
  std::vector<std::string_view> versions;  // SQL scripts, version = index + 1
};
Result<void> migrate(Store& store, const std::vector<Migration>& migrations, std::int64_t now_ms);

}  // namespace entente::store
