// SPDX-License-Identifier: Apache-2.0
#include "entente/exchange/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "entente/core/log.h"
#include "entente/crypto/sha256.h"
#include "entente/exchange/message_signature.h"
#include "entente/ledger/leaf.h"
#include "entente/ledger/verify.h"

namespace entente::exchange {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE inbox_receipt (package TEXT PRIMARY KEY, sender TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL);
)sql";
constexpr std::string_view kSchema2 = R"sql(
CREATE TABLE inbox_nonce (
  sender TEXT NOT NULL, nonce TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (sender, nonce));
CREATE INDEX inbox_nonce_until ON inbox_nonce (until);
)sql";

Unexpected refuse(std::string rule, std::string detail, std::string field) {
  return fail(Error{Code::kRefused, std::move(detail), std::move(field), std::move(rule), {}});
}

// The stored answer with the moment it is given, by which the sender measures the difference of the
// clocks.
http::Response dated(const std::string& answer, Instant now) {
  return http::bytes_response(R"({"now":")" + format_rfc3339(now) + R"(",)" + answer.substr(1),
                              "application/json");
}

// Of an answer; empty when it is not there, or there twice.
std::string header_of(const http::ClientResponse& answer, const std::string& lower_name) {
  const auto it = answer.headers.find(lower_name);
  return it == answer.headers.end() || it->second.size() != 1 ? std::string() : it->second.front();
}

// What a package is about, whatever its proofs and sending time: its steps.
std::string package_key(std::string_view sender, std::vector<std::string> steps) {
  std::sort(steps.begin(), steps.end());
  std::string all(sender);
  for (const auto& s : steps) all += "\n" + s;
  return to_hex(crypto::sha256(as_bytes(all)));
}

}  // namespace

store::Migration migration() {
  return {"exchange", {kSchema, kSchema2}};
}

Exchange::Exchange(dossier::Service& service, http::Client& client)
    : service_(service), client_(client), deliverer_(*this) {}

Result<json::Object> Exchange::Deliverer::perform(const effects::Effect& effect) {
  auto done = exchange_.deliver(effect);
  // An order is given up by nobody: whatever a peer, or a proxy in its place, answers (a page in
  // HTML, half a receipt), it is asked again.
  if (!done && done.error().code != Code::kUnavailable && done.error().code != Code::kTimeout)
    return fail(Code::kUnavailable, done.error().detail, done.error().field);
  return done;
}

void Exchange::add_routes(http::Router& router) {
  router.add("POST", "/v1/inbox", [this](const http::Request& q) { return inbox(q); },
             {.max_body = kMaxPackageBytes});
}

// ── receiving
// ────────────────────────────────────────────────────────────────────────────────────────────────────

// One step with its evidence: the leaf says what the envelope says, opens to its bytes, and lies in
// the sender's ledger under a checkpoint the sender signed.
Result<Exchange::Incoming> Exchange::read_item(const json::Value& item,
                                               const identity::PartyRow& from) {
  if (!item.is_object()) return fail(Code::kInvalid, "a step must be an object", "/steps");
  json::Reader r(item.get_object(), "/steps");
  const auto& envelope_object = r.object("envelope");
  Incoming in;
  in.leaf.entry = r.text("leaf", {.max = 65'535});
  const std::string salt_text = r.text("salt", {.max = 64});
  in.leaf.proof = r.text("proof", {.max = 64 << 10});
  ENTENTE_CHECK_OK(r.done());
  in.envelope = boost::json::serialize(envelope_object);
  ENTENTE_TRY(envelope, crypto::parse_envelope(in.envelope));
  in.step = to_hex(crypto::sha256(envelope.payload));
  for (const auto& s : envelope.signatures) in.keyids.push_back(s.keyid);
  ENTENTE_TRY(step, acts::parse_step(as_text(envelope.payload), in.step));
  if (step.author().party != from.party)
    return refuse("sender", "a node delivers its own steps only", "/steps");
  ENTENTE_TRY(leaf, ledger::parse_leaf(in.leaf.entry));
  ENTENTE_TRY(salt_bytes, from_base64(salt_text));
  ENTENTE_TRY(salt, crypto::Salt::from_bytes(salt_bytes));
  if (leaf.act != step.act || leaf.move != step.move || leaf.regime != step.regime ||
      leaf.party != from.party || leaf.at != step.at || leaf.role != step.author().role ||
      !ledger::opens(leaf, ledger::kStepField, salt, as_text(envelope.payload)))
    return refuse("SG12", "the leaf does not stand for this step", "/steps/leaf");
  const auto proof = ledger::verify_proof(in.leaf.proof, in.leaf.entry, from.log_vkey, {}, 0);
  if (!proof)
    return refuse("SG12",
                  "the step is not proven to be in its author's ledger: " + proof.error().detail,
                  "/steps/proof");
  in.leaf.origin = proof->origin;
  in.leaf.index = static_cast<std::int64_t>(proof->index);
  in.leaf.salt = std::move(salt_bytes);
  return in;
}

Result<std::vector<Exchange::Incoming>> Exchange::read_items(const json::Array& items,
                                                             const identity::PartyRow& from) {
  std::vector<Incoming> out;
  for (const auto& item : items) {
    ENTENTE_TRY(in, read_item(item, from));
    out.push_back(std::move(in));
  }
  return out;
}

void Exchange::look_up_unknown(const identity::PartyRow& party,
                               const std::vector<Incoming>& items) {
  bool unknown = false;
  const auto looked = service_.parts().store.read([&](store::Tx& tx) -> Result<void> {
    for (const auto& in : items)
      for (const auto& keyid : in.keyids) {
        ENTENTE_TRY(owner, identity::find_key(tx, keyid));
        unknown = unknown || !owner;
      }
    return {};
  });
  if (!looked || !unknown) return;
  const Instant now = service_.parts().clock.now();
  {
    const std::lock_guard lock(mutex_);
    auto& last = refreshed_[party.party];
    if (last.time_since_epoch().count() != 0 && now - last < kDirectoryRefresh) return;
    last = now;
  }
  fetch_directory(party);
}

bool Exchange::fetch_directory(const identity::PartyRow& party) {
  http::ClientRequest request;
  request.url = party.url + "/.well-known/entente.json";
  request.timeout = kDirectoryTimeout;
  const auto answer = client_.send(request);
  if (!answer || answer->status != 200) {
    log::warn("directory.unreachable", {{"party", party.party}});
    return false;
  }
  const auto entry = identity::parse_entry(answer->body);
  if (!entry || entry->party != party.party) {
    log::warn("directory.refused", {{"party", party.party}});
    return false;
  }
  if (const auto kept = service_.parts().store.write(
          [&](store::Tx& tx) { return identity::refresh(tx, *entry); });
      !kept) {
    log::warn("directory.refused", {{"party", party.party}, {"why", kept.error().detail}});
    return false;
  }
  return true;
}

Result<std::size_t> Exchange::refresh_directories() {
  const auto& parts = service_.parts();
  ENTENTE_TRY(parties, store::read_returning<std::vector<identity::PartyRow>>(
                           parts.store, [](store::Tx& tx) { return identity::list_parties(tx); }));
  const Instant now = parts.clock.now();
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(parties, [&](const identity::PartyRow& p) {
      if (p.party == parts.party) return true;
      auto& last = rounds_[p.party];
      if (last.time_since_epoch().count() != 0 && now - last < kDirectoryAge) return true;
      last = now;
      return false;
    });
  }
  // Side by side: partners that do not answer must not keep the others' revocations waiting.
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> taken{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::min(kDirectoryFetches, parties.size()); ++i)
    threads.emplace_back([&] {
      for (std::size_t mine = next++; mine < parties.size(); mine = next++)
        if (fetch_directory(parties[mine])) ++taken;
    });
  for (auto& thread : threads) thread.join();
  return taken.load();
}

Result<json::Array> Exchange::receive(const std::vector<Incoming>& items,
                                      std::vector<std::string>& made) {
  std::vector<std::pair<std::string, dossier::LeafInfo>> envelopes;
  envelopes.reserve(items.size());
  for (const auto& in : items) envelopes.emplace_back(in.envelope, in.leaf);
  ENTENTE_TRY(outcomes, service_.submit_all(envelopes, dossier::Source::kPeer));
  json::Array results;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    json::Object o{{"step", items[i].step}};
    if (outcomes[i]) {
      o["status"] = outcomes[i]->status;
      if (outcomes[i]->why) {
        o["rule"] = outcomes[i]->why->rule;
        o["detail"] = outcomes[i]->why->detail;
      }
      made.insert(made.end(), outcomes[i]->made.begin(), outcomes[i]->made.end());
    } else {
      o["status"] = "rejected";  // not kept: its signature or form is not one
      o["rule"] = outcomes[i].error().rule;
      o["detail"] = outcomes[i].error().detail;
    }
    results.push_back(std::move(o));
  }
  return results;
}

// Sent by that party's node, to this address, lately, and not before (RFC 9421).
Result<void> Exchange::check_sender(const http::Request& q, const identity::PartyRow& from) {
  const auto& parts = service_.parts();
  const Instant now = parts.clock.now();
  ENTENTE_TRY(params, verify_message(q.header("signature-input"), q.header("signature"),
                                     request_components(q.method, parts.url + q.target,
                                                        q.header("content-type"), q.body),
                                     kOrderTag, from.node_key, now, acts::kMaxSkew));
  // Kept as long as the signature could pass; an honest sender signs each attempt anew.
  return parts.store.write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec("DELETE FROM inbox_nonce WHERE until < $1", {to_ms(now)}));
    ENTENTE_TRY(fresh, tx.exec("INSERT INTO inbox_nonce(sender, nonce, until) VALUES($1,$2,$3) ON "
                               "CONFLICT DO NOTHING",
                               {from.party, params.nonce, to_ms(params.expires + acts::kMaxSkew)}));
    if (fresh == 0)
      return fail(Error{Code::kUnauthorised, "this very request came before", "Signature-Input",
                        "replay", "sign each attempt anew"});
    return {};
  });
}

// What is refused before any step of it was read is written down too: a sender whose packages never
// arrive must be able to learn why, and this node's people that somebody tried.
Result<http::Response> Exchange::inbox(const http::Request& q) {
  std::string sender;
  auto answer = take_package(q, sender);
  if (answer) {
    const auto& parts = service_.parts();
    const auto signed_headers =
        sign_message(answer_components(answer->status, "application/json", answer->body,
                                       parts.url + q.target, q.body),
                     kAnswerTag, answer->body, parts.node_key, parts.clock.now(), parts.random);
    for (const auto& [name, value] : signed_headers) answer->with(name, value);
  }
  if (answer || http::status_of(answer.error().code) >= 500) return answer;
  const auto& why = answer.error();
  log::warn("package.refused", {{"party", sender}, {"rule", why.rule}, {"detail", why.detail}});
  const dossier::Refusal refusal{0, service_.parts().clock.now(), {}, {}, {}, sender, "peer", why};
  ENTENTE_CHECK_OK(service_.parts().store.write(
      [&](store::Tx& tx) { return dossier::log_refusal(tx, refusal); }));
  return answer;
}

Result<http::Response> Exchange::take_package(const http::Request& q, std::string& sender) {
  const auto& parts = service_.parts();
  ENTENTE_TRY(body, json::parse_object(q.body, kMaxPackageBytes));
  json::Reader r(body);
  sender = r.text("from", {.min = 3, .max = 253});
  r.skip("sent_at");
  const auto& items = r.array("steps", kMaxPackageSteps);
  ENTENTE_CHECK_OK(r.done());
  if (items.empty()) return fail(Code::kInvalid, "a package holds at least one step", "/steps");
  ENTENTE_TRY(from,
              store::read_returning<std::optional<identity::PartyRow>>(
                  parts.store, [&](store::Tx& tx) { return identity::find_party(tx, sender); }));
  if (!from || sender == parts.party)
    return fail(Error{Code::kUnauthorised, "this node does not know the sender", "/from",
                      "directory", "exchange fingerprints out of band first"});
  ENTENTE_CHECK_OK(check_sender(q, *from));
  ENTENTE_TRY(incoming, read_items(items, *from));
  std::vector<std::string> ids;
  ids.reserve(incoming.size());
  for (const auto& in : incoming) ids.push_back(in.step);
  const std::string key = package_key(sender, ids);
  ENTENTE_TRY(known, store::read_returning<store::Rows>(parts.store, [&](store::Tx& tx) {
                return tx.query("SELECT answer FROM inbox_receipt WHERE package = $1", {key});
              }));
  if (!known.empty()) return dated(known[0].text(0), parts.clock.now());

  look_up_unknown(*from, incoming);
  std::vector<std::string> made;
  ENTENTE_TRY(results, receive(incoming, made));
  const bool rejected = std::any_of(results.begin(), results.end(), [](const json::Value& v) {
    return v.at("status") == "rejected";
  });
  const Instant now = parts.clock.now();
  crypto::Envelope receipt{
      std::string(kReceiptType),
      to_bytes(json::canonical(json::Object{{"v", 1},
                                            {"party", parts.party},
                                            {"from", sender},
                                            {"package", key},
                                            {"received_at", format_rfc3339(now)},
                                            {"results", std::move(results)}})),
      {}};
  ENTENTE_CHECK_OK(crypto::sign(receipt, parts.node_key));
  std::string answer;
  ENTENTE_CHECK_OK(parts.store.read([&](store::Tx& tx) -> Result<void> {
    json::Array back;
    for (const auto& id : made) {
      ENTENTE_TRY(step, dossier::find_step(tx, id));
      if (!step) continue;
      ENTENTE_TRY(packed, pack(tx, *step));
      back.push_back(std::move(packed));
    }
    ENTENTE_TRY(envelope, json::parse(crypto::to_json(receipt)));
    answer = boost::json::serialize(
        json::Object{{"receipt", std::move(envelope)}, {"steps", std::move(back)}});
    return {};
  }));
  // A package with a rejected step may be mended (a key that becomes known): its receipt is not the
  // last word.
  if (!rejected) {
    ENTENTE_CHECK_OK(parts.store.write([&](store::Tx& tx) -> Result<void> {
      ENTENTE_TRY(n, tx.exec("INSERT INTO inbox_receipt(package, sender, answer, at) "
                             "VALUES($1,$2,$3,$4) ON CONFLICT(package) DO NOTHING",
                             {key, sender, answer, to_ms(now)}));
      static_cast<void>(n);
      ENTENTE_TRY(rows, tx.query("SELECT answer FROM inbox_receipt WHERE package = $1", {key}));
      answer = rows.at(0).text(0);
      return {};
    }));
  }
  if (on_received_) on_received_();
  return dated(answer, parts.clock.now());
}

// ── sending
// ──────────────────────────────────────────────────────────────────────────────────────────────────────

Result<json::Object> Exchange::pack(store::Tx& tx, const dossier::StoredStep& step) const {
  ENTENTE_TRY(envelope, json::parse(step.envelope));
  ENTENTE_TRY(proof, ledger::Log::proof(tx, static_cast<std::uint64_t>(step.leaf.index)));
  return json::Object{{"envelope", std::move(envelope)},
                      {"leaf", step.leaf.entry},
                      {"salt", to_base64(step.leaf.salt)},
                      {"proof", proof}};
}

Result<json::Object> Exchange::deliver(const effects::Effect& effect) {
  const auto& parts = service_.parts();
  const std::string to(json::text_or(effect.payload, "to"));
  const std::string act(json::text_or(effect.payload, "act"));
  std::optional<identity::PartyRow> peer;
  json::Array packed;
  std::vector<std::string> sent;
  ENTENTE_CHECK_OK(parts.store.read([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(row, identity::find_party(tx, to));
    peer = std::move(row);
    ENTENTE_TRY(steps, dossier::unacknowledged(tx, act, to));
    for (const auto& s : steps) {
      if (packed.size() == kMaxPackageSteps) break;
      ENTENTE_TRY(item, pack(tx, s));
      packed.push_back(std::move(item));
      sent.push_back(s.step.id);
    }
    return {};
  }));
  if (sent.empty()) return json::Object{{"sent", 0}};
  // Not permanent: the party may become known while the outbox keeps trying.
  if (!peer) return fail(Code::kUnavailable, to + " is not in this node's directory yet");
  http::ClientRequest request;
  request.method = "POST";
  request.url = peer->url + "/v1/inbox";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = boost::json::serialize(json::Object{{"from", parts.party},
                                                     {"sent_at", format_rfc3339(parts.clock.now())},
                                                     {"steps", std::move(packed)}});
  const Instant before = parts.clock.now();
  for (auto& header : sign_message(
           request_components(request.method, request.url, "application/json", request.body),
           kOrderTag, request.body, parts.node_key, before, parts.random))
    request.headers.push_back(std::move(header));
  ENTENTE_TRY(answer, client_.send(request));
  const Instant after = parts.clock.now();
  if (answer.status != 200)
    return fail(Code::kUnavailable, fmt::format("{} answered {}", to, answer.status));
  ENTENTE_CHECK_OK(
      verify_message(header_of(answer, "signature-input"), header_of(answer, "signature"),
                     answer_components(answer.status, header_of(answer, "content-type"),
                                       answer.body, request.url, request.body),
                     kAnswerTag, peer->node_key, after, acts::kMaxSkew));
  ENTENTE_TRY(body, json::parse_object(answer.body, kMaxPackageBytes));
  if (const auto theirs = parse_rfc3339(json::text_or(body, "now"))) {
    const auto skew = to_ms(*theirs) - to_ms(before + (after - before) / 2);
    ENTENTE_CHECK_OK(parts.store.write(
        [&](store::Tx& tx) { return dossier::record_skew(tx, to, skew, after); }));
  }
  const auto* receipt = body.if_contains("receipt");
  if (receipt == nullptr) return fail(Code::kUnavailable, to + " answered without a receipt");
  ENTENTE_CHECK_OK(take_receipt(*peer, boost::json::serialize(*receipt), sent));
  if (const auto* back = body.if_contains("steps");
      back != nullptr && back->is_array() && !back->get_array().empty()) {
    // Steps the peer made at once in answer, such as the receipt that starts the hour. Its own
    // delivery would bring them too; a fault here is therefore only logged.
    std::vector<std::string> made;
    if (auto items = read_items(back->get_array(), *peer)) {
      if (auto results = receive(*items, made); !results)
        log::warn("answer.refused", {{"party", to}, {"why", results.error().detail}});
    } else {
      log::warn("answer.refused", {{"party", to}, {"why", items.error().detail}});
    }
    if (on_received_) on_received_();
  }
  return json::Object{{"sent", sent.size()}};
}

Result<void> Exchange::take_receipt(const identity::PartyRow& peer, std::string_view envelope_json,
                                    const std::vector<std::string>& sent) {
  ENTENTE_TRY(envelope, crypto::parse_envelope(envelope_json));
  if (envelope.payload_type != kReceiptType)
    return fail(Code::kUnavailable, peer.party + " answered with something else than a receipt");
  ENTENTE_CHECK_OK(crypto::verify_signature(envelope, envelope.signatures.front(), peer.node_key));
  ENTENTE_TRY(body, json::parse_object(as_text(envelope.payload)));
  json::Reader r(body);
  r.integer("v", 1, 1);
  const std::string party = r.text("party");
  r.skip("from");
  const std::string package = r.text("package");
  r.time("received_at");
  const auto& results = r.array("results", kMaxPackageSteps);
  ENTENTE_CHECK_OK(r.done());
  if (party != peer.party || package != package_key(service_.parts().party, sent))
    return fail(Code::kUnavailable, "the receipt is for another package");
  bool rejected = false;
  ENTENTE_CHECK_OK(service_.parts().store.write([&](store::Tx& tx) -> Result<void> {
    for (const auto& v : results) {
      if (!v.is_object()) continue;
      const auto step = json::text_or(v.get_object(), "step");
      const auto status = json::text_or(v.get_object(), "status");
      if (std::find(sent.begin(), sent.end(), step) == sent.end()) continue;
      if (status == "rejected") {
        rejected = true;
        log::warn("delivery.rejected", {{"party", peer.party},
                                        {"step", step},
                                        {"rule", json::text_or(v.get_object(), "rule")},
                                        {"detail", json::text_or(v.get_object(), "detail")}});
        continue;
      }
      if (status == "refused")
        log::warn("delivery.refused", {{"party", peer.party},
                                       {"step", step},
                                       {"rule", json::text_or(v.get_object(), "rule")}});
      ENTENTE_CHECK_OK(
          dossier::acknowledge(tx, step, peer.party, envelope_json, service_.parts().clock.now()));
    }
    return {};
  }));
  if (rejected)
    return fail(Code::kUnavailable, peer.party + " rejected a step; it will be sent again");
  return {};
}

}  // namespace entente::exchange
