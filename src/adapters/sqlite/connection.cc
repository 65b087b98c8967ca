// SPDX-License-Identifier: Apache-2.0
#include "entente/adapters/sqlite/connection.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <mutex>

namespace entente::sqlite {
namespace {

using store::Params;
using store::Rows;
using store::Value;

// Only a foreign program (an operator's shell, a backup) can hold the file: wait for it, but not
// for ever.
constexpr int kBusyTimeoutMs = 5000;

constexpr std::array<const char*, kControls> kControlSql = {
    "BEGIN IMMEDIATE", "BEGIN DEFERRED", "COMMIT",          "ROLLBACK",
    "SAVEPOINT unit",  "RELEASE unit",   "ROLLBACK TO unit"};

// `rest` after one statement: nothing but white space, semicolons and comments?
bool is_blank(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == ';') continue;
    if (c != '-' || text.substr(i, 2) != "--") return false;
    i = text.find('\n', i);
    if (i == std::string_view::npos) return true;
  }
  return true;
}

struct Binder {
  sqlite3_stmt* statement;
  int slot;

  int operator()(std::monostate) const { return sqlite3_bind_null(statement, slot); }
  int operator()(std::int64_t v) const { return sqlite3_bind_int64(statement, slot, v); }
  int operator()(double v) const { return sqlite3_bind_double(statement, slot, v); }
  // Static: the parameters outlive the execution, and bindings are cleared after it.
  int operator()(const std::string& v) const {
    return sqlite3_bind_text64(statement, slot, v.data(), v.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  int operator()(const Bytes& v) const {
    // A null pointer would bind NULL, and an empty vector has one.
    if (v.empty()) return sqlite3_bind_zeroblob(statement, slot, 0);
    return sqlite3_bind_blob64(statement, slot, v.data(), v.size(), SQLITE_STATIC);
  }
};

Value column_value(sqlite3_stmt* s, int i) {
  switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(s, i)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(s, i);
    case SQLITE_TEXT: {
      const auto* p = reinterpret_cast<const char*>(sqlite3_column_text(s, i));
      return std::string(p, static_cast<std::size_t>(sqlite3_column_bytes(s, i)));
    }
    case SQLITE_BLOB: {
      const auto* p = static_cast<const std::uint8_t*>(sqlite3_column_blob(s, i));
      const auto n = static_cast<std::size_t>(sqlite3_column_bytes(s, i));
      return n == 0 ? Bytes{} : Bytes(p, p + n);
    }
    default:
      return std::monostate{};
  }
}

// Resets on every way out, so that no statement keeps a lock or a view of the caller's parameters.
class Execution {
 public:
  explicit Execution(sqlite3_stmt* s) : statement_(s) {}
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  ~Execution() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

Error error_from(int rc, const char* message) {
  const auto make = [&](Code code, std::string_view what) {
    return Error{code, fmt::format("{}: {}", what, message), {}, {}, {}};
  };
  if (rc == SQLITE_CONSTRAINT_DATATYPE) return make(Code::kInternal, "wrong type for a column");
  switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
      return make(Code::kConflict, "constraint");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make(Code::kBusy, "database in use");
    case SQLITE_FULL:
      return make(Code::kTooLarge, "no space left for the database");
    case SQLITE_TOOBIG:
      return make(Code::kTooLarge, "value too large");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return make(Code::kCorrupt, "database damaged");
    case SQLITE_IOERR:
      return make(Code::kInternal, fmt::format("database I/O error {}", rc));
    case SQLITE_CANTOPEN:
      return make(Code::kInternal, "cannot open the database");
    case SQLITE_READONLY:
      return make(Code::kInternal, "a read may not write");
    case SQLITE_AUTH:
      return make(Code::kInternal, "statement reserved to the store");
    default:
      return make(Code::kInternal, fmt::format("SQL error {}", rc));
  }
}

Unexpected Connection::failure(int rc) const {
  return fail(error_from(rc, db_ == nullptr ? sqlite3_errstr(rc) : sqlite3_errmsg(db_)));
}

// Before SQLite's first use: its count of the bytes it has allocated, which nobody here reads,
// costs a lock per allocation. Too late it changes nothing.
static void configure_library() {
  static std::once_flag once;
  std::call_once(once, [] { static_cast<void>(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0)); });
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode,
                                                     std::size_t cache_kib) {
  configure_library();
  std::unique_ptr<Connection> c(new Connection);
  // NOMUTEX: a connection is used by one thread at a time, which is ours to guarantee.
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::kWriter ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  const int rc = sqlite3_open_v2(path.c_str(), &c->db_, flags, nullptr);
  if (rc != SQLITE_OK) return c->failure(rc);
  sqlite3_busy_timeout(c->db_, kBusyTimeoutMs);
  for (const auto& [option, value] :
       {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1}, std::pair{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        std::pair{SQLITE_DBCONFIG_ENABLE_FKEY, 1},
        // "name" is an identifier, never silently a string
        std::pair{SQLITE_DBCONFIG_DQS_DML, 0}, std::pair{SQLITE_DBCONFIG_DQS_DDL, 0}}) {
    const int configured = sqlite3_db_config(c->db_, option, value, nullptr);
    if (configured != SQLITE_OK) return c->failure(configured);
  }
  sqlite3_set_authorizer(c->db_, &Connection::authorize, c.get());
  // temp_store: what spills must not land in /tmp. mmap: a disk error would be a signal instead of
  // an answer.
  ENTENTE_CHECK_OK(c->exec(fmt::format("PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                                       "PRAGMA cell_size_check = ON; PRAGMA cache_size = -{}",
                                       cache_kib),
                           {}));
  if (mode == Mode::kReader) ENTENTE_CHECK_OK(c->exec("PRAGMA query_only = ON", {}));
  ENTENTE_CHECK_OK(c->prepare_controls());
  return c;
}

Connection::~Connection() {
  by_sql_.clear();
  recent_.clear();
  for (Statement& s : controls_) s.reset();
  sqlite3_close(db_);
}

Result<void> Connection::prepare_controls() {
  for (std::size_t i = 0; i < kControls; ++i) {
    std::string_view rest;
    ENTENTE_TRY(statement, prepare(kControlSql[i], rest));
    controls_[i] = std::move(statement);
  }
  return {};
}

int Connection::authorize(void* self, int action, const char* a, const char*, const char*,
                          const char*) {
  if (!static_cast<Connection*>(self)->guarded_) return SQLITE_OK;
  switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      return SQLITE_DENY;
    case SQLITE_PRAGMA:
      // The full-text index asks for this one from inside.
      return a != nullptr && std::string_view(a) == "data_version" ? SQLITE_OK : SQLITE_DENY;
    default:
      return SQLITE_OK;
  }
}

Result<void> Connection::control(Control what) {
  sqlite3_stmt* s = controls_[static_cast<std::size_t>(what)].get();
  const Execution execution(s);
  const int rc = sqlite3_step(s);
  if (rc != SQLITE_DONE) return failure(rc);
  return {};
}

bool Connection::has_open_foreign_keys() const {
  int open = 0;
  int unused = 0;
  return sqlite3_db_status(db_, SQLITE_DBSTATUS_DEFERRED_FKS, &open, &unused, 0) == SQLITE_OK &&
         open != 0;
}

Result<Statement> Connection::prepare(std::string_view sql, std::string_view& rest) {
  if (sql.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return fail(Code::kInternal, "SQL text too long");
  sqlite3_stmt* s = nullptr;
  const char* tail = nullptr;
  const int rc = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &s, &tail);
  if (rc != SQLITE_OK) return failure(rc);
  rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
  return Statement(s);
}

Result<sqlite3_stmt*> Connection::cached(std::string_view sql, std::string_view& rest) {
  rest = {};
  if (const auto found = by_sql_.find(sql); found != by_sql_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->statement.get();
  }
  ENTENTE_TRY(statement, prepare(sql, rest));
  if (statement == nullptr) return fail(Code::kInternal, "empty SQL text");
  if (recent_.size() >= kMaxStatements) {
    by_sql_.erase(recent_.back().sql);
    recent_.pop_back();
  }
  // Of a script only the first statement is kept, under its own text.
  const std::string_view own = is_blank(rest) ? sql : sql.substr(0, sql.size() - rest.size());
  recent_.push_front(Cached{std::string(own), std::move(statement)});
  // A script may begin with a statement that is cached already; the newer entry takes its place.
  if (const auto old = by_sql_.find(recent_.front().sql); old != by_sql_.end()) {
    const auto entry = old->second;
    by_sql_.erase(old);
    recent_.erase(entry);
  }
  by_sql_.emplace(recent_.front().sql, recent_.begin());
  return recent_.front().statement.get();
}

Result<void> Connection::bind(sqlite3_stmt* s, const Params& params) {
  const int slots = sqlite3_bind_parameter_count(s);
  // SQLite would bind NULL to a forgotten parameter; PostgreSQL would refuse it. So do we.
  if (static_cast<std::size_t>(slots) != params.size())
    return fail(Code::kInternal,
                fmt::format("the SQL text has {} parameters, {} were given", slots, params.size()));
  for (int slot = 1; slot <= slots; ++slot) {
    const char* raw = sqlite3_bind_parameter_name(s, slot);
    const std::string_view name = raw == nullptr ? std::string_view() : std::string_view(raw);
    std::size_t number = 0;
    if (name.empty() || name[0] != '$' ||
        std::from_chars(name.data() + 1, name.data() + name.size(), number).ptr !=
            name.data() + name.size() ||
        number < 1 || number > params.size())
      return fail(Code::kInternal, fmt::format("parameters are $1 to ${}", params.size()));
    const Value& value = params[number - 1];
    if (const auto* text = std::get_if<std::string>(&value);
        text != nullptr && text->find('\0') != std::string::npos)
      return fail(Code::kInvalid, "text must not hold a NUL character");
    if (const auto* real = std::get_if<double>(&value); real != nullptr && std::isnan(*real))
      return fail(Code::kInvalid, "a number must be a number");
    const int rc = std::visit(Binder{s, slot}, value);
    if (rc != SQLITE_OK) return failure(rc);
  }
  return {};
}

Result<Rows> Connection::rows(sqlite3_stmt* s) {
  Rows out;
  for (;;) {
    const int rc = sqlite3_step(s);
    if (rc == SQLITE_DONE) return out;
    if (rc != SQLITE_ROW) return failure(rc);
    const int columns = sqlite3_column_count(s);
    std::vector<Value> values;
    values.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) values.push_back(column_value(s, i));
    out.emplace_back(std::move(values));
  }
}

Result<std::int64_t> Connection::run(sqlite3_stmt* s) {
  // sqlite3_changes keeps the last statement's number across those that change nothing: the total
  // says whether.
  const sqlite3_int64 before = sqlite3_total_changes64(db_);
  for (;;) {
    const int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) continue;
    if (rc != SQLITE_DONE) return failure(rc);
    return sqlite3_total_changes64(db_) == before ? 0 : std::int64_t{sqlite3_changes64(db_)};
  }
}

Result<Rows> Connection::query(std::string_view sql, const Params& params) {
  std::string_view rest;
  ENTENTE_TRY(s, cached(sql, rest));
  if (!is_blank(rest)) return fail(Code::kInternal, "a query is one statement");
  const Execution execution(s);
  ENTENTE_CHECK_OK(bind(s, params));
  return rows(s);
}

Result<std::int64_t> Connection::exec(std::string_view sql, const Params& params) {
  std::string_view rest;
  ENTENTE_TRY(s, cached(sql, rest));
  if (!params.empty() && !is_blank(rest))
    return fail(Code::kInternal, "a script of several statements takes no parameters");
  std::int64_t changed = 0;
  {
    const Execution execution(s);
    ENTENTE_CHECK_OK(bind(s, params));
    ENTENTE_TRY(n, run(s));
    changed = n;
  }
  while (!is_blank(rest)) {
    const std::string_view script = rest;
    ENTENTE_TRY(next, prepare(script, rest));
    if (next == nullptr) break;  // a comment of the other kind
    ENTENTE_CHECK_OK(bind(next.get(), {}));
    ENTENTE_TRY(n, run(next.get()));
    changed = n;
  }
  return changed;
}

}  // namespace entente::sqlite
