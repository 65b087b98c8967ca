// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/hma/contents.h"

#include "entente/matching/hma/face.h"

namespace entente::matching::hma {

namespace {

constexpr std::string_view kSchema1 = R"sql(
CREATE TABLE hma_metadata (
  entry INTEGER PRIMARY KEY,
  object TEXT NOT NULL
);
)sql";

}  // namespace

store::Migration migration() {
  return {"matching_hma", {kSchema1}};
}

Result<void> keep_metadata(store::Tx& tx, EntryId entry, const json::Object& object) {
  const std::string text = json::canonical(json::Value(object));
  if (text.size() > kMaxMetadata) return fail(Code::kTooLarge, "metadata.json is too large");
  ENTENTE_CHECK_OK(
      tx.exec("INSERT INTO hma_metadata (entry, object) VALUES ($1, $2) "
              "ON CONFLICT (entry) DO UPDATE SET object = excluded.object",
              {entry, text}));
  return {};
}

Result<json::Object> metadata_of(store::Tx& tx, EntryId entry) {
  ENTENTE_TRY(rows, tx.query("SELECT object FROM hma_metadata WHERE entry = $1", {entry}));
  if (rows.empty()) return json::Object();
  return json::parse_object(rows[0].text(0), kMaxMetadata);
}

Result<bool> has_others_entries(store::Tx& tx, const std::string& bank) {
  ENTENTE_TRY(rows, tx.query("SELECT 1 FROM bank_entry WHERE bank = $1 AND source <> 'person' AND "
                             "tombstoned_at IS NULL LIMIT 1",
                             {bank}));
  return !rows.empty();
}

Result<Tally> tally(store::Tx& tx, const Banks& banks) {
  Tally out;
  ENTENTE_TRY(all, banks.list(tx));
  for (const Bank& bank : all) out.live += bank.live;
  ENTENTE_TRY(rows, tx.query("SELECT added_at FROM bank_entry ORDER BY id DESC LIMIT 1"));
  if (!rows.empty()) out.newest = rows[0].integer(0) / 1000;
  return out;
}

}  // namespace entente::matching::hma
