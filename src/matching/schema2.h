// SPDX-License-Identifier: Apache-2.0
//
// Inside this folder: the second version of its schema. bank_entry is made anew, because an entry's
// source may now be an act, a person or a partner; every row and id stays. Columns that are added
// carry no CHECK: SQLite would read the whole table through a PRAGMA that the store keeps to
// itself.
#pragma once

#include <string_view>

namespace entente::matching {

inline constexpr std::string_view kSchema2 = R"sql(
ALTER TABLE bank ADD COLUMN alias TEXT NOT NULL DEFAULT '';
ALTER TABLE bank ADD COLUMN kind TEXT NOT NULL DEFAULT 'own';
ALTER TABLE bank ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE bank ADD COLUMN marking TEXT NOT NULL DEFAULT 'AMBER+STRICT';
ALTER TABLE bank ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE bank ADD COLUMN enabled_ppm INTEGER NOT NULL DEFAULT 1000000;
ALTER TABLE bank ADD COLUMN dry_run INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bank ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bank ADD COLUMN retired_at INTEGER;
ALTER TABLE bank ADD COLUMN live INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX bank_by_alias ON bank (alias) WHERE alias <> '';
UPDATE bank SET live =
  (SELECT COUNT(*) FROM bank_entry e WHERE e.bank = bank.name AND e.tombstoned_at IS NULL);

CREATE TABLE bank_entry_2 (
  id INTEGER PRIMARY KEY,
  bank TEXT NOT NULL REFERENCES bank(name),
  pdq TEXT NOT NULL,
  quality INTEGER NOT NULL,
  label TEXT NOT NULL CHECK (label <> ''),
  source TEXT NOT NULL,
  act TEXT NOT NULL DEFAULT '',
  target TEXT NOT NULL DEFAULT '',
  added_by_step TEXT NOT NULL DEFAULT '',
  person TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  party TEXT NOT NULL DEFAULT '',
  party_entry TEXT NOT NULL DEFAULT '',
  account TEXT NOT NULL DEFAULT '',
  marking TEXT NOT NULL DEFAULT '',
  added_at INTEGER NOT NULL,
  tombstoned_at INTEGER,
  tombstone_step TEXT,
  tombstone_cause TEXT NOT NULL DEFAULT '',
  expires_at INTEGER,
  disabled_until INTEGER,
  contested INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0,
  content_id TEXT NOT NULL DEFAULT '',
  content_uri TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT '',
  born INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  CHECK ((source = 'act' AND act <> '' AND target <> '' AND added_by_step <> '')
      OR (source = 'person' AND person <> '' AND reason <> '')
      OR (source = 'partner' AND party <> '' AND party_entry <> '' AND account <> ''))
);
INSERT INTO bank_entry_2 (id, bank, pdq, quality, label, source, act, target, added_by_step,
    added_at, tombstoned_at, tombstone_step, tombstone_cause, born, changed)
  SELECT id, bank, pdq, quality, label, 'act', act, target, added_by_step, added_at, tombstoned_at,
    tombstone_step, CASE WHEN tombstoned_at IS NULL THEN '' ELSE 'act' END, id, id
  FROM bank_entry;
CREATE TABLE bank_entry_step_2 (
  entry INTEGER NOT NULL REFERENCES bank_entry_2(id),
  step TEXT NOT NULL,
  PRIMARY KEY (entry, step)
);
INSERT INTO bank_entry_step_2 (entry, step) SELECT entry, step FROM bank_entry_step;
DROP TABLE bank_entry_step;
DROP TABLE bank_entry;
ALTER TABLE bank_entry_2 RENAME TO bank_entry;
ALTER TABLE bank_entry_step_2 RENAME TO bank_entry_step;
CREATE UNIQUE INDEX bank_entry_of_act ON bank_entry (act, target, bank, pdq) WHERE source = 'act';
CREATE UNIQUE INDEX bank_entry_of_person ON bank_entry (bank, pdq) WHERE source = 'person';
CREATE UNIQUE INDEX bank_entry_of_partner ON bank_entry (bank, party, party_entry)
  WHERE source = 'partner';
CREATE INDEX bank_entry_by_bank ON bank_entry (bank, id);
CREATE INDEX bank_entry_changed ON bank_entry (changed);
CREATE INDEX bank_entry_changed_in_bank ON bank_entry (bank, changed);
CREATE INDEX bank_entry_expiring ON bank_entry (expires_at)
  WHERE expires_at IS NOT NULL AND tombstoned_at IS NULL;

CREATE TABLE bank_sequence (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  last INTEGER NOT NULL
);
INSERT INTO bank_sequence (one, last) SELECT 1, COALESCE(MAX(id), 0) FROM bank_entry;

CREATE TABLE bank_event (
  id INTEGER PRIMARY KEY,
  bank TEXT NOT NULL,
  entry INTEGER,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL CHECK (actor <> ''),
  detail TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX bank_event_by_bank ON bank_event (bank, id);

CREATE TABLE entry_review (
  id INTEGER PRIMARY KEY,
  entry INTEGER NOT NULL REFERENCES bank_entry(id),
  cause TEXT NOT NULL CHECK (cause IN ('contest', 'breaker', 'disagreement')),
  opened_by TEXT NOT NULL CHECK (opened_by <> ''),
  reason TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  outcome TEXT NOT NULL DEFAULT 'open' CHECK (outcome IN ('open', 'kept', 'upheld')),
  closed_by TEXT NOT NULL DEFAULT '',
  closed_reason TEXT NOT NULL DEFAULT '',
  closed_at INTEGER,
  CHECK (outcome = 'open' OR (closed_by <> '' AND closed_at IS NOT NULL))
);
CREATE UNIQUE INDEX entry_review_one_open ON entry_review (entry, cause) WHERE outcome = 'open';
CREATE INDEX entry_review_by_entry ON entry_review (entry, id);
CREATE INDEX entry_review_open ON entry_review (id) WHERE outcome = 'open';

CREATE TABLE entry_traffic (
  entry INTEGER NOT NULL,
  width INTEGER NOT NULL,
  start INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (entry, width, start)
);
CREATE INDEX entry_traffic_by_age ON entry_traffic (width, start);

CREATE TABLE entry_sighting (
  entry INTEGER PRIMARY KEY,
  count INTEGER NOT NULL DEFAULT 0,
  first_seen INTEGER,
  last_seen INTEGER,
  confirmed INTEGER NOT NULL DEFAULT 0,
  disputed INTEGER NOT NULL DEFAULT 0,
  untold INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX entry_sighting_untold ON entry_sighting (entry) WHERE untold = 1;
CREATE TABLE entry_dispute (
  entry INTEGER NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (entry, reason)
);

CREATE TABLE bank_delta_out (
  bank TEXT NOT NULL REFERENCES bank(name),
  number INTEGER NOT NULL,
  after_seq INTEGER NOT NULL,
  upto_seq INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  hash TEXT NOT NULL,
  envelope TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (bank, number),
  UNIQUE (bank, after_seq)
);
CREATE TABLE bank_feed (
  party TEXT NOT NULL,
  their_bank TEXT NOT NULL,
  bank TEXT NOT NULL REFERENCES bank(name),
  number INTEGER NOT NULL DEFAULT 0,
  hash TEXT NOT NULL DEFAULT '',
  stopped INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (party, their_bank)
);
CREATE TABLE bank_delta_in (
  party TEXT NOT NULL,
  their_bank TEXT NOT NULL,
  number INTEGER NOT NULL,
  hash TEXT NOT NULL,
  previous TEXT NOT NULL,
  applied INTEGER NOT NULL,
  envelope TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (party, their_bank, number, hash)
);
CREATE TABLE sighting_told (
  party TEXT NOT NULL,
  their_bank TEXT NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (party, their_bank)
);
CREATE TABLE sighting_heard (
  party TEXT NOT NULL,
  bank TEXT NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (party, bank)
);
CREATE TABLE sighting_from (
  entry INTEGER NOT NULL,
  party TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_seen INTEGER,
  last_seen INTEGER,
  confirmed INTEGER NOT NULL,
  disputed INTEGER NOT NULL,
  reasons TEXT NOT NULL,
  PRIMARY KEY (entry, party)
);
CREATE TABLE dispute_reviewed (
  entry INTEGER PRIMARY KEY,
  disputed INTEGER NOT NULL
);

CREATE TABLE match_policy (
  version INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL,
  document TEXT NOT NULL,
  person TEXT NOT NULL CHECK (person <> ''),
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE TABLE dry_run_report (
  id INTEGER PRIMARY KEY,
  bank TEXT NOT NULL REFERENCES bank(name),
  radius INTEGER NOT NULL,
  covers INTEGER NOT NULL,
  document TEXT NOT NULL,
  at INTEGER NOT NULL,
  accepted_by TEXT,
  accepted_at INTEGER
);
CREATE INDEX dry_run_report_by_bank ON dry_run_report (bank, id);
)sql";

}  // namespace entente::matching
