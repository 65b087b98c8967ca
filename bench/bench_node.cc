// SPDX-License-Identifier: Apache-2.0
#include "bench_node.h"

#include <fmt/format.h>

#include "entente/core/id.h"
#include "entente/crypto/sha256.h"
#include "entente/effects/outbox.h"
#include "entente/identity/directory.h"

namespace entente::bench {
namespace {

json::Object form(Instant now, std::size_t number) {
  const auto before = [&](int hours) { return format_rfc3339(now - std::chrono::hours(hours)); };
  json::Object exemptions;
  for (const auto* ground : {"educational", "journalistic", "artistic", "research",
                             "counter_terrorism", "public_debate"})
    exemptions[ground] = json::Object{
        {"answer", "no"}, {"reason", "The upload has no title, source, context or comment."}};
  const auto reference = fmt::format("BENCH-{}", number);
  return {
      {"legal_basis", "Regulation (EU) 2021/784, Article 3"},
      {"territory", "all_member_states"},
      {"language", "en"},
      {"reasons",
       "The image published at this address calls on its readers to join an attack, names a date "
       "and a place, and is spread with instructions. It falls under Article 2(7)(a) of the "
       "Regulation and Article 5 of Directive (EU) 2017/541, and its continued availability "
       "causes a danger that such an offence be committed."},
      {"a", json::Object{{"ms_issuing", "FR"},
                         {"addressee", "Photos"},
                         {"contact_point", "tco@photos.example"},
                         {"ms_home", "FR"},
                         {"issued_at", before(0)},
                         {"ref", reference}}},
      {"b", json::Object{{"types", json::Array{"a_incite"}}}},
      {"c", json::Object{{"no_disclosure", false}}},
      {"d", json::Object{{"cross_border", false}, {"copy_sent", false}}},
      {"e", json::Object{{"type", "law_enforcement"},
                         {"authority", "Ministry of the Interior"},
                         {"representative", "A. Martin"},
                         {"post", "Head of unit"},
                         {"file_no", reference},
                         {"address", "1 rue de l'Exemple, Paris"},
                         {"telephone", "+33 1 00 00 00 00"},
                         {"email", "unit@interior.example"}}},
      {"f", json::Object{{"feedback", "unit@interior.example"},
                         {"home_authority", "none: same Member State"}}},
      {"g", json::Object{{"body", "Tribunal administratif de Paris"},
                         {"deadline", "48 hours from receipt"},
                         {"law_url", "https://law.example/lcen/6-1-5"}}},
      {"exemption_assessment", std::move(exemptions)},
      {"deconfliction",
       json::Object{{"asked_at", before(1)}, {"outcome", "no_conflict"}, {"with", "Europol"}}},
      {"prior_information", json::Object{{"sent_at", before(48)}}},
  };
}

// Signs and returns the envelope; sets the step's id.
std::string signed_envelope(acts::Step& step, const Person& person, std::string_view issuer) {
  step.by = {{std::string(issuer), person.id, person.role, person.key.public_key().id()}};
  crypto::Envelope e{std::string(acts::kStepType), to_bytes(acts::step_payload(step)), {}};
  must(crypto::sign(e, person.key), "sign");
  step.id = to_hex(crypto::sha256(e.payload));
  return crypto::to_json(e);
}

identity::Entry entry(std::string_view party, std::string_view kind, const crypto::PublicKey& node,
                      const crypto::PublicKey& ledger, Instant now) {
  identity::Entry e;
  e.party = party;
  e.name = party;
  e.kind = kind;
  e.url = fmt::format("https://{}", party);
  e.node_key = node;
  e.log_vkey = must(crypto::NoteKey::make(std::string(party) + "/ledger",
                                          crypto::NoteAlgorithm::kEd25519, ledger),
                    "log key")
                   .vkey();
  e.issued_at = now;
  return e;
}

}  // namespace

Order make_order(const Person& drafter, const Person& signer, std::string_view issuer,
                 std::string_view addressee, Random& random, std::size_t number) {
  const Instant now = SystemClock().now();
  acts::Step draft;
  draft.at = now;
  draft.act = make_ulid(now, random);
  draft.dossier = make_ulid(now, random);
  draft.regime = kRegime;
  draft.move = "compose";
  draft.body = {
      {"form", form(now, number)},
      {"participants", {{"issuer", issuer}, {"addressee", addressee}, {"overseer", kOverseer}}},
      {"targets", json::Array{{{"kind", "url"},
                               {"value", fmt::format("https://photos.example/p/{}", number)},
                               {"evidence_sha256", std::string(64, 'a')}}}}};
  Order out;
  out.compose = signed_envelope(draft, drafter, issuer);
  acts::Step sign;
  sign.at = now;
  sign.act = draft.act;
  sign.dossier = draft.dossier;
  sign.regime = kRegime;
  sign.move = "sign";
  sign.after = {draft.id};
  sign.body = {{"draft", draft.id}};
  out.sign = signed_envelope(sign, signer, issuer);
  return out;
}

BenchNode::BenchNode(const std::filesystem::path& folder)
    : node_key(crypto::PrivateKey::generate(random)),
      ledger_key(crypto::PrivateKey::generate(random)),
      drafter_key(crypto::PrivateKey::generate(random)),
      signer_key(crypto::PrivateKey::generate(random)),
      regimes(must(acts::Catalogue::builtin(), "regimes")),
      log(must(ledger::Log::create(std::string(kIssuer) + "/ledger", ledger_key), "log")),
      store(must(sqlite::SqliteStore::open((folder / "node.db").string(), {}), "store")) {
  must(store::migrate(*store,
                      {identity::migration(), ledger::Log::migration(), dossier::migration(),
                       effects::outbox_migration()},
                      to_ms(clock.now())),
       "schema");
  store->before_commit([this](store::Tx& tx) { return log.sign_checkpoint(tx); });
  service = std::make_unique<dossier::Service>(
      dossier::Service::Parts{*store, regimes, log, node_key, clock, random, std::string(kIssuer),
                              "https://interior.example"});
  const auto other = crypto::PrivateKey::generate(random);
  const auto third = crypto::PrivateKey::generate(random);
  must(store->write([&](store::Tx& tx) -> Result<void> {
    const auto trust = [&](const identity::Entry& e) {
      return identity::trust(tx, e, e.node_key.fingerprint(), clock.now());
    };
    ENTENTE_CHECK_OK(trust(
        entry(kIssuer, "authority", node_key.public_key(), ledger_key.public_key(), clock.now())));
    ENTENTE_CHECK_OK(
        trust(entry(kAddressee, "platform", other.public_key(), other.public_key(), clock.now())));
    ENTENTE_CHECK_OK(
        trust(entry(kOverseer, "overseer", third.public_key(), third.public_key(), clock.now())));
    const auto enrol = [&](const crypto::PrivateKey& key, const char* role) {
      return identity::enrol(tx, kIssuer, {{}, role, key.public_key(), {role}, {}}, clock.now());
    };
    ENTENTE_TRY(d, enrol(drafter_key, "drafter"));
    ENTENTE_TRY(s, enrol(signer_key, "signer"));
    drafter = d.person;
    signer = s.person;
    return {};
  }),
       "directory");
}

std::vector<Order> BenchNode::orders(std::size_t n) {
  std::vector<Order> out(n);
  const Person d{drafter_key, drafter, "drafter"};
  const Person s{signer_key, signer, "signer"};
  in_threads(2, n,
             [&](std::size_t i) { out[i] = make_order(d, s, kIssuer, kAddressee, random, i); });
  return out;
}

std::uint64_t BenchNode::leaves() {
  return must(store::read_returning<std::uint64_t>(
                  *store, [](store::Tx& tx) { return ledger::Log::size(tx); }),
              "leaves");
}

}  // namespace entente::bench
