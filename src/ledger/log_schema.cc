// SPDX-License-Identifier: Apache-2.0
//
// The tables (see tables.h) and the triggers that make the log append-only. A row of a leaf may
// only be the next one: that also stops INSERT OR REPLACE, which would delete without asking the
// delete trigger.
#include "entente/ledger/log.h"
#include "entente/ledger/tables.h"

namespace entente::ledger {
namespace {

constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE ledger_leaf (
  idx INTEGER PRIMARY KEY,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  at INTEGER NOT NULL,
  regime TEXT,
  move TEXT,
  entry BLOB NOT NULL CHECK (length(entry) <= 65535)
) STRICT;
CREATE INDEX ledger_leaf_kind ON ledger_leaf (regime, move) WHERE regime IS NOT NULL;
CREATE TRIGGER ledger_leaf_next BEFORE INSERT ON ledger_leaf
  WHEN NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM ledger_leaf)
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_leaf_keep BEFORE UPDATE ON ledger_leaf
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_leaf_stay BEFORE DELETE ON ledger_leaf
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TABLE ledger_node (
  level INTEGER NOT NULL CHECK (level > 0),
  idx INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER ledger_node_next BEFORE INSERT ON ledger_node
  WHEN NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM ledger_node WHERE level = NEW.level)
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_node_keep BEFORE UPDATE ON ledger_node
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_node_stay BEFORE DELETE ON ledger_node
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TABLE ledger_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL,
  frontier BLOB,
  signed_size INTEGER NOT NULL,
  note TEXT
) STRICT;
INSERT INTO ledger_head (id, size, frontier, signed_size, note) VALUES (1, 0, NULL, 0, NULL);
CREATE TRIGGER ledger_head_grow BEFORE UPDATE ON ledger_head
  WHEN NEW.size < OLD.size OR NEW.signed_size < OLD.signed_size
  BEGIN SELECT RAISE(ABORT, 'the ledger never shrinks'); END;
CREATE TRIGGER ledger_head_stay BEFORE DELETE ON ledger_head
  BEGIN SELECT RAISE(ABORT, 'the ledger never shrinks'); END;

CREATE TABLE ledger_checkpoint (
  size INTEGER PRIMARY KEY,
  note TEXT NOT NULL
) STRICT;
CREATE TABLE ledger_salt (
  leaf_index INTEGER NOT NULL REFERENCES ledger_leaf (idx),
  field TEXT NOT NULL,
  salt BLOB NOT NULL CHECK (length(salt) = 32),
  PRIMARY KEY (leaf_index, field)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger_cosigner (
  vkey TEXT PRIMARY KEY,
  size INTEGER NOT NULL
) STRICT;

CREATE TABLE ledger_witness_key (
  origin TEXT NOT NULL,
  vkey TEXT NOT NULL,
  PRIMARY KEY (origin, vkey)
) STRICT;
CREATE TABLE ledger_witness_head (
  origin TEXT PRIMARY KEY,
  origin_sha256 TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL,
  root BLOB NOT NULL CHECK (length(root) = 32),
  note TEXT NOT NULL
) STRICT;
CREATE TRIGGER ledger_witness_head_grow BEFORE UPDATE ON ledger_witness_head
  WHEN NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
  BEGIN SELECT RAISE(ABORT, 'a witness never steps back'); END;
CREATE TRIGGER ledger_witness_head_stay BEFORE DELETE ON ledger_witness_head
  BEGIN SELECT RAISE(ABORT, 'a witness never forgets'); END;
)sql";

}  // namespace

store::Migration Log::migration() {
  return {"ledger", {kVersion1}};
}

}  // namespace entente::ledger
