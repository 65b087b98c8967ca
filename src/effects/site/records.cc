// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/records.h"

#include <algorithm>
#include <array>

#include "entente/crypto/sha256.h"
#include "entente/effects/site/durable.h"
#include "entente/json/json.h"

namespace entente::effects::site {

namespace {

// A record names its holders: a few hundred bytes each, and few orders meet on one address.
constexpr std::size_t kMaxRecordFile = 1 << 20;
// Two lines a change, some 200 bytes each; a key sees a handful.
constexpr std::size_t kMaxJournalFile = 8 << 20;
constexpr std::size_t kMaxHolders = 1024;
constexpr std::int64_t kMaxInteger = INT64_MAX;

constexpr std::array<std::string_view, 4> kPhases{"public", "disabling", "disabled", "restoring"};

json::Object to_json(const Holder& h) {
  return {{"key", h.key},
          {"record", h.record},
          {"held", h.held},
          {"erased", h.erased},
          {"sha256", h.sha256},
          {"size", h.size},
          {"sealed", h.sealed},
          {"mode", h.traits.mode},
          {"modified_ns", h.traits.modified_ns},
          {"owner", h.traits.owner},
          {"group", h.traits.group}};
}

Result<Holder> holder_of(const json::Value& value) {
  if (!value.is_object()) return fail(Code::kCorrupt, "a holder is no object");
  json::Reader r(value.as_object());
  Holder out;
  out.key = r.text("key");
  out.record = r.text("record");
  out.held = r.flag("held");
  out.erased = r.flag("erased");
  out.sha256 = to_hex(r.hash("sha256"));
  out.size = static_cast<std::uint64_t>(r.integer("size", 0, kMaxInteger));
  out.sealed = r.text("sealed", {.min = 64, .max = 200});
  out.traits.mode = static_cast<std::uint32_t>(r.integer("mode", 0, 07777));
  out.traits.modified_ns = r.integer("modified_ns", INT64_MIN, kMaxInteger);
  out.traits.owner = static_cast<std::uint32_t>(r.integer("owner", 0, UINT32_MAX));
  out.traits.group = static_cast<std::uint32_t>(r.integer("group", 0, UINT32_MAX));
  ENTENTE_CHECK_OK(r.done());
  return out;
}

Result<Record> record_of(std::string_view text) {
  ENTENTE_TRY(object, json::parse_object(text, kMaxRecordFile));
  json::Reader r(object);
  Record out;
  out.url = r.text("url", {.min = 1, .max = 8192});
  const std::string phase = r.text("phase");
  const json::Array& holders = r.array("holders", kMaxHolders);
  ENTENTE_CHECK_OK(r.done());
  const auto* at = std::find(kPhases.begin(), kPhases.end(), phase);
  if (at == kPhases.end()) return fail(Code::kCorrupt, "unknown phase");
  out.phase = static_cast<Phase>(at - kPhases.begin());
  for (const json::Value& value : holders) {
    ENTENTE_TRY(holder, holder_of(value));
    out.holders.push_back(std::move(holder));
  }
  return out;
}

Unexpected corrupt(const Error& error) {
  return fail(Code::kCorrupt, "a record of the site connector cannot be read: " + error.detail);
}

}  // namespace

std::string hex_hash(ByteView bytes) {
  return to_hex(crypto::sha256(bytes));
}

Holder* Record::find(std::string_view key) {
  for (Holder& holder : holders) {
    if (holder.key == key) return &holder;
  }
  return nullptr;
}

std::size_t Record::held() const {
  return static_cast<std::size_t>(std::count_if(holders.begin(), holders.end(),
                                                [](const Holder& holder) { return holder.held; }));
}

Holder* Record::owner() {
  for (Holder& holder : holders) {
    if (holder.held) return &holder;
  }
  return nullptr;
}

Result<Records> Records::open(const std::filesystem::path& folder) {
  for (const char* name : {"records", "sealed", "journal"})
    ENTENTE_CHECK_OK(make_folder(folder / name));
  return Records(folder);
}

std::filesystem::path Records::record_path(std::string_view url) const {
  return folder_ / "records" / (hex_hash(as_bytes(url)) + ".json");
}

std::filesystem::path Records::journal_path(std::string_view key) const {
  return folder_ / "journal" / (hex_hash(as_bytes(key)) + ".jsonl");
}

Result<std::optional<Record>> Records::load(std::string_view url) const {
  const auto bytes = read_whole(record_path(url), kMaxRecordFile);
  if (!bytes && bytes.error().code == Code::kNotFound) return std::optional<Record>();
  if (!bytes) return fail(bytes.error());
  auto record = record_of(as_text(*bytes));
  if (!record) return corrupt(record.error());
  if (record->url != url)
    return fail(Code::kCorrupt, "a record of the site connector is another address's");
  return std::optional<Record>(*std::move(record));
}

Result<void> Records::save(const Record& record) const {
  if (record.holders.size() > kMaxHolders)
    return fail(Code::kBusy, "too many orders on one address");
  json::Array holders;
  for (const Holder& holder : record.holders) holders.push_back(to_json(holder));
  const json::Object object{{"url", record.url},
                            {"phase", kPhases[static_cast<std::size_t>(record.phase)]},
                            {"holders", std::move(holders)}};
  return write_whole(record_path(record.url), as_bytes(json::canonical(object)), 0600);
}

Result<std::vector<Record>> Records::all() const {
  std::vector<Record> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "records", error)) {
    if (entry.path().extension() != ".json") continue;  // the temporary file of a crashed save
    ENTENTE_TRY(bytes, read_whole(entry.path(), kMaxRecordFile));
    auto record = record_of(as_text(bytes));
    if (!record) return corrupt(record.error());
    out.push_back(*std::move(record));
  }
  if (error) return fail(Code::kInternal, "the records cannot be listed: " + error.message());
  return out;
}

Result<void> Records::note(std::string_view key, const JournalLine& line) const {
  const json::Object object{{"effect", line.effect},
                            {"url", line.url},
                            {"at", format_rfc3339(line.at)},
                            {"found", line.found}};
  return append_line(journal_path(key), json::canonical(object));
}

Result<std::vector<JournalLine>> Records::journal(std::string_view key) const {
  std::vector<JournalLine> out;
  const auto bytes = read_whole(journal_path(key), kMaxJournalFile);
  if (!bytes && bytes.error().code == Code::kNotFound) return out;
  if (!bytes) return fail(bytes.error());
  std::string_view text = as_text(*bytes);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto object = json::parse_object(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!object) continue;  // half a line
    json::Reader r(*object);
    JournalLine line;
    line.effect = r.text("effect");
    line.url = r.text("url", {.min = 1, .max = 8192});
    line.at = r.time("at");
    line.found = r.flag("found");
    ENTENTE_CHECK_OK(r.done());
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace entente::effects::site
