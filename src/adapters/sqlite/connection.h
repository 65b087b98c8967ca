// SPDX-License-Identifier: Apache-2.0
//
// One SQLite connection with a cache of prepared statements. Private to this folder.
// Thread-safety: none; one thread at a time uses a Connection.
#pragma once

#include <sqlite3.h>

#include <array>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "entente/store/store.h"

namespace entente::sqlite {

// Distinct statements kept prepared per connection: a module has some twenty, each costs a few KiB.
inline constexpr std::size_t kMaxStatements = 128;

struct StatementDeleter {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using Statement = std::unique_ptr<sqlite3_stmt, StatementDeleter>;

enum class Mode { kWriter, kReader };

// The store's own statements. They are prepared apart: a unit that writes "COMMIT" must not find
// ours in the cache.
enum class Control { kBeginWrite, kBeginRead, kCommit, kRollback, kSavepoint, kRelease, kUndo };
inline constexpr std::size_t kControls = 7;

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode,
                                                  std::size_t cache_kib);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<store::Rows> query(std::string_view sql, const store::Params& params);
  Result<std::int64_t> exec(std::string_view sql, const store::Params& params);
  Result<void> control(Control what);

  // True between BEGIN and the end of the transaction; SQLite may end one itself (disk full, I/O
  // error).
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  bool has_open_foreign_keys() const;

  // While set, statements that belong to the store alone (BEGIN, PRAGMA, ATTACH…) are refused.
  void set_guarded(bool on) { guarded_ = on; }

 private:
  Connection() = default;
  Result<void> prepare_controls();
  Result<Statement> prepare(std::string_view sql, std::string_view& rest);
  // A statement ready to bind, from the cache or put there.
  Result<sqlite3_stmt*> cached(std::string_view sql, std::string_view& rest);
  Result<void> bind(sqlite3_stmt* s, const store::Params& params);
  Result<store::Rows> rows(sqlite3_stmt* s);
  Result<std::int64_t> run(sqlite3_stmt* s);
  Unexpected failure(int rc) const;
  static int authorize(void* self, int action, const char* a, const char* b, const char* c,
                       const char* d);

  struct Cached {
    std::string sql;
    Statement statement;
  };

  sqlite3* db_ = nullptr;
  bool guarded_ = false;
  std::array<Statement, kControls> controls_;
  std::list<Cached> recent_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Cached>::iterator> by_sql_;  // keys view recent_
};

// Error code and a text that carries no data of rows.
Error error_from(int rc, const char* message);

}  // namespace entente::sqlite
