// SPDX-License-Identifier: Apache-2.0
#include "entente/adapters/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <filesystem>
#include <mutex>
#include <span>
#include <thread>

#include "entente/adapters/sqlite/connection.h"
#include "entente/core/log.h"

namespace entente::sqlite {
namespace {

using store::Rows;
using store::Tx;
using store::Work;

// A request that waited this long for a snapshot is better refused than queued further.
constexpr std::chrono::seconds kReaderWait{30};
// The WAL file is cut back to this after a checkpoint, so that one bulk import does not keep the
// disk for ever.
constexpr std::size_t kWalKeepBytes = std::size_t{64} << 20;
// "Ente": marks the file as ours (PRAGMA application_id).
constexpr std::int64_t kApplicationId = 0x456E7465;
constexpr std::size_t kPageBytes = 4096;  // SQLite's default, which `open` also sets for new files

class UnitTx final : public Tx {
 public:
  explicit UnitTx(Connection& connection) : connection_(connection) {
    connection_.set_guarded(true);
  }
  ~UnitTx() override { connection_.set_guarded(false); }
  UnitTx(const UnitTx&) = delete;
  UnitTx& operator=(const UnitTx&) = delete;

  Result<Rows> query(std::string_view sql, const store::Params& params) override {
    return connection_.query(sql, params);
  }
  Result<std::int64_t> exec(std::string_view sql, const store::Params& params) override {
    return connection_.exec(sql, params);
  }

 private:
  Connection& connection_;
};

Result<void> call(const Work& work, Connection& connection) {
  try {
    UnitTx tx(connection);
    return work(tx);
  } catch (const std::exception& e) {
    log::error("store.unit_threw", {{"what", e.what()}});
    return fail(Code::kInternal, fmt::format("a unit of work threw: {}", e.what()));
  } catch (...) {
    log::error("store.unit_threw");
    return fail(Code::kInternal, "a unit of work threw");
  }
}

class FileLock {
 public:
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  static Result<FileLock> take(const std::string& path) {
    FileLock lock;
    lock.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock.fd_ < 0)
      return fail(Code::kInternal, fmt::format("cannot create {}: {}", path, std::strerror(errno)));
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0)
      return fail(Code::kBusy, fmt::format("{} is held: the database is open already", path));
    return lock;
  }

 private:
  int fd_ = -1;
};

// The database file with our mode, and its directory entry on disk, before SQLite sees it.
Result<void> create_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) return {};
  if (fd < 0)
    return fail(Code::kInternal, fmt::format("cannot create {}: {}", path, std::strerror(errno)));
  ::close(fd);
  const auto parent = std::filesystem::absolute(path).parent_path();
  const int dir = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = dir >= 0 && ::fsync(dir) == 0;
  if (dir >= 0) ::close(dir);
  if (!synced) return fail(Code::kInternal, "cannot sync the directory of the database");
  return {};
}

// SQLite removes the WAL when the last connection closes: one with content was left by a crash.
bool left_by_crash(const std::string& path) {
  struct stat info {};
  return ::stat((path + "-wal").c_str(), &info) == 0 && info.st_size > 0;
}

Result<void> check_owner(Connection& c) {
  ENTENTE_TRY(id, c.query("PRAGMA application_id", {}));
  if (id[0].integer(0) == kApplicationId) return {};
  ENTENTE_TRY(tables, c.query("SELECT count(*) FROM sqlite_schema", {}));
  if (id[0].integer(0) != 0 || tables[0].integer(0) != 0)
    return fail(Code::kConflict, "the file is another program's database");
  ENTENTE_CHECK_OK(c.exec(fmt::format("PRAGMA application_id = {}", kApplicationId), {}));
  return {};
}

Result<void> configure_writer(Connection& c, const SqliteOptions& options) {
  ENTENTE_CHECK_OK(c.exec(fmt::format("PRAGMA page_size = {}", kPageBytes), {}));
  ENTENTE_TRY(mode, c.query("PRAGMA journal_mode = WAL", {}));
  if (mode.size() != 1 || mode[0].text(0) != "wal")
    return fail(Code::kInternal, "the file system of the database cannot hold a WAL");
  // secure_delete: what retention erased must not live on in free pages.
  ENTENTE_CHECK_OK(
      c.exec(fmt::format("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                         "PRAGMA wal_autocheckpoint = {}; PRAGMA journal_size_limit = {}",
                         options.wal_autocheckpoint, kWalKeepBytes),
             {}));
  if (options.max_mib > 0) {
    const std::size_t pages = (options.max_mib << 20) / kPageBytes;
    ENTENTE_CHECK_OK(c.exec(fmt::format("PRAGMA max_page_count = {}", pages), {}));
  }
  return check_owner(c);
}

Result<void> quick_check(Connection& c, const std::string& path) {
  log::warn("store.checking_after_crash", {{"path", path}});
  ENTENTE_TRY(rows, c.query("PRAGMA quick_check(1)", {}));
  if (rows.size() != 1 || rows[0].text(0) != "ok")
    return fail(Code::kCorrupt, fmt::format("{} is damaged: restore it from a backup", path));
  return {};
}

Error group_lost(const Error& why) {
  Error e = why;
  e.detail = "the whole group of writes was undone: " + e.detail;
  return e;
}

}  // namespace

struct SqliteStore::Impl {
  struct Request {
    const Work& work;
    Result<void> result;
    bool done = false;
    std::condition_variable answered;
  };

  void writer_loop();
  // Runs units in one transaction and returns how many it settled: all, unless SQLite itself ended
  // the transaction.
  std::size_t run_group(std::span<Request* const> group);
  Result<void> run_unit(Request& request);
  Result<void> finish_group();
  static void lose(std::span<Request* const> group, const Error& why);
  void committed();

  FileLock lock;  // first member: released last
  SqliteOptions options;
  std::unique_ptr<Connection> writer;  // used by `open` and then by the writer thread alone

  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<Request*> queue;  // guarded by mutex
  bool stopping = false;       // guarded by mutex

  std::mutex hooks_mutex;
  std::vector<Work> before;                  // guarded by hooks_mutex
  std::vector<std::function<void()>> after;  // guarded by hooks_mutex

  std::mutex readers_mutex;
  std::condition_variable reader_free;
  std::vector<std::unique_ptr<Connection>> readers;  // the free ones; guarded by readers_mutex

  std::thread thread;
};

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path,
                                                       SqliteOptions options) {
  if (options.readers < 1 || options.max_group < 1 || options.cache_kib < 64 ||
      options.wal_autocheckpoint < 1)
    return fail(Code::kInvalid, "impossible options for the database");
  if (path.empty() || path.find(":memory:") != std::string::npos)
    return fail(Code::kInvalid, "the database is a file");

  auto impl = std::make_unique<Impl>();
  impl->options = options;
  ENTENTE_TRY(lock, FileLock::take(path + ".lock"));
  impl->lock = std::move(lock);
  ENTENTE_CHECK_OK(create_file(path));
  const bool crashed = left_by_crash(path);

  ENTENTE_TRY(writer, Connection::open(path, Mode::kWriter, options.cache_kib / 2));
  impl->writer = std::move(writer);
  ENTENTE_CHECK_OK(configure_writer(*impl->writer, options));
  if (crashed && options.check_after_crash) ENTENTE_CHECK_OK(quick_check(*impl->writer, path));
  const std::size_t share = options.cache_kib / 2 / static_cast<std::size_t>(options.readers);
  for (int i = 0; i < options.readers; ++i) {
    ENTENTE_TRY(reader, Connection::open(path, Mode::kReader, std::max<std::size_t>(share, 1)));
    impl->readers.push_back(std::move(reader));
  }
  Impl* raw = impl.get();
  impl->thread = std::thread([raw] { raw->writer_loop(); });
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
}

SqliteStore::~SqliteStore() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    impl_->arrived.notify_all();
  }
  impl_->thread.join();
  // The writer closes last: only a read-write connection can fold the WAL back and remove it.
  impl_->readers.clear();
  impl_->writer.reset();
}

Result<void> SqliteStore::write(const Work& work) {
  if (std::this_thread::get_id() == impl_->thread.get_id())
    return fail(Code::kInternal, "write was called from inside a unit of work");
  Impl::Request request{work, {}, false, {}};
  std::unique_lock lock(impl_->mutex);
  if (impl_->stopping) return fail(Code::kUnavailable, "the store is closing");
  impl_->queue.push_back(&request);
  impl_->arrived.notify_one();
  request.answered.wait(lock, [&] { return request.done; });
  return std::move(request.result);
}

Result<void> SqliteStore::read(const Work& work) {
  std::unique_ptr<Connection> c;
  {
    std::unique_lock lock(impl_->readers_mutex);
    if (!impl_->reader_free.wait_for(lock, kReaderWait, [&] { return !impl_->readers.empty(); }))
      return fail(Code::kBusy, "all read connections are in use");
    c = std::move(impl_->readers.back());
    impl_->readers.pop_back();
  }
  Result<void> result = c->control(Control::kBeginRead);
  if (result) {
    result = call(work, *c);
    if (c->in_transaction()) {
      if (const auto ended = c->control(Control::kRollback); !ended && result) result = ended;
    }
  }
  const std::lock_guard lock(impl_->readers_mutex);
  impl_->readers.push_back(std::move(c));
  impl_->reader_free.notify_one();
  return result;
}

void SqliteStore::before_commit(Work hook) {
  const std::lock_guard lock(impl_->hooks_mutex);
  impl_->before.push_back(std::move(hook));
}

void SqliteStore::after_commit(std::function<void()> hook) {
  const std::lock_guard lock(impl_->hooks_mutex);
  impl_->after.push_back(std::move(hook));
}

void SqliteStore::Impl::writer_loop() {
  std::vector<Request*> group;
  for (;;) {
    group.clear();
    {
      std::unique_lock guard(mutex);
      arrived.wait(guard, [&] { return stopping || !queue.empty(); });
      if (queue.empty()) return;
      while (!queue.empty() && group.size() < options.max_group) {
        group.push_back(queue.front());
        queue.pop_front();
      }
    }
    std::span<Request* const> left(group);
    while (!left.empty()) left = left.subspan(run_group(left));
    const std::lock_guard guard(mutex);
    for (Request* r : group) {
      r->done = true;
      // Under the lock: the request is on its caller's stack, and the caller cannot leave before
      // the lock is free.
      r->answered.notify_one();
    }
  }
}

std::size_t SqliteStore::Impl::run_group(std::span<Request* const> group) {
  if (auto begun = writer->control(Control::kBeginWrite); !begun) {
    for (Request* r : group) r->result = begun;
    return group.size();
  }
  std::size_t settled = 0;
  bool any = false;
  for (Request* r : group) {
    ++settled;
    r->result = run_unit(*r);
    if (!writer->in_transaction()) {
      // SQLite rolled everything back (disk full, I/O error). Units not yet run get a new
      // transaction.
      const Error why = r->result ? Error{Code::kInternal, "the transaction ended", {}, {}, {}}
                                  : r->result.error();
      lose(group.first(settled), why);
      return settled;
    }
    any = any || r->result.has_value();
  }
  Result<void> end = any ? finish_group() : Result<void>();
  if (!end) lose(group, end.error());
  if (writer->in_transaction()) {
    if (auto undone = writer->control(Control::kRollback); !undone)
      log::error("store.rollback_failed", {{"error", to_string(undone.error())}});
  }
  if (any && end) committed();
  return settled;
}

Result<void> SqliteStore::Impl::run_unit(Request& request) {
  ENTENTE_CHECK_OK(writer->control(Control::kSavepoint));
  Result<void> result = call(request.work, *writer);
  if (!writer->in_transaction()) return result;
  if (result && writer->has_open_foreign_keys())
    result = fail(Code::kConflict, "constraint: a deferred foreign key was left open");
  if (!result) {
    if (auto undone = writer->control(Control::kUndo); !undone) {
      // A unit that cannot be undone alone takes the group with it: its half must not be committed.
      static_cast<void>(writer->control(Control::kRollback));
      return undone;
    }
  }
  if (auto released = writer->control(Control::kRelease); !released) {
    static_cast<void>(writer->control(Control::kRollback));
    return released;
  }
  return result;
}

Result<void> SqliteStore::Impl::finish_group() {
  std::vector<Work> hooks;
  {
    const std::lock_guard guard(hooks_mutex);
    hooks = before;
  }
  for (const Work& hook : hooks) {
    ENTENTE_CHECK_OK(call(hook, *writer));
    if (writer->has_open_foreign_keys())
      return fail(Code::kConflict, "constraint: a deferred foreign key was left open");
  }
  return writer->control(Control::kCommit);
}

void SqliteStore::Impl::lose(std::span<Request* const> group, const Error& why) {
  log::error("store.group_lost", {{"units", group.size()}, {"error", to_string(why)}});
  for (Request* r : group)
    if (r->result) r->result = fail(group_lost(why));  // units that failed keep their own error
}

void SqliteStore::Impl::committed() {
  std::vector<std::function<void()>> hooks;
  {
    const std::lock_guard guard(hooks_mutex);
    hooks = after;
  }
  for (const auto& hook : hooks) {
    try {
      hook();
    } catch (const std::exception& e) {
      log::error("store.after_commit_threw", {{"what", e.what()}});
    } catch (...) {
      log::error("store.after_commit_threw");
    }
  }
}

}  // namespace entente::sqlite
