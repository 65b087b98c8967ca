// SPDX-License-Identifier: Apache-2.0
//
// The safeguards of the gravest acts: blocks (SG06 to SG09), requests for data about a person (SG24
// to SG28) and crises (SG31). Numbers of law come from the regime; what a form declares is judged
// here and, where this module holds the facts itself (lists, events, clocks), held against them.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "safeguard_words.h"

namespace entente::acts {
namespace {

const json::Value* form_at(const In& in, std::string_view pointer) {
  return json::at_pointer(in.state.form, pointer);
}

bool form_true(const In& in, std::string_view pointer) {
  const auto* v = form_at(in, pointer);
  return v != nullptr && v->is_bool() && v->get_bool();
}

bool body_true(const In& in, std::string_view key) {
  const auto* v = in.step.body.if_contains(key);
  return v != nullptr && v->is_bool() && v->get_bool();
}

// Has this been done since the draft in force? By place in the fold, as for SG02.
bool done_since_draft(const In& in, std::string_view move) {
  bool done = false;
  for (const auto& e : in.state.events) {
    if (e.step == in.state.draft) done = false;
    if (e.move == move) done = true;
  }
  return done;
}

bool is_name(const Target& t) {
  return t.kind == "host" || t.kind == "domain";
}

// ── blocking ─────────────────────────────────────────────────────────────────────────────────────

std::int64_t tenants(const In& in) {
  const auto* v = form_at(in, "/collateral/tenants");
  return v != nullptr && v->is_int64() ? v->get_int64() : -1;
}

bool is_shared(const In& in) {
  return form_true(in, "/collateral/shared") || tenants(in) > in.regime.shared.tenants ||
         std::any_of(in.state.targets.begin(), in.state.targets.end(), [&](const Target& t) {
           return is_name(t) && in.regime.shared.listed.contains(t.canonical);
         });
}

// SG06: a public suffix is never blocked, and whoever else lives behind a name was looked for.
Result<void> collateral_assessed(const In& in) {
  for (std::size_t i = 0; i < in.state.targets.size(); ++i) {
    const auto& t = in.state.targets[i];
    if (is_name(t) && in.regime.shared.never.contains(t.canonical))
      return refuse("SG06", "anyone may have a site under this name: it is never blocked",
                    fmt::format("/body/targets/{}", i), "name the one site under it");
  }
  if (form_true(in, "/collateral/public_suffix"))
    return refuse("SG06", "a public suffix is never blocked", "/body/form/collateral/public_suffix",
                  "name the one site under it");
  if (tenants(in) < 0)
    return refuse("SG06", "how many others live behind this name was not looked for",
                  "/body/form/collateral/tenants");
  if (is_shared(in) && characters(form_text(in, "/collateral/impact")) < kFewWords)
    return refuse("SG06", "others live behind this name and the impact on them is not stated",
                  "/body/form/collateral/impact",
                  "say who is hit besides, and why nothing narrower will do");
  return {};
}

// SG06, the other half: a shared name needs the overseer's own approval of this draft.
Result<void> shared_approved(const In& in) {
  if (!is_shared(in) || done_since_draft(in, "approve_shared")) return {};
  return refuse("SG06", "others live behind this name: the overseer approves first",
                "/body/form/collateral/shared", "approve_shared comes before the signature");
}

// SG07: removal at the source was asked for and its time has run out, or nobody can be asked.
Result<void> source_first(const In& in) {
  const std::string outcome = form_text(in, "/source_removal/outcome");
  if (outcome == "anonymous_publisher") {
    if (characters(form_text(in, "/source_removal/reason")) >= kFewWords) return {};
    return refuse("SG07", "how it was found that the publisher cannot be identified is not stated",
                  "/body/form/source_removal/reason");
  }
  const auto asked = parse_rfc3339(form_text(in, "/source_removal/requested_at"));
  if (outcome != "not_removed" || !asked || form_text(in, "/source_removal/act").empty())
    return refuse("SG07", "why removal at the source failed or was impossible is not stated",
                  "/body/form/source_removal",
                  "ask the publisher or host first, or state that the publisher is anonymous");
  const Instant free = in.regime.subsidiarity.after(*asked);
  if (in.step.at < free)
    return refuse("SG07", "publisher and host have until " + format_rfc3339(free),
                  "/body/form/source_removal/requested_at", "wait for the end of their time");
  return {};
}

Result<void> checked_again(const In& in, std::string_view rule, const Event* since) {
  if (!body_true(in, "still_active") || !body_true(in, "still_illegal"))
    return refuse(rule, "a restriction stays only while it is active and its object illegal",
                  "/body/still_active", "end it");
  const auto checked = parse_rfc3339(json::text_or(in.step.body, "checked_at"));
  if (!checked || *checked > in.step.at)
    return refuse(rule, "when it was looked at again is not stated", "/body/checked_at");
  if (since != nullptr && *checked < since->at)
    return refuse(rule, "it was looked at before what this answers", "/body/checked_at",
                  "look again");
  return {};
}

// SG08: a block is kept only after somebody looked again, since the last time.
Result<void> kept_after_a_look(const In& in) {
  const Event* last = in.state.last(in.move.name);
  return checked_again(in, "SG08", last != nullptr ? last : in.state.last("execute"));
}

// SG08 for what has a term of its own: it lies ahead, within the regime's longest.
Result<void> term_ahead(const In& in) {
  const auto until = parse_rfc3339(form_text(in, "/term/until"));
  if (!until || *until <= in.step.at)
    return refuse("SG08", "a restriction has an end, and it lies ahead", "/body/form/term/until");
  // An extension to a mirror lasts no longer than what is mirrored.
  const auto mirrored = parse_rfc3339(form_text(in, "/mirror_of/term_until"));
  if (mirrored && *until > *mirrored)
    return refuse("SG08",
                  "the judgment that is extended ends on " + format_rfc3339(*mirrored) +
                      "; its extension cannot outlast it",
                  "/body/form/term/until");
  for (const auto& c : in.regime.clocks)
    if (c.due_from == "/term/until" && *until > c.period.after(in.step.at))
      return refuse("SG08",
                    fmt::format("the term would last until {}; at most {}", format_rfc3339(*until),
                                format_rfc3339(c.period.after(in.step.at))),
                    "/body/form/term/until");
  return {};
}

// SG09: who was told that the content is gone may keep the block only after looking since.
Result<void> gone_answered(const In& in) {
  for (const auto& e : in.state.events)
    if (e.step == in.step.review) return checked_again(in, "SG09", &e);
  return refuse("SG09", "no report is named", "/review");
}

// ── data about a person ──────────────────────────────────────────────────────────────────────────

std::vector<std::string> categories(const In& in) {
  std::vector<std::string> out;
  const auto* list = form_at(in, "/data/categories");
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& v : list->get_array())
    out.push_back(v.is_string() ? std::string(v.get_string()) : std::string());
  return out;
}

// SG24: one identifier, only what the regime reaches, a past stretch of time, and why each is
// needed.
Result<void> targeted(const In& in) {
  if (in.state.targets.size() != 1)
    return refuse("SG24", "a request concerns one person's one identifier", "/body/targets",
                  "make one request for each");
  const auto wanted = categories(in);
  if (wanted.empty())
    return refuse("SG24", "no category of data is named", "/body/form/data/categories");
  for (const auto& c : wanted)
    if (!one_of(in.regime.data.categories, c))
      return refuse("SG24", fmt::format("this regime does not reach {} data", c),
                    "/body/form/data/categories",
                    fmt::format("one of: {}", fmt::join(in.regime.data.categories, ", ")));
  const auto from = parse_rfc3339(form_text(in, "/data/from"));
  const auto to = parse_rfc3339(form_text(in, "/data/to"));
  if (!from || !to || *to <= *from)
    return refuse("SG24", "the stretch of time asked about is missing", "/body/form/data/from");
  if (*to > in.step.at)
    return refuse("SG24", "what has not happened yet cannot be asked for", "/body/form/data/to");
  if (*to > in.regime.data.range_max.after(*from))
    return refuse("SG24", "the stretch of time is longer than this regime allows",
                  "/body/form/data/from", "ask for the days that matter");
  if (characters(form_text(in, "/data/necessity")) < kFewWords)
    return refuse("SG24", "why these data of these days are needed is not stated",
                  "/body/form/data/necessity");
  return {};
}

// SG24 where the law names the cases in which traffic and location may be asked for at all: the
// request says which one it is (France: code of criminal procedure, Art. 60-1-2).
Result<void> gate_named(const In& in) {
  const auto wanted = categories(in);
  const bool gated = one_of(wanted, "traffic") || one_of(wanted, "location");
  if (!gated || !form_text(in, "/gate").empty()) return {};
  return refuse("SG24", "traffic and location data may be asked for in named cases only",
                "/body/form/gate", "say which of them this is");
}

// SG24 where the gravity of the offence decides: three years or more, or one of the listed kinds
// (Reg. 2023/1543, Art. 5(4)). The number stands in the regime.
Result<void> grave_enough(const In& in) {
  const auto* years = form_at(in, "/f/maximum_penalty_years");
  const bool grave =
      years != nullptr && years->is_int64() && years->get_int64() >= in.regime.data.threshold_years;
  if (grave || !form_text(in, "/f/listed").empty()) return {};
  return refuse("SG24",
                fmt::format("the offence carries less than {} years and is not a listed one",
                            in.regime.data.threshold_years),
                "/body/form/f/maximum_penalty_years", "ask for subscriber data only");
}

// SG26 where no judge has seen the request yet: a protected profession closes the emergency path.
Result<void> privilege_needs_a_judge_first(const In& in) {
  if (form_text(in, "/privilege/flag") == "none") return {};
  return refuse("SG26", "a protected profession is concerned: not without a judge beforehand",
                "/body/form/privilege/flag", "ask for an ordinary order");
}

bool judge_signs(const In& in) {
  return std::any_of(in.step.by.begin(), in.step.by.end(),
                     [&](const Hand& h) { return one_of(in.regime.data.judges, h.role); });
}

// SG25: traffic, location and content pass through an independent judge, always.
Result<void> judged(const In& in) {
  if (judge_signs(in)) return {};
  for (const auto& c : categories(in))
    if (one_of(in.regime.data.judged, c))
      return refuse("SG25", fmt::format("{} data need an independent judge", c), "/by",
                    fmt::format("one of: {}", fmt::join(in.regime.data.judges, ", ")));
  return {};
}

// SG26: the source of a journalist, the client of a lawyer, the patient of a doctor, a member of
// parliament: only a judge may let it pass.
Result<void> privilege_judged(const In& in) {
  const std::string flag = form_text(in, "/privilege/flag");
  if (flag == "none" || judge_signs(in)) return {};
  return refuse("SG26",
                flag.empty() ? "whether a privilege stands in the way was not assessed"
                             : fmt::format("a {} is concerned: a judge decides", flag),
                "/body/form/privilege/flag");
}

// SG26, the other half: while the question is open nothing is handed over.
Result<void> privilege_settled(const In& in) {
  for (const auto& r : in.state.reviews)
    if (r.route == "privilege" && r.state == 1)
      return refuse("SG26", "the question of privilege is open", "/review",
                    "wait for the judge's answer");
  return {};
}

// SG27: an emergency has a ground, its words, and the number at which the agency is called back.
Result<void> emergency_grounds(const In& in) {
  if (characters(form_text(in, "/emergency/danger")) < kFewWords)
    return refuse("SG27", "the imminent danger is not described", "/body/form/emergency/danger");
  if (form_text(in, "/emergency/ground").empty())
    return refuse("SG27", "the ground of the emergency is missing", "/body/form/emergency/ground");
  return {};
}

// SG27 (F2): the addressee has called the agency at the number of its own register.
Result<void> called_back(const In& in) {
  if (in.state.last("call_back") != nullptr) return {};
  return refuse("SG27", "the agency was not called back at the registered number", "/move",
                "call_back comes first; the number in the message does not count");
}
Result<void> at_the_registered_number(const In& in) {
  if (!body_true(in, "registered_number") || !body_true(in, "confirmed"))
    return refuse("SG27", "only a confirmation at the registered number counts",
                  "/body/registered_number", "refuse the request and report it");
  return {};
}

// SG28: the person concerned is told, or the delay is decided with its ground and its end.
Result<void> person_is_told(const In& in) {
  const auto disclosure = state_name(
      Region::kDisclosure, in.state.region[static_cast<std::size_t>(Region::kDisclosure)]);
  const bool sealed = disclosure == "sealed" || disclosure == "extended";
  const bool delayed = form_true(in, "/user_info/delayed");
  if (delayed && form_text(in, "/user_info/ground").empty())
    return refuse("SG28", "a delay of the person's information needs its ground",
                  "/body/form/user_info/ground");
  if (delayed && !sealed)
    return refuse("SG28", "the delay of the person's information has no decision with an end",
                  "/body/form/user_info/delayed", "seal the act with a reason and an end first");
  if (!delayed && sealed)
    return refuse("SG28", "the act is sealed but does not say that the person is told later",
                  "/body/form/user_info/delayed");
  return {};
}

// ── crises ───────────────────────────────────────────────────────────────────────────────────────

// SG31: a crisis has trigger, owner and purpose; renewing it says that they still hold.
Result<void> crisis_bounded(const In& in) {
  if (in.move.drafts) {
    for (const auto* part : {"trigger", "owner", "purpose"})
      if (form_text(in, fmt::format("/crisis/{}", part)).empty())
        return refuse("SG31", fmt::format("a crisis needs its {}", part),
                      fmt::format("/body/form/crisis/{}", part));
    return {};
  }
  if (!body_true(in, "criteria_still_met"))
    return refuse("SG31", "a crisis lasts only while its criteria are met",
                  "/body/criteria_still_met", "let it end");
  return {};
}

constexpr std::array<NamedSafeguard, 18> kGrave = {{
    {"SG06", collateral_assessed},
    {"SG06-approval", shared_approved},
    {"SG07", source_first},
    {"SG08", kept_after_a_look},
    {"SG08-term", term_ahead},
    {"SG09", gone_answered},
    {"SG24", targeted},
    {"SG24-gate", gate_named},
    {"SG24-threshold", grave_enough},
    {"SG25", judged},
    {"SG26", privilege_judged},
    {"SG26-open", privilege_settled},
    {"SG26-emergency", privilege_needs_a_judge_first},
    {"SG27", emergency_grounds},
    {"SG27-call", at_the_registered_number},
    {"SG27-called", called_back},
    {"SG28", person_is_told},
    {"SG31", crisis_bounded},
}};

}  // namespace

std::span<const NamedSafeguard> grave_safeguards() {
  return kGrave;
}

}  // namespace entente::acts
