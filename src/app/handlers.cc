// SPDX-License-Identifier: Apache-2.0
#include "handlers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "entente/core/log.h"
#include "entente/crypto/sha256.h"
#include "entente/dossier/view.h"

namespace entente::app {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE item_fingerprint (
  act TEXT NOT NULL, target INTEGER NOT NULL, pdq TEXT NOT NULL, quality INTEGER NOT NULL, PRIMARY KEY(act, target));
)sql";

// For the attestation when the item had vanished by itself (Annex II asks what was done and when).
constexpr std::string_view kGone =
    "the item was no longer at its address when the order was carried out";

struct Item {
  std::string act;
  std::size_t target = 0;
  std::string url;       // canonical
  std::string site_key;  // one acceptance, one block
  std::string record;    // public record
};

// A message appears whole or not at all: written under another name, made durable, renamed.
Result<void> drop_file(const std::filesystem::path& folder, const std::string& name,
                       const std::string& text) {
  const auto path = folder / name;
  if (std::filesystem::exists(path)) return {};
  const auto temp = folder / ("." + name + ".part");
  const int fd = ::open(temp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::kUnavailable, "cannot write a notification");
  const bool ok = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                  ::fsync(fd) == 0;
  ::close(fd);
  if (!ok || std::rename(temp.c_str(), path.c_str()) != 0)
    return fail(Code::kUnavailable, "cannot write a notification");
  const int dir = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {
    ::fsync(dir);
    ::close(dir);
  }
  return {};
}

Result<Item> item_of(dossier::Service& service, const effects::Effect& effect) {
  Item item;
  item.act = effect.act;
  const auto* t = effect.payload.if_contains("target");
  if (t != nullptr && t->is_int64()) item.target = static_cast<std::size_t>(t->get_int64());
  if (t != nullptr && t->is_uint64()) item.target = static_cast<std::size_t>(t->get_uint64());
  ENTENTE_CHECK_OK(service.parts().store.read([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(loaded, service.load(tx, effect.act));
    if (item.target >= loaded.state.targets.size())
      return fail(Code::kInvalid, "the effect names no item");
    item.url = loaded.state.targets[item.target].canonical;
    const auto* accepted = loaded.state.last("accept", {}, item.target);
    // An effect that is taken back names the acceptance that caused it, which is no part of the act
    // any more.
    std::string cause(json::text_or(effect.payload, "cause"));
    if (cause.empty()) cause = accepted == nullptr ? "-" : accepted->step;
    item.site_key = fmt::format("{}:{}:{}", effect.act, item.target, cause.substr(0, 16));
    ENTENTE_TRY(url, dossier::record_url(tx, service, loaded.state));
    item.record = std::move(url);
    return {};
  }));
  return item;
}

// The label a bank entry carries, from what the order says the content is (Annex I B). Every match
// is reviewed by a person whatever the label (SG21, SG22).
std::string label_of(const acts::ActState& state) {
  const json::Value form(state.form);
  const auto* types = json::at_pointer(form, "/b/types");
  const std::string first = types != nullptr && types->is_array() && !types->get_array().empty() &&
                                    types->get_array()[0].is_string()
                                ? std::string(types->get_array()[0].get_string())
                                : std::string();
  if (first == "e_threat") return "imminent-credible-threat";
  if (first == "a_incite") return "glorification-of-terrorist-acts";
  return "recruitment-and-instruction";
}

}  // namespace

store::Migration items_migration() {
  return {"items", {kSchema}};
}

struct Handlers::One final : effects::Handler {
  std::function<Result<json::Object>(const effects::Effect&)> work;
  Result<json::Object> perform(const effects::Effect& effect) override { return work(effect); }
};

Handlers::Handlers(Parts parts) : parts_(std::move(parts)) {}
Handlers::~Handlers() = default;

void Handlers::add_to(effects::Dispatcher& dispatcher) {
  const auto add = [&](std::string kind, auto work) {
    auto one = std::make_unique<One>();
    one->work = std::move(work);
    dispatcher.handle(std::move(kind), *one);
    handlers_.push_back(std::move(one));
  };
  using E = effects::Effect;
  add("content.disable", [this](const E& e) { return disable(e); });
  add("content.restore", [this](const E& e) { return restore(e); });
  add("content.erase", [this](const E& e) { return erase(e); });
  add("bank.add", [this](const E& e) { return bank_add(e); });
  add("bank.tombstone", [this](const E& e) { return bank_tombstone(e); });
  add("user.inform", [this](const E& e) { return inform(e, "user", "restricted"); });
  add("user.inform_opened", [this](const E& e) { return inform(e, "user", "restricted"); });
  add("user.inform_restored", [this](const E& e) { return inform(e, "user", "restored"); });
  add("notifier.inform", [this](const E& e) { return inform(e, "notifier", "decided"); });
}

Result<void> Handlers::at_once(store::Tx& tx, const acts::WantedEffect& wanted,
                               const dossier::Loaded&, effects::Effect& effect) {
  if (wanted.kind != "bank.tombstone") return {};
  ENTENTE_TRY(ids, parts_.banks.tombstone(tx, wanted.act, std::to_string(wanted.target.value_or(0)),
                                          effect.key, parts_.service.parts().clock.now()));
  json::Array list(ids.begin(), ids.end());
  effect.payload["entries"] = std::move(list);
  return {};
}

// ── the site
// ─────────────────────────────────────────────────────────────────────────────────────────────────────

Result<json::Object> Handlers::disable(const effects::Effect& effect) {
  if (parts_.site == nullptr)
    return fail(Code::kForbidden,
                "this node has no content host configured ([site] in entente.toml)");
  ENTENTE_TRY(item, item_of(parts_.service, effect));
  json::Object result;
  // The fingerprint is taken before the content goes; what is not an image has none, and is
  // disabled all the same.
  if (parts_.matcher != nullptr) {
    if (const auto bytes = parts_.site->read(item.url)) {
      if (const auto print = parts_.matcher->fingerprint_of(*bytes)) {
        ENTENTE_CHECK_OK(parts_.service.parts().store.write([&](store::Tx& tx) -> Result<void> {
          ENTENTE_TRY(n, tx.exec("INSERT INTO item_fingerprint(act, target, pdq, quality) "
                                 "VALUES($1,$2,$3,$4) ON CONFLICT(act, target) DO NOTHING",
                                 {item.act, static_cast<std::int64_t>(item.target),
                                  print->pdq.hex(), std::int64_t{print->quality}}));
          static_cast<void>(n);
          return {};
        }));
      } else {
        log::info("item.no_fingerprint", {{"act", item.act}, {"why", print.error().detail}});
      }
    }
  }
  const auto done = parts_.site->disable(item.site_key, item.url, item.record);
  if (!done && done.error().code == Code::kNotFound) {
    // Gone before we came: that is an outcome to report, not a failure to retry. There is no copy
    // to keep.
    result["not_reversible_reason"] = kGone;
    result["public_status"] = 404;
    result["checked_at"] = format_rfc3339(parts_.service.parts().clock.now());
    return result;
  }
  if (!done) return fail(done.error());
  result["preserved_sha256"] = done->preserved_sha256;
  result["public_status"] = done->public_status;
  result["checked_at"] = format_rfc3339(done->checked_at);
  return result;
}

Result<json::Object> Handlers::restore(const effects::Effect& effect) {
  if (parts_.site == nullptr)
    return fail(Code::kForbidden, "this node has no content host configured");
  ENTENTE_TRY(item, item_of(parts_.service, effect));
  const auto done = parts_.site->restore(item.site_key, item.url);
  if (!done && done.error().code == Code::kNotFound)
    return json::Object{{"restored", false}, {"reason", kGone}};
  if (!done) return fail(done.error());
  return json::Object{{"sha256", done->sha256},
                      {"public_status", done->public_status},
                      {"checked_at", format_rfc3339(done->checked_at)},
                      {"still_blocked", done->still_blocked}};
}

Result<json::Object> Handlers::erase(const effects::Effect& effect) {
  if (parts_.site == nullptr)
    return fail(Code::kForbidden, "this node has no content host configured");
  std::size_t count = 0;
  ENTENTE_CHECK_OK(parts_.service.parts().store.read([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(loaded, parts_.service.load(tx, effect.act));
    count = loaded.state.targets.size();
    return {};
  }));
  for (std::size_t t = 0; t < count; ++t) {
    effects::Effect one = effect;
    one.payload["target"] = t;
    ENTENTE_TRY(item, item_of(parts_.service, one));
    ENTENTE_CHECK_OK(parts_.site->erase(item.site_key, item.url));
  }
  return json::Object{{"erased", count}};
}

// ── the bank
// ─────────────────────────────────────────────────────────────────────────────────────────────────────

Result<json::Object> Handlers::bank_add(const effects::Effect& effect) {
  ENTENTE_TRY(item, item_of(parts_.service, effect));
  const auto& store_parts = parts_.service.parts();
  std::vector<matching::EntryId> ids;
  ENTENTE_CHECK_OK(store_parts.store.write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(rows,
                tx.query("SELECT pdq, quality FROM item_fingerprint WHERE act = $1 AND target = $2",
                         {item.act, static_cast<std::int64_t>(item.target)}));
    if (rows.empty() || rows[0].integer(1) < fingerprint::kMinQuality) return {};
    ENTENTE_TRY(loaded, parts_.service.load(tx, item.act));
    // The act may have been reversed while this effect waited: then there is nothing to add.
    if (acts::state_name(acts::Region::kExecution, loaded.state.execution.at(item.target).state) !=
        "executed")
      return {};
    ENTENTE_TRY(pdq, fingerprint::Pdq::parse(rows[0].text(0)));
    matching::NewEntry entry;
    entry.bank = std::string(kRemovedBank);
    entry.pdq = pdq;
    entry.quality = static_cast<int>(rows[0].integer(1));
    entry.label = label_of(loaded.state);
    entry.act = item.act;
    entry.target = std::to_string(item.target);
    entry.step = effect.key;
    entry.now = store_parts.clock.now();
    ENTENTE_TRY(id, parts_.banks.add(tx, entry));
    ids.push_back(id);
    return {};
  }));
  if (parts_.matcher != nullptr && !ids.empty()) ENTENTE_CHECK_OK(parts_.matcher->added(ids));
  return json::Object{{"entries", json::Array(ids.begin(), ids.end())}};
}

// The tombstone was written with the step itself (at_once); what is left is to drop it from memory.
Result<json::Object> Handlers::bank_tombstone(const effects::Effect& effect) {
  std::vector<matching::EntryId> ids;
  if (const auto* entries = effect.payload.if_contains("entries");
      entries != nullptr && entries->is_array())
    for (const auto& v : entries->get_array()) ids.push_back(v.to_number<std::int64_t>());
  if (parts_.matcher != nullptr) parts_.matcher->tombstoned(ids);
  return json::Object{{"tombstoned", ids.size()}};
}

// ── people
// ───────────────────────────────────────────────────────────────────────────────────────────────────────

Result<json::Object> Handlers::inform(const effects::Effect& effect, std::string_view role,
                                      std::string_view about) {
  const auto& p = parts_.service.parts();
  ENTENTE_TRY(token, store::write_returning<std::string>(p.store, [&](store::Tx& tx) {
                return dossier::case_token(tx, effect.act, role, to_base64url(p.random.bytes(24)),
                                           p.clock.now());
              }));
  ENTENTE_TRY(item, item_of(parts_.service, effect));
  const json::Object message{{"to", role},
                             {"about", about},
                             {"act", effect.act},
                             {"item", item.url},
                             {"case_url", p.url + "/case/" + token},
                             {"record_url", item.record},
                             {"at", format_rfc3339(p.clock.now())}};
  // Named by the effect: telling twice is telling once.
  const std::string name = to_hex(crypto::sha256(as_bytes(effect.key))).substr(0, 32) + ".json";
  ENTENTE_CHECK_OK(drop_file(parts_.notifications, name, json::canonical(message) + "\n"));
  return json::Object{{"told", role}};
}

// ── what is reported
// ─────────────────────────────────────────────────────────────────────────────────────────────

Result<json::Object> Handlers::attestation_body(store::Tx& tx, const effects::Effect& effect,
                                                const json::Object& result,
                                                const acts::Move& move) {
  ENTENTE_TRY(loaded, parts_.service.load(tx, effect.act));
  const auto& s = loaded.state;
  const std::string at = format_rfc3339(parts_.service.parts().clock.now());
  json::Object evidence = result;
  evidence.erase("preserved_sha256");
  evidence.erase("not_reversible_reason");
  const auto preserved = json::text_or(result, "preserved_sha256");
  const auto keep = [&](json::Object body) {
    if (preserved.empty())
      body["not_reversible_reason"] = json::text_or(result, "not_reversible_reason");
    else
      body["preserved_sha256"] = preserved;
    return body;
  };
  if (move.schema == "tco-annex-ii") {
    // Annex II: who removed what, when, for which order.
    const json::Value form(s.form);
    const auto text = [&](std::string_view pointer) {
      const auto* v = json::at_pointer(form, pointer);
      return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string("-");
    };
    evidence["connector"] = "site";
    const auto* received = s.last("receive");
    return keep(json::Object{
        {"document", "D02"},
        {"measure", preserved.empty() ? "removed" : "disabled_in_all_member_states"},
        {"measured_at", json::text_or(result, "checked_at", at)},
        {"received_at", received == nullptr ? at : format_rfc3339(received->at)},
        {"authority", text("/e/authority")},
        {"authority_ref", text("/a/ref")},
        {"addressee", text("/a/addressee")},
        {"addressee_ref", s.act},
        {"authorised_person",
         s.last("accept", {}, 0) == nullptr ? std::string("-") : s.last("accept", {}, 0)->person},
        {"evidence", std::move(evidence)}});
  }
  if (move.schema == "dsa-restriction")
    return keep(json::Object{{"measure", preserved.empty() ? "removed" : "disabled"},
                             {"measured_at", json::text_or(result, "checked_at", at)},
                             {"evidence", std::move(evidence)}});
  if (move.schema == "attestation") return json::Object{{"evidence", std::move(evidence)}};
  return json::Object{};
}

Result<void> Handlers::follow_up(store::Tx& tx, const effects::Effect& effect,
                                 const json::Object& result) {
  const std::string move_name(json::text_or(effect.payload, "result"));
  if (move_name.empty()) return {};
  ENTENTE_TRY(loaded, parts_.service.load(tx, effect.act));
  const auto* move = loaded.regime == nullptr ? nullptr : loaded.regime->move(move_name);
  if (move == nullptr) return {};
  dossier::Wish wish;
  wish.act = effect.act;
  wish.move = move_name;
  if (const auto* t = effect.payload.if_contains("target"))
    wish.target = t->to_number<std::size_t>();
  ENTENTE_TRY(body, attestation_body(tx, effect, result, *move));
  wish.body = std::move(body);
  ENTENTE_TRY(out, parts_.service.make(tx, wish));
  if (out.status == "refused")
    log::warn("attestation.refused",
              {{"act", effect.act}, {"move", move_name}, {"rule", out.why->rule}});
  return {};
}

}  // namespace entente::app
