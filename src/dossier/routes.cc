// SPDX-License-Identifier: Apache-2.0
#include "entente/dossier/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "entente/core/log.h"
#include "entente/crypto/sha256.h"

namespace entente::dossier {
namespace {

using Shared = std::shared_ptr<const RouteParts>;

constexpr std::size_t kPageDefault = 50;
constexpr std::int64_t kPageMax =
    200;  // a screen never shows more; larger pages only help scrapers

Result<std::size_t> limit_of(const http::Request& q) {
  const auto text = q.query_if("limit");
  if (!text) return kPageDefault;
  std::int64_t n = 0;
  for (const char c : *text) n = c >= '0' && c <= '9' && n < 10'000 ? n * 10 + (c - '0') : 100'000;
  if (text->empty() || n < 1 || n > kPageMax)
    return fail(Code::kInvalid, "limit must be 1 to 200", "limit");
  return static_cast<std::size_t>(n);
}

// Runs `work` on a reader for a logged-in person of this party.
template <class F>
Result<http::Response> for_user(const Shared& p, const http::Request& q, F&& work) {
  return store::read_returning<http::Response>(
      p->store, [&](store::Tx& tx) -> Result<http::Response> {
        ENTENTE_TRY(user, identity::session_of(tx, q, p->clock.now()));
        return work(tx, user);
      });
}

Result<acts::Hand> hand_of(const identity::SessionUser& user, const std::string& role) {
  if (!user.has(role))
    return fail(Error{Code::kForbidden, "you do not hold the role " + role, "/role", "role",
                      "the organisation grants roles with `entente person add`"});
  return acts::Hand{user.party, user.person, role, user.keyid};
}

http::Response prepared_response(const Prepared& p) {
  return http::json_response({{"act", p.step.act},
                              {"dossier", p.step.dossier},
                              {"step", p.step.id},
                              {"move", p.step.move},
                              {"payload_type", acts::kStepType},
                              {"payload", to_base64(as_bytes(p.payload))}});
}

Result<http::Response> prepare_act(const Shared& p, const http::Request& q) {
  ENTENTE_TRY(body, json::parse_object(q.body));
  json::Reader r(body);
  Wish wish;
  wish.regime = r.text("regime", {.max = 80});
  wish.role = r.text("role", {.max = 40});
  const auto& form = r.object("form");
  const auto& targets = r.array("targets", acts::kMaxTargets);
  const auto& participants = r.object("participants");
  wish.act = r.text_if("act", {.max = 26}).value_or("");
  ENTENTE_CHECK_OK(r.done());
  wish.body = {{"form", form}, {"targets", targets}, {"participants", participants}};
  ENTENTE_TRY(user, store::read_returning<identity::SessionUser>(p->store, [&](store::Tx& tx) {
                return identity::session_of(tx, q, p->clock.now());
              }));
  ENTENTE_TRY(hand, hand_of(user, wish.role));
  ENTENTE_TRY(prepared, p->service.prepare(wish, hand));
  return prepared_response(prepared);
}

Result<http::Response> prepare_step(const Shared& p, const http::Request& q) {
  ENTENTE_TRY(body, json::parse_object(q.body));
  json::Reader r(body);
  Wish wish;
  wish.act = std::string(q.param("act"));
  wish.move = r.text("move", {.max = 40});
  wish.role = r.text("role", {.max = 40});
  if (const auto t = r.integer_if("target", 0, 255)) wish.target = static_cast<std::size_t>(*t);
  wish.review = r.text_if("review", {.min = 64, .max = 64}).value_or("");
  wish.body = r.object("body");
  ENTENTE_CHECK_OK(r.done());
  ENTENTE_TRY(user, store::read_returning<identity::SessionUser>(p->store, [&](store::Tx& tx) {
                return identity::session_of(tx, q, p->clock.now());
              }));
  ENTENTE_TRY(hand, hand_of(user, wish.role));
  ENTENTE_TRY(prepared, p->service.prepare(wish, hand));
  return prepared_response(prepared);
}

void add_act_routes(http::Router& router, const Shared& p) {
  router.add("POST", "/v1/acts/prepare", [p](const http::Request& q) { return prepare_act(p, q); });
  router.add("POST", "/v1/acts/{act}/prepare",
             [p](const http::Request& q) { return prepare_step(p, q); });
  router.add("POST", "/v1/steps", [p](const http::Request& q) -> Result<http::Response> {
    ENTENTE_TRY(out, p->service.submit(q.body, Source::kPerson));
    return http::json_response(outcome_json(out), out.duplicate ? 200 : 201);
  });
  router.add("GET", "/v1/acts", [p](const http::Request& q) {
    return for_user(
        p, q, [&](store::Tx& tx, const identity::SessionUser&) -> Result<http::Response> {
          ENTENTE_TRY(limit, limit_of(q));
          ENTENTE_TRY(page, act_page(tx, p->service, q.query_if("cursor").value_or(""), limit));
          return http::json_response(page);
        });
  });
  router.add("GET", "/v1/acts/{act}", [p](const http::Request& q) {
    return for_user(
        p, q, [&](store::Tx& tx, const identity::SessionUser& user) -> Result<http::Response> {
          ENTENTE_TRY(view, act_view(tx, p->service, q.param("act"), user, p->has_content));
          return http::json_response(view);
        });
  });
  router.add("GET", "/v1/acts/{act}/steps/{step}", [p](const http::Request& q) {
    return for_user(
        p, q, [&](store::Tx& tx, const identity::SessionUser&) -> Result<http::Response> {
          ENTENTE_TRY(step, find_step(tx, q.param("step")));
          if (!step || step->step.act != q.param("act"))
            return fail(Code::kNotFound, "no such step");
          return http::bytes_response(step->envelope, "application/vnd.dsse.envelope+json");
        });
  });
  // The proof says nothing that the public ledger does not; no session needed.
  router.add("GET", "/v1/acts/{act}/steps/{step}/proof",
             [p](const http::Request& q) -> Result<http::Response> {
               return store::read_returning<http::Response>(
                   p->store, [&](store::Tx& tx) -> Result<http::Response> {
                     ENTENTE_TRY(step, find_step(tx, q.param("step")));
                     if (!step || step->step.act != q.param("act") || step->leaf.index < 0)
                       return fail(Code::kNotFound, "no such proof");
                     if (!step->own) return http::text_response(step->leaf.proof);
                     ENTENTE_TRY(
                         proof, ledger::Log::proof(tx, static_cast<std::uint64_t>(step->leaf.index),
                                                   ledger::Cosigned::kYes));
                     return http::text_response(proof);
                   });
             });
  router.add(
      "GET", "/v1/acts/{act}/targets/{target}/content",
      [p](const http::Request& q) -> Result<http::Response> {
        std::string url;
        ENTENTE_CHECK_OK(p->store.read([&](store::Tx& tx) -> Result<void> {
          ENTENTE_TRY(user, identity::session_of(tx, q, p->clock.now()));
          ENTENTE_TRY(loaded, p->service.load(tx, q.param("act")));
          const auto number = q.param("target");
          std::size_t i = 0;
          for (const char c : number)
            i = c >= '0' && c <= '9' && i < 10'000 ? i * 10 + static_cast<std::size_t>(c - '0')
                                                   : 100'000;
          if (!loaded.state.started() || number.empty() || i >= loaded.state.targets.size())
            return fail(Code::kNotFound, "no such item");
          if (p->service.position(loaded.state) != "addressee" || !p->read_content ||
              (!user.has("moderator") && !user.has("reviewer")))
            return fail(Code::kForbidden, "only the provider's moderators may look at the item");
          url = loaded.state.targets[i].canonical;
          log::info("content.viewed",
                    {{"act", loaded.state.act}, {"target", i}, {"person", user.person}});
          return {};
        }));
        ENTENTE_TRY(bytes, p->read_content(url));
        auto response = http::bytes_response(to_text(bytes), "application/octet-stream");
        response.with("Cache-Control", "no-store");
        return response;
      },
      {.pool = http::Pool::kCpu});
}

void add_queue_routes(http::Router& router, const Shared& p) {
  router.add("GET", "/v1/queue", [p](const http::Request& q) {
    return for_user(
        p, q, [&](store::Tx& tx, const identity::SessionUser&) -> Result<http::Response> {
          ENTENTE_TRY(limit, limit_of(q));
          ENTENTE_TRY(page, queue_page(tx, p->service, q.query_if("cursor").value_or(""), limit));
          if (p->more_queue_items && page.at("next").is_null()) {
            ENTENTE_TRY(more, p->more_queue_items(tx));
            for (auto& item : more) page.at("items").as_array().push_back(std::move(item));
          }
          return http::json_response(page);
        });
  });
  router.add("GET", "/v1/queue/events", [p](const http::Request& q) {
    return for_user(p, q, [&](store::Tx&, const identity::SessionUser&) -> Result<http::Response> {
      http::Response response;
      response.event_topic = std::string(kQueueTopic);
      return response;
    });
  });
  router.add("GET", "/v1/refusals", [p](const http::Request& q) {
    return for_user(
        p, q, [&](store::Tx& tx, const identity::SessionUser&) -> Result<http::Response> {
          ENTENTE_TRY(limit, limit_of(q));
          std::int64_t before = INT64_MAX;
          if (const auto c = q.query_if("cursor")) {
            if (c->empty() || c->size() > 18 ||
                c->find_first_not_of("0123456789") != std::string::npos)
              return fail(Code::kInvalid, "not a cursor of this list", "cursor");
            before = std::stoll(*c);
          }
          ENTENTE_TRY(rows, list_refusals(tx, before, limit));
          json::Array items;
          for (const auto& r : rows)
            items.push_back({{"id", r.id},
                             {"at", format_rfc3339(r.at)},
                             {"act", r.act},
                             {"step", r.step},
                             {"move", r.move},
                             {"party", r.party},
                             {"source", r.source},
                             {"code", code_name(r.why.code)},
                             {"rule", r.why.rule},
                             {"field", r.why.field},
                             {"detail", r.why.detail}});
          return http::json_response(
              {{"items", std::move(items)},
               {"next", rows.size() == limit ? json::Value(std::to_string(rows.back().id))
                                             : json::Value()}});
        });
  });
}

// Art. 16(2): explanation, location, (name and e-mail,) bona fide. The notifier's identity is kept
// out of the act: the step is public to the parties, the person is not.
Result<http::Response> post_notice(const Shared& p, const http::Request& q) {
  ENTENTE_TRY(body, json::parse_object(q.body, 64 << 10));
  json::Reader r(body);
  const std::string url = r.text("url", {.max = 2048});
  const std::string reasons = r.text("reasons", {.max = 20'000});
  const std::string category = r.text("category", {.min = 3, .max = 80});
  const bool bona_fide = r.flag("bona_fide");
  const std::string territory = r.text_if("territory", {.max = 40}).value_or("all_member_states");
  const auto name = r.text_if("name", {.min = 0, .max = 200}).value_or("");
  const auto email = r.text_if("email", {.min = 0, .max = 200}).value_or("");
  r.skip("language");
  if (!bona_fide) r.fault("bona_fide", "must be confirmed");
  ENTENTE_CHECK_OK(r.done());
  const auto* regime = p->service.parts().regimes.find("eu-dsa-notice");
  if (regime == nullptr) return fail(Code::kNotFound, "this node takes no notices");
  Wish wish;
  wish.regime = regime->name();
  wish.role = "notifier";
  wish.body = {{"form",
                {{"legal_basis", regime->legal_basis.front()},
                 {"territory", territory},
                 {"reasons", reasons},
                 {"category", category},
                 {"anonymous", name.empty() && email.empty()},
                 {"bona_fide", true}}},
               {"targets", json::Array{json::Object{{"kind", "url"}, {"value", url}}}},
               {"participants", {{"addressee", p->service.parts().party}}}};
  // One Idempotency-Key, one notice: the token of the private link is derived from it by the node
  // alone.
  const auto idempotency = q.header("idempotency-key");
  std::string token = to_base64url(p->random.bytes(24));
  if (!idempotency.empty()) {
    const std::string seed = fmt::format("notice-link:{}:{}",
                                         to_hex(p->service.parts().node_key.sign(as_bytes(
                                             std::string("notice:") + std::string(idempotency)))),
                                         q.body);
    token = to_base64url(ByteView(crypto::sha256(as_bytes(seed))).subspan(0, 24));
  }
  std::string act;
  std::optional<Error> refused;
  ENTENTE_CHECK_OK(p->store.write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(known, find_case(tx, token));
    if (known) {
      act = known->act;
      return {};
    }
    ENTENTE_TRY(out, p->service.make(tx, wish));
    if (out.status == "refused") {
      refused = out.why;
      return {};
    }
    act = out.act;
    ENTENTE_TRY(kept, case_token(tx, act, "notifier", token, p->clock.now()));
    static_cast<void>(kept);
    return {};
  }));
  if (refused) return fail(*refused);
  return http::json_response({{"act", act},
                              {"case_token", token},
                              {"case_url", p->service.parts().url + "/case/" + token}},
                             201);
}

// What the holder of this link already has before the court or the reviewer.
bool has_open_challenge(const Loaded& loaded, const acts::Move& move, const std::string& role) {
  return std::any_of(loaded.state.reviews.begin(), loaded.state.reviews.end(),
                     [&](const acts::Review& r) {
                       return r.route == move.route && r.role == role &&
                              acts::state_name(acts::Region::kReview, r.state) == "open";
                     });
}

Result<Outcome> lodge(store::Tx& tx, const Shared& p, const CaseLink& link,
                      const std::string& wanted, const std::string& grounds) {
  ENTENTE_TRY(loaded, p->service.load(tx, link.act));
  const acts::Move* move = nullptr;
  for (const auto& m : loaded.regime->moves)
    if (move == nullptr && !m.route.empty() && (wanted.empty() || m.name == wanted) &&
        std::find(m.by.begin(), m.by.end(), link.role) != m.by.end())
      move = &m;
  if (move == nullptr) return fail(Code::kConflict, "this case has no remedy of that kind");
  // A second click, or a repeat without a key, is the same challenge.
  if (has_open_challenge(loaded, *move, link.role))
    return fail(Code::kConflict, "your challenge is already before them", "/move");
  return p->service.make(
      tx, {{}, link.act, move->name, link.role, std::nullopt, {}, {{"grounds", grounds}}});
}

Result<http::Response> contest(const Shared& p, const http::Request& q) {
  ENTENTE_TRY(body, json::parse_object(q.body));
  json::Reader r(body);
  const std::string grounds = r.text("grounds", {.min = 1, .max = 20'000});
  const std::string wanted = r.text_if("move", {.max = 40}).value_or("");
  ENTENTE_CHECK_OK(r.done());
  const auto idempotency = q.header("idempotency-key");
  const std::string key = to_hex(
      crypto::sha256(as_bytes(fmt::format("contest\n{}\n{}", q.param("token"), idempotency))));
  const std::string asked = to_hex(crypto::sha256(as_bytes(q.body)));
  std::optional<Outcome> out;
  ENTENTE_CHECK_OK(p->store.write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(link, find_case(tx, q.param("token")));
    if (!link) return fail(Code::kNotFound, "no such case");
    if (!idempotency.empty()) {
      ENTENTE_TRY(before, find_lodged(tx, key));
      if (before) {
        if (before->body != asked)
          return fail(Error{Code::kRefused, "this Idempotency-Key was used for another request",
                            "Idempotency-Key", "idempotency", "use a new key"});
        ENTENTE_TRY(known, p->service.find(tx, before->step));
        out = std::move(known);
        return {};
      }
    }
    ENTENTE_TRY(made, lodge(tx, p, *link, wanted, grounds));
    if (!idempotency.empty() && made.status != "refused")
      ENTENTE_CHECK_OK(put_lodged(tx, key, {asked, made.step}, p->clock.now()));
    out = std::move(made);
    return {};
  }));
  if (out->status == "refused") return fail(*out->why);
  return http::json_response(outcome_json(*out), out->duplicate ? 200 : 201);
}

void add_public_routes(http::Router& router, const Shared& p) {
  if (p->takes_notices) {
    router.add("POST", "/v1/notices", [p](const http::Request& q) { return post_notice(p, q); },
               {.max_body = 64 << 10});
  }
  router.add("GET", "/v1/cases/{token}", [p](const http::Request& q) -> Result<http::Response> {
    return store::read_returning<http::Response>(
        p->store, [&](store::Tx& tx) -> Result<http::Response> {
          ENTENTE_TRY(link, find_case(tx, q.param("token")));
          if (!link) return fail(Code::kNotFound, "no such case");
          ENTENTE_TRY(view, case_view(tx, p->service, *link));
          auto response = http::json_response(view);
          response.with("Cache-Control", "no-store");
          return response;
        });
  });
  router.add("POST", "/v1/cases/{token}/contest",
             [p](const http::Request& q) { return contest(p, q); });
  router.add("GET", "/v1/record/{act}", [p](const http::Request& q) -> Result<http::Response> {
    return store::read_returning<http::Response>(
        p->store, [&](store::Tx& tx) -> Result<http::Response> {
          ENTENTE_TRY(record, public_record(tx, p->service, q.param("act")));
          return http::json_response(record);
        });
  });
  router.add("GET", "/v1/regimes", [p](const http::Request&) -> Result<http::Response> {
    json::Array items;
    for (const auto* r : p->service.parts().regimes.all()) items.push_back(regime_head_json(*r));
    return http::json_response({{"items", std::move(items)}});
  });
  router.add("GET", "/v1/regimes/{name}", [p](const http::Request& q) -> Result<http::Response> {
    const auto* regime = p->service.parts().regimes.find(q.param("name"));
    if (regime == nullptr) return fail(Code::kNotFound, "this node does not speak that regime");
    return http::json_response(regime_json(*regime));
  });
}

}  // namespace

void add_routes(http::Router& router, RouteParts parts) {
  const auto p = std::make_shared<const RouteParts>(std::move(parts));
  add_act_routes(router, p);
  add_queue_routes(router, p);
  add_public_routes(router, p);
}

}  // namespace entente::dossier
