// SPDX-License-Identifier: Apache-2.0
//
// The embedded store: one SQLite file in WAL mode with synchronous=FULL, one writer thread that
// commits what is queued as one group (one fsync for many units), and a small pool of read-only
// connections. See store/store.h for the contract; this header says only what is particular to
// SQLite.
//
// One process owns the file: `open` takes a lock on `<path>.lock` and answers kBusy when another
// process, or another SqliteStore, holds it. The kernel frees it when the process dies, however it
// dies. Durability: a `write` that returned success survives kill -9 and power loss (as far as the
// disk honours fsync). A write answered with an error because COMMIT itself failed (kTooLarge,
// kInternal: I/O) was undone; if the process dies right after such an error, its outcome is
// unknown, as with any database. Limits: `read` must not be nested and should be short: an open
// snapshot keeps the WAL from being folded back. Exceptions of a unit become kInternal after its
// savepoint was undone. Deferred foreign keys are checked at the end of each unit, not of the
// group, so that one cannot sink its neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "entente/store/store.h"

namespace entente::sqlite {

struct SqliteOptions {
  // Read connections, opened at once: two cores serve about four short readers.
  int readers = 4;
  // Units in one transaction: more gains nothing on fsync and lets the first wait for the last.
  std::size_t max_group = 256;
  // Page cache of all connections together; half is the writer's. Keeps an idle node far below 64
  // MiB.
  std::size_t cache_kib = 8192;
  // WAL pages after which the writer folds it back into the file (4 MiB: a pause of milliseconds).
  int wal_autocheckpoint = 1000;
  // Size limit of the file, 0 for none: a full quota answers kTooLarge before the disk does.
  std::size_t max_mib = 0;
  // `PRAGMA quick_check` on open when the last owner did not close the file (its WAL is still
  // there). A crash alone cannot damage a WAL database, but the causes of crashes (power, disk,
  // memory) can, and then it must be known before a node signs checkpoints over it. After a clean
  // close nothing is checked: start-up stays instant.
  bool check_after_crash = true;
};

class SqliteStore final : public store::Store {
 public:
  // Creates the file (mode 0600) when missing; its directory must exist. kCorrupt when the file is
  // no database or fails its check, kConflict when it is another program's database, kBusy when it
  // is owned already, kInvalid for impossible options.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path,
                                                   SqliteOptions options = {});
  // Finishes queued writes, folds the WAL back and closes. No call may be under way or follow.
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  // From inside a unit of work: kInternal at once instead of a deadlock.
  Result<void> write(const store::Work& work) override;
  // kBusy when no read connection came free in 30 s.
  Result<void> read(const store::Work& work) override;
  void before_commit(store::Work hook) override;
  void after_commit(std::function<void()> hook) override;

 private:
  struct Impl;
  explicit SqliteStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace entente::sqlite
