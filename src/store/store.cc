// SPDX-License-Identifier: Apache-2.0
#include "entente/store/store.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "entente/core/log.h"
#include "entente/store/sha256.h"

namespace entente::store {
namespace {

template <class T>
const T& column(const std::vector<Value>& values, std::size_t i, std::string_view type) {
  check(i < values.size(), fmt::format("column {} of a row of {}", i, values.size()));
  const T* value = std::get_if<T>(&values[i]);
  check(value != nullptr, fmt::format("column {} is not {}", i, type));
  return *value;
}

}  // namespace

std::int64_t Row::integer(std::size_t i) const {
  return column<std::int64_t>(values_, i, "an integer");
}

const std::string& Row::text(std::size_t i) const {
  return column<std::string>(values_, i, "text");
}

const Bytes& Row::blob(std::size_t i) const {
  return column<Bytes>(values_, i, "a blob");
}

double Row::real(std::size_t i) const {
  return column<double>(values_, i, "a real");
}

std::optional<std::string> Row::text_if(std::size_t i) const {
  if (is_null(i)) return std::nullopt;
  return text(i);
}

std::optional<std::int64_t> Row::integer_if(std::size_t i) const {
  if (is_null(i)) return std::nullopt;
  return integer(i);
}

namespace {

constexpr std::string_view kMigrationTable =
    "CREATE TABLE IF NOT EXISTS entente_migration ("
    " module TEXT NOT NULL, version INTEGER NOT NULL, sha256 TEXT NOT NULL,"
    " applied_at INTEGER NOT NULL, PRIMARY KEY (module, version)) STRICT";

using Applied = std::map<std::pair<std::string, std::int64_t>, std::string>;

Result<Applied> applied_versions(Store& store) {
  return read_returning<Applied>(store, [](Tx& tx) -> Result<Applied> {
    ENTENTE_TRY(rows, tx.query("SELECT module, version, sha256 FROM entente_migration"));
    Applied out;
    for (const Row& row : rows) out[{row.text(0), row.integer(1)}] = row.text(2);
    return out;
  });
}

Unexpected changed(std::string_view module, std::int64_t version) {
  return fail(
      Code::kCorrupt,
      fmt::format("schema {} version {} was applied with another text than this program has",
                  module, version));
}

// A database that already holds versions this program has never heard of belongs to a newer one.
Result<void> refuse_newer(const Migration& migration, const Applied& applied) {
  for (const auto& entry : applied) {
    if (entry.first.first != migration.module) continue;
    if (entry.first.second > static_cast<std::int64_t>(migration.versions.size()))
      return fail(Code::kConflict,
                  fmt::format("the database has version {} of schema {}, this program knows {}",
                              entry.first.second, migration.module, migration.versions.size()));
  }
  return {};
}

Result<void> apply_version(Tx& tx, std::string_view module, std::int64_t version,
                           std::string_view script, const std::string& sha, std::int64_t now_ms) {
  // Asked again inside the transaction: another node may have applied it since.
  ENTENTE_TRY(rows,
              tx.query("SELECT sha256 FROM entente_migration WHERE module = $1 AND version = $2",
                       {std::string(module), version}));
  if (!rows.empty()) {
    if (rows[0].text(0) != sha) return changed(module, version);
    return {};
  }
  ENTENTE_CHECK_OK(tx.exec(script));
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO entente_migration (module, version, sha256, applied_at)"
              " VALUES ($1, $2, $3, $4)",
              {std::string(module), version, sha, now_ms}));
  return {};
}

}  // namespace

Result<void> migrate(Store& store, const std::vector<Migration>& migrations, std::int64_t now_ms) {
  std::set<std::string_view> modules;
  for (const Migration& m : migrations)
    if (m.module.empty() || !modules.insert(m.module).second)
      return fail(Code::kInternal,
                  fmt::format("schema \"{}\" is named twice or not at all", m.module));

  const auto create = [](Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec(kMigrationTable));
    return {};
  };
  ENTENTE_CHECK_OK(store.write(create));
  ENTENTE_TRY(applied, applied_versions(store));
  // Everything is compared before anything is changed: a refusal leaves the database as it was.
  for (const Migration& m : migrations) {
    ENTENTE_CHECK_OK(refuse_newer(m, applied));
    for (std::size_t i = 0; i < m.versions.size(); ++i) {
      const auto version = static_cast<std::int64_t>(i + 1);
      const auto found = applied.find({std::string(m.module), version});
      if (found != applied.end() && found->second != to_hex(sha256(as_bytes(m.versions[i]))))
        return changed(m.module, version);
    }
  }
  for (const Migration& m : migrations) {
    for (std::size_t i = 0; i < m.versions.size(); ++i) {
      const auto version = static_cast<std::int64_t>(i + 1);
      if (applied.count({std::string(m.module), version}) != 0) continue;
      const std::string sha = to_hex(sha256(as_bytes(m.versions[i])));
      const std::string_view script = m.versions[i];
      const std::string_view module = m.module;
      ENTENTE_CHECK_OK(store.write(
          [&](Tx& tx) { return apply_version(tx, module, version, script, sha, now_ms); }));
      log::info("store.migrated", {{"module", module}, {"version", version}});
    }
  }
  return {};
}

}  // namespace entente::store
