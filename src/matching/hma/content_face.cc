// SPDX-License-Identifier: Apache-2.0
//
// /c/bank/<b>/content, /c/bank/<b>/signal, /c/bank/<b>/content/<id>.
#include <charconv>

#include "entente/matching/hma/answers.h"
#include "entente/matching/hma/contents.h"
#include "entente/matching/hma/multipart.h"

namespace entente::matching::hma {

namespace {

constexpr std::string_view kReason = "banked by a curator through HMA's interface";
// HMA knows no labels. What nobody has classified is never restricted by a policy: it goes to
// people.
constexpr std::string_view kDefaultLabel = "unclassified";
constexpr std::chrono::hours kMaxDisable{24 * 365 * 5};  // HMA's

struct Extras {
  std::string content_id;
  std::string content_uri;
  std::string note;
  json::Object object;
};

Result<std::string> text_of(const json::Value& value, const char* name, std::size_t max) {
  if (!value.is_string()) return bad(std::string(name) + " must be a string");
  if (value.get_string().size() > max) return bad(std::string(name) + " is too long");
  return std::string(value.get_string());
}

Result<void> take_metadata(const json::Value& value, Extras& out) {
  if (!value.is_object()) return bad("metadata should be a json object");
  for (const auto& member : value.get_object()) {
    if (member.key() == "content_id") {
      ENTENTE_TRY(text, text_of(member.value(), "content_id", kMaxProvenance));
      out.content_id = std::move(text);
    } else if (member.key() == "content_uri") {
      ENTENTE_TRY(text, text_of(member.value(), "content_uri", kMaxProvenance));
      out.content_uri = std::move(text);
    } else if (member.key() == "json") {
      if (!member.value().is_object()) return bad("metadata.json should be a json object");
      out.object = member.value().get_object();
    } else {
      return bad("metadata contains unexpected keys: " + std::string(member.key()));
    }
  }
  return {};
}

// From the JSON body, or the form's fields.
Result<Extras> extras_of(const http::Request& request) {
  Extras out;
  const std::string boundary = boundary_of(request.header("content-type"));
  if (!boundary.empty()) {
    ENTENTE_TRY(form, parse_multipart(request.body, boundary));
    for (const Part& part : form) {
      if (part.filename) continue;
      if (part.name == "note") out.note = std::string(part.body);
      if (part.name != "metadata") continue;
      auto value = json::parse(part.body);
      if (!value) return bad("metadata should be a json object");
      ENTENTE_CHECK_OK(take_metadata(*value, out));
    }
  } else if (!request.body.empty()) {
    ENTENTE_TRY(body, object_body(request));
    if (const auto* metadata = json::find(body, "metadata"))
      ENTENTE_CHECK_OK(take_metadata(*metadata, out));
    if (const auto* note = json::find(body, "note"); note != nullptr && !note->is_null()) {
      ENTENTE_TRY(text, text_of(*note, "note", kMaxNote));
      out.note = std::move(text);
    }
  }
  if (out.note.size() > kMaxNote) return bad("note is too long");
  return out;
}

Result<Bank> bank_of(const Parts& parts, store::Tx& tx, const http::Request& request) {
  ENTENTE_TRY(bank, find_bank(tx, parts.banks, request.param("bank")));
  if (!bank) return missing("bank '" + std::string(request.param("bank")) + "' not found");
  return *std::move(bank);
}

std::string label_of(const Parts& parts, const Extras& extras) {
  const std::string_view said = json::text_or(extras.object, "label");
  return std::string(parts.banks.labels().find(said) != nullptr ? said : kDefaultLabel);
}

Result<http::Response> bank_signal(const Parts& parts, const http::Request& request,
                                   const std::string& person, const fingerprint::Pdq& pdq,
                                   int quality, const Extras& extras) {
  ENTENTE_TRY(id,
              store::write_returning<EntryId>(parts.store, [&](store::Tx& tx) -> Result<EntryId> {
                ENTENTE_TRY(bank, bank_of(parts, tx, request));
                NewEntry entry;
                entry.bank = bank.name;
                entry.pdq = pdq;
                entry.quality = quality;
                entry.label = label_of(parts, extras);
                entry.person =
                    PersonSource{person, extras.note.empty() ? std::string(kReason) : extras.note};
                entry.now = parts.clock.now();
                entry.content_id = extras.content_id;
                entry.content_uri = extras.content_uri;
                entry.note = extras.note;
                ENTENTE_TRY(added, parts.banks.add(tx, entry));
                if (!extras.object.empty())
                  ENTENTE_CHECK_OK(keep_metadata(tx, added, extras.object));
                return added;
              }));
  ENTENTE_CHECK_OK(parts.matcher.refresh());
  return http::json_response(
      json::Object{{"id", id}, {"signals", json::Object{{kPdq, pdq.hex()}}}});
}

Result<http::Response> add_content_route(const Parts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.person(request, kCurator));
  ENTENTE_CHECK_OK(store::read_returning<Bank>(
      parts.store, [&](store::Tx& tx) { return bank_of(parts, tx, request); }));
  ENTENTE_TRY(extras, extras_of(request));
  const auto url = request.query_if("url");
  const bool by_url = url && !url->empty();
  if (!by_url && boundary_of(request.header("content-type")).empty())
    return bad("Neither `url` nor multipart file upload was received");
  ENTENTE_TRY(hashed, by_url ? hash_url(parts, request) : hash_form(parts, request));
  if (hashed.hash.empty()) {
    return bad("Invalid pdq signal: the picture has too little detail (quality " +
               std::to_string(hashed.quality) + " of 100)");
  }
  ENTENTE_TRY(pdq, parse_signal(hashed.hash));
  return bank_signal(parts, request, person, pdq, hashed.quality, extras);
}

Result<http::Response> add_signal_route(const Parts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.person(request, kCurator));
  ENTENTE_CHECK_OK(store::read_returning<Bank>(
      parts.store, [&](store::Tx& tx) { return bank_of(parts, tx, request); }));
  ENTENTE_TRY(body, object_body(request));
  Extras extras;
  std::optional<fingerprint::Pdq> pdq;
  for (const auto& member : body) {
    if (member.key() == "note") {
      ENTENTE_TRY(text, text_of(member.value(), "note", kMaxNote));
      extras.note = std::move(text);
    } else if (member.key() == kPdq) {
      if (!member.value().is_string()) return bad("Invalid pdq signal");
      ENTENTE_TRY(parsed, parse_signal(member.value().get_string()));
      pdq = parsed;
    } else {
      return bad("No such signal type " + std::string(member.key()));
    }
  }
  if (!pdq) return bad("No signals given");
  return bank_signal(parts, request, person, *pdq, 100, extras);
}

// The entry, if it is in the bank of the path and not tombstoned: HMA answers through any bank.
Result<std::optional<Entry>> entry_of(const Parts& parts, store::Tx& tx, const Bank& bank,
                                      const http::Request& request) {
  const std::string_view text = request.param("id");
  EntryId id = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), id);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::optional<Entry>();
  ENTENTE_TRY(entry, parts.banks.live(tx, id));
  if (!entry || entry->bank != bank.name) return std::optional<Entry>();
  return entry;
}

std::int64_t disable_until(const Entry& entry) {
  if (!entry.disabled_until) return 1;
  const std::int64_t ms = to_ms(*entry.disabled_until);
  return ms >= kDisabledForGoodMs ? 0 : ms / 1000;
}

json::Value text_or_null(const std::string& text) {
  return text.empty() ? json::Value(nullptr) : json::Value(text);
}

Result<json::Object> content_json(store::Tx& tx, const Bank& bank, const Entry& entry, bool signals,
                                  bool metadata) {
  json::Object out{{"id", entry.id},
                   {"disable_until_ts", disable_until(entry)},
                   {"original_media_uri", nullptr},
                   {"bank", bank_json(bank)}};
  if (signals) out["signals"] = json::Object{{kPdq, entry.pdq.hex()}};
  if (metadata) {
    ENTENTE_TRY(object, metadata_of(tx, entry.id));
    out["metadata"] = json::Object{{"content_id", text_or_null(entry.content_id)},
                                   {"content_uri", text_or_null(entry.content_uri)},
                                   {"json", std::move(object)},
                                   {"collab", json::Object()}};
  }
  if (!entry.note.empty()) out["note"] = entry.note;
  return out;
}

Result<http::Response> get_content(const Parts& parts, const http::Request& request) {
  ENTENTE_CHECK_OK(parts.person(request, kCurator));
  const auto signals = request.query_if("include_signals");
  const auto metadata = request.query_if("include_metadata");
  ENTENTE_TRY(out, store::read_returning<json::Object>(
                       parts.store, [&](store::Tx& tx) -> Result<json::Object> {
                         ENTENTE_TRY(bank, bank_of(parts, tx, request));
                         ENTENTE_TRY(entry, entry_of(parts, tx, bank, request));
                         if (!entry) return missing("content not found");
                         return content_json(tx, bank, *entry, signals && truthy(*signals),
                                             !metadata || truthy(*metadata));
                       }));
  return http::json_response(out);
}

Unexpected not_curators() {
  return forbidden(
      "an act or a partner put it there: it ends with them, or when its contest is upheld");
}

Result<EntryChange> change_of(const json::Object& body, Instant now) {
  EntryChange out;
  for (const auto& member : body) {
    if (member.key() == "note") {
      ENTENTE_TRY(text, text_of(member.value(), "note", kMaxNote));
      out.note = std::move(text);
      continue;
    }
    if (member.key() != "disable_until_ts")
      return bad("unexpected key: " + std::string(member.key()));
    const json::Value& value = member.value();
    if (!value.is_int64() || value.get_int64() < 0 ||
        value.get_int64() > to_ms(now + kMaxDisable) / 1000) {
      return bad("disable_until_ts must be 0, 1 or a time at most five years ahead");
    }
    const std::int64_t seconds = value.get_int64();
    if (seconds == 1) {
      out.disabled_until = std::optional<Instant>();
    } else {
      out.disabled_until = std::optional<Instant>(
          instant_from_ms(seconds == 0 ? kDisabledForGoodMs : seconds * 1000));
    }
  }
  return out;
}

Result<http::Response> put_content(const Parts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.person(request, kCurator));
  ENTENTE_TRY(body, object_body(request));
  const Instant now = parts.clock.now();
  ENTENTE_TRY(change, change_of(body, now));
  ENTENTE_TRY(out, store::write_returning<json::Object>(
                       parts.store, [&](store::Tx& tx) -> Result<json::Object> {
                         ENTENTE_TRY(bank, bank_of(parts, tx, request));
                         ENTENTE_TRY(entry, entry_of(parts, tx, bank, request));
                         if (!entry) return missing("content not found");
                         if (entry->source != SourceKind::kPerson) return not_curators();
                         ENTENTE_CHECK_OK(parts.banks.amend(tx, entry->id, change,
                                                            {person, std::string(kReason), now}));
                         ENTENTE_TRY(after, parts.banks.find_entry(tx, entry->id));
                         return content_json(tx, bank, after, true, true);
                       }));
  ENTENTE_CHECK_OK(parts.matcher.refresh());
  return http::json_response(out);
}

Result<http::Response> delete_content(const Parts& parts, const http::Request& request) {
  ENTENTE_TRY(person, parts.person(request, kCurator));
  ENTENTE_TRY(deleted, store::write_returning<int>(parts.store, [&](store::Tx& tx) -> Result<int> {
                ENTENTE_TRY(bank, bank_of(parts, tx, request));
                ENTENTE_TRY(entry, entry_of(parts, tx, bank, request));
                if (!entry) return 0;
                if (entry->source != SourceKind::kPerson) return not_curators();
                ENTENTE_TRY(gone,
                            parts.banks.tombstone_entry(
                                tx, entry->id,
                                {person, "deleted through HMA's interface", parts.clock.now()}));
                return gone ? 1 : 0;
              }));
  ENTENTE_CHECK_OK(parts.matcher.refresh());
  return http::json_response(json::Object{{"deleted", deleted}});
}

}  // namespace

void add_content(http::Router& router, const std::shared_ptr<const Parts>& parts) {
  const auto with = [&parts](auto handler) {
    return face(
        parts, [parts, handler](const http::Request& request) { return handler(*parts, request); });
  };
  http::RouteOptions work;
  work.pool = http::Pool::kCpu;
  work.max_body = kMaxUpload;
  const std::string bank = parts->prefix + "/c/bank/{bank}";
  router.add("POST", bank + "/content", with(add_content_route), work);
  router.add("POST", bank + "/signal", with(add_signal_route));
  router.add("GET", bank + "/content/{id}", with(get_content));
  router.add("PUT", bank + "/content/{id}", with(put_content));
  router.add("DELETE", bank + "/content/{id}", with(delete_content));
}

}  // namespace entente::matching::hma
