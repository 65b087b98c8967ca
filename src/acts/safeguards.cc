// SPDX-License-Identifier: Apache-2.0
#include "entente/acts/safeguards.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "entente/acts/apply.h"
#include "safeguard_words.h"

namespace entente::acts {
namespace {

// SG01: legal basis in the catalogue, reasons of a certain length, redress with a deadline. (The
// form's own schema demands their presence; this rule judges their content.)
Result<void> legal_basis_and_reasons(const In& in) {
  const std::string basis = form_text(in, "/legal_basis");
  const auto& accepted = in.regime.legal_basis;
  if (std::find(accepted.begin(), accepted.end(), basis) == accepted.end())
    return refuse("SG01", "the legal basis is not one of this regime", "/body/form/legal_basis",
                  fmt::format("one of: {}", fmt::join(accepted, ", ")));
  const auto length = characters(form_text(in, "/reasons"));
  if (length < in.regime.min_reasons)
    return refuse(
        "SG01", fmt::format("reasons of {} characters; at least {}", length, in.regime.min_reasons),
        "/body/form/reasons", "say which passage breaks which provision, and why");
  return {};
}

// SG02: the validation a regime demands, over the same draft that is signed.
Result<void> same_draft(const In& in) {
  if (json::text_or(in.step.body, "draft") != in.state.draft)
    return refuse("SG02", "the signature is not over the draft in force", "/body/draft",
                  "read the act again and sign draft " + in.state.draft);
  if (in.regime.validation.empty() || in.move.name == in.regime.validation) return {};
  // By place in the fold, not by time: a redraft dated a few minutes back would slip under an older
  // validation.
  bool validated = false;
  for (const auto& e : in.state.events) {
    if (e.step == in.state.draft) validated = false;
    if (e.move == in.regime.validation) validated = true;
  }
  if (!validated)
    return refuse("SG02", "the validating authority has not signed this draft", "/body/draft");
  return {};
}

// SG04: the exemption assessment is complete and finds no exemption.
Result<void> exemption_gate(const In& in) {
  const auto* block = json::at_pointer(in.state.form, "/exemption_assessment");
  static constexpr std::array<std::string_view, 6> kGrounds = {
      "educational", "journalistic", "artistic", "research", "counter_terrorism", "public_debate"};
  if (block == nullptr || !block->is_object())
    return refuse("SG04", "the exemption assessment is missing", "/body/form/exemption_assessment",
                  "assess each of the six purposes of Art. 1(3)");
  for (const auto ground : kGrounds) {
    const auto field = fmt::format("/body/form/exemption_assessment/{}", ground);
    const auto* g = block->get_object().if_contains(ground);
    if (g == nullptr || !g->is_object())
      return refuse("SG04", fmt::format("the assessment of \"{}\" is missing", ground), field);
    const auto answer = json::text_or(g->get_object(), "answer");
    if (answer == "yes")
      return refuse("SG04",
                    fmt::format("material with a {} purpose is not terrorist content", ground),
                    field, "do not order its removal");
    if (answer != "no" || json::text_or(g->get_object(), "reason").empty())
      return refuse("SG04", fmt::format("\"{}\" needs an answer and its reason", ground), field);
  }
  return {};
}

// SG05: exact targets of the kinds the regime knows. (canonical_target refused patterns when the
// draft was read.)
Result<void> exact_targets(const In& in) {
  if (in.state.targets.empty())
    return refuse("SG05", "an act names at least one exact item", "/body/targets");
  if (in.state.targets.size() > in.regime.max_targets)
    return refuse("SG05",
                  fmt::format("{} targets; this regime allows {}", in.state.targets.size(),
                              in.regime.max_targets),
                  "/body/targets");
  std::set<std::string> seen;
  for (std::size_t i = 0; i < in.state.targets.size(); ++i) {
    const auto& t = in.state.targets[i];
    const auto field = fmt::format("/body/targets/{}", i);
    if (std::find(in.regime.target_kinds.begin(), in.regime.target_kinds.end(), t.kind) ==
        in.regime.target_kinds.end())
      return refuse("SG05", fmt::format("this regime does not act on a {}", t.kind), field);
    if (!seen.insert(t.kind + " " + t.canonical).second)
      return refuse("SG05", "the same item twice", field);
  }
  return {};
}

// SG12: in the ledger before it is sent, and the sender says where.
Result<void> logged_before_sent(const In& in) {
  const auto* leaf = in.step.body.if_contains("leaf");
  if (leaf == nullptr || !leaf->is_object() || json::text_or(leaf->get_object(), "origin").empty())
    return refuse("SG12", "the step does not say where the ledger holds the order", "/body/leaf",
                  "log first, then send");
  return {};
}

// SG13: a seal has a reason, an end, and at most one extension.
Result<void> seal_with_an_end(const In& in) {
  const auto until = parse_rfc3339(json::text_or(in.step.body, "unseal_at"));
  if (!until) return refuse("SG13", "a seal needs its end", "/body/unseal_at");
  if (characters(json::text_or(in.step.body, "reason")) < 20)
    return refuse("SG13", "a seal needs its reason", "/body/reason",
                  "public security: what would be harmed, and how");
  const bool extension = state_name(Region::kDisclosure, in.move.to) == "extended";
  if (extension && in.state.unseal_at && in.step.at >= *in.state.unseal_at)
    return refuse("SG13", "the seal has ended; what has ended cannot be extended", "/at",
                  "open the act to the person concerned");
  const Instant start = extension ? in.state.unseal_at.value_or(in.step.at) : in.step.at;
  const Instant latest = (extension ? in.regime.seal_extension : in.regime.seal_max).after(start);
  if (*until > latest)
    return refuse("SG13",
                  fmt::format("the seal would last until {}; at most {}", format_rfc3339(*until),
                              format_rfc3339(latest)),
                  "/body/unseal_at");
  if (*until <= in.step.at)
    return refuse("SG13", "the seal would end before it begins", "/body/unseal_at");
  return {};
}

// SG13, the other half: an order that says "do not inform" has been sealed by a decision with an
// end, and only such.
Result<void> seal_matches_form(const In& in) {
  const json::Value form(in.state.form);
  const auto* box = json::at_pointer(form, "/c/no_disclosure");
  const bool asked = box != nullptr && box->is_bool() && box->get_bool();
  const auto disclosure = state_name(
      Region::kDisclosure, in.state.region[static_cast<std::size_t>(Region::kDisclosure)]);
  const bool sealed = disclosure == "sealed" || disclosure == "extended";
  if (asked && !sealed)
    return refuse("SG13", "the order asks for silence without a non-disclosure decision",
                  "/body/form/c/no_disclosure", "seal the act with a reason and an end first");
  if (!asked && sealed)
    return refuse("SG13", "the act is sealed but its form does not say so",
                  "/body/form/c/no_disclosure");
  return {};
}

// SG19: the content is preserved before it is disabled, or the act says why that cannot be.
Result<void> preserved_first(const In& in) {
  const auto kept = json::text_or(in.step.body, "preserved_sha256");
  const auto why = json::text_or(in.step.body, "not_reversible_reason");
  if (kept.size() != 64 && characters(why) < 20)
    return refuse("SG19", "no preserved copy and no reason why there is none",
                  "/body/preserved_sha256", "preserve, then disable");
  return {};
}

// SG29: the territory is explicit and one the regime allows.
Result<void> explicit_territory(const In& in) {
  const std::string scope = form_text(in, "/territory");
  const auto& allowed = in.regime.territories;
  if (std::find(allowed.begin(), allowed.end(), scope) == allowed.end())
    return refuse("SG29",
                  scope.empty() ? "the territorial scope is missing"
                                : "this regime does not reach that territory",
                  "/body/form/territory", fmt::format("one of: {}", fmt::join(allowed, ", ")));
  return {};
}

// SG35: other authorities were asked before this order was drafted.
Result<void> deconflicted(const In& in) {
  const auto asked = parse_rfc3339(form_text(in, "/deconfliction/asked_at"));
  if (!asked) return refuse("SG35", "no deconfliction query", "/body/form/deconfliction/asked_at");
  if (*asked > in.step.at)
    return refuse("SG35", "the deconfliction query is dated after the draft",
                  "/body/form/deconfliction/asked_at");
  const std::string outcome = form_text(in, "/deconfliction/outcome");
  if (outcome != "no_conflict" && outcome != "coordinated")
    return refuse("SG35", "another authority's act or investigation stands against this one",
                  "/body/form/deconfliction/outcome", "coordinate with it first");
  return {};
}

// TCO Art. 3(2): a provider never ordered before gets the procedure at least 12 hours ahead, save
// in an emergency.
Result<void> prior_information(const In& in) {
  const std::string emergency = form_text(in, "/prior_information/emergency_reason");
  if (characters(emergency) >= 20) return {};
  const auto sent = parse_rfc3339(form_text(in, "/prior_information/sent_at"));
  if (sent && in.regime.prior_information.after(*sent) <= in.step.at) return {};
  return refuse("TCO-3-2",
                sent ? "the provider was informed too recently"
                     : "the provider was not informed of the procedure beforehand",
                "/body/form/prior_information",
                "send the information and wait, or give the reasons of the emergency");
}

// Reg. 2021/784 Art. 4(5): the issuer hears of the intended finding, and why, before it is made.
Result<void> issuer_was_heard(const In& in) {
  for (const auto& e : in.state.events)
    if (e.move == "intent" && e.review == in.step.review) return {};
  return refuse("TCO-4-5", "the issuing authority was not informed of the intended finding",
                "/review", "send the intent first");
}

// A judgment is recorded with its hash, so that anyone who has the text can check which one it is.
Result<void> judgment_on_file(const In& in) {
  if (!hash_from_hex(json::text_or(in.step.body, "judgment_sha256")))
    return refuse("judgment", "the judgment's SHA-256 is missing", "/body/judgment_sha256");
  return {};
}

// One receipt per node: a second one would move the window that runs from the first (I5, I8).
Result<void> received_once(const In& in) {
  for (const auto& e : in.state.events)
    if (e.move == in.move.name && e.party == in.step.author().party &&
        e.role == in.step.author().role)
      return refuse("I8", "this node has already confirmed its receipt", "/move",
                    "the first receipt counts");
  return {};
}

// Reg. 2021/784 Art. 6(2): a longer hold has an end, later than the present one and no further than
// one more period [D].
Result<void> hold_with_an_end(const In& in) {
  const auto until = parse_rfc3339(json::text_or(in.step.body, "until"));
  if (!until) return refuse("TCO-6-2", "a longer hold needs its end", "/body/until");
  const Instant current = in.state.retention_until.value_or(in.step.at);
  if (*until <= current)
    return refuse("TCO-6-2", "the hold already lasts until " + format_rfc3339(current),
                  "/body/until");
  for (const auto& c : in.regime.clocks) {
    if (c.due_from != "retention_until") continue;
    const Instant latest = c.period.after(std::max(current, in.step.at));
    if (*until > latest)
      return refuse("TCO-6-2",
                    fmt::format("the hold would last until {}; at most {}", format_rfc3339(*until),
                                format_rfc3339(latest)),
                    "/body/until");
  }
  return {};
}

// Reg. 2021/784 Art. 3(9): final when the time to challenge has lapsed, for everyone, by their own
// receipt.
Result<void> nobody_may_still_challenge(const In& in) {
  for (const auto& c : clocks(in.state, in.regime))
    if (c.kind == ClockKind::kWindow && in.step.at <= c.due_1182)
      return refuse(
          "finality",
          fmt::format("the {} may still challenge until {}", c.role, format_rfc3339(c.due_1182)),
          "/at", "wait for the end of the window");
  if (!restricted(in.state, in.regime)) return {};
  for (const auto& rule : in.regime.clocks) {
    if (rule.kind != ClockKind::kWindow || rule.anchors.empty()) continue;
    const auto anchor = rule.anchors.find(rule.owner);
    if (anchor != rule.anchors.end() && in.state.last(anchor->second) == nullptr)
      return refuse(
          "finality",
          fmt::format("the {} has not been told yet, so their time has not begun", rule.owner),
          "/at", anchor->second + " comes first");
  }
  return {};
}

constexpr std::array<NamedSafeguard, 18> kSafeguards = {{
    {"SG01", legal_basis_and_reasons},
    {"SG02", same_draft},
    {"SG04", exemption_gate},
    {"SG05", exact_targets},
    {"SG12", logged_before_sent},
    {"SG13", seal_with_an_end},
    {"SG13-form", seal_matches_form},
    {"SG19", preserved_first},
    {"SG29", explicit_territory},
    {"SG35", deconflicted},
    {"TCO-3-2", prior_information},
    {"TCO-4-5", issuer_was_heard},
    {"judgment", judgment_on_file},
    {"I8", received_once},
    {"TCO-6-2", hold_with_an_end},
    {"finality", nobody_may_still_challenge},
    {"SG21",
     +[](const In&) -> Result<void> {
       return {};
     }},  // likewise: a person's role is never taken by a machine
    {"SG03",
     +[](const In&) -> Result<void> {
       return {};
     }},  // applied to every step by apply(); named for the record
}};

// Letters, digits, '-' and '.'; a name that starts with a star or holds a pattern is not a host.
bool is_host(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  for (std::size_t start = 0; start <= host.size();) {
    const auto label = host.substr(start, host.find('.', start) - start);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    start += label.size() + 1;
  }
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

Result<std::string> canonical_url(std::string_view url) {
  const auto wrong = [](std::string why) {
    return refuse("SG05", std::move(why), "/body/targets", "give the exact address of one item");
  };
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f ||
        std::string_view("\\\"<>{}|^`").find(c) != std::string_view::npos)
      return wrong("the address holds characters an address cannot hold");
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return wrong("the address has no scheme");
  std::string scheme(url.substr(0, scheme_end));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  });
  if (scheme != "http" && scheme != "https")
    return wrong("only http and https addresses can be acted on");
  std::string_view rest = url.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto path_start = rest.find_first_of("/?");
  std::string authority(rest.substr(0, path_start));
  std::string path =
      path_start == std::string_view::npos ? "/" : std::string(rest.substr(path_start));
  if (path.front() == '?') path.insert(0, "/");
  if (path.ends_with('?')) path.pop_back();  // an empty query asks for the same item
  std::transform(authority.begin(), authority.end(), authority.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  });
  if (authority.find('@') != std::string::npos)
    return wrong("an address with credentials in it is a disguise");
  std::string port;
  if (const auto colon = authority.rfind(':'); colon != std::string::npos) {
    port = authority.substr(colon + 1);
    authority.resize(colon);
    if (port.empty() || port.size() > 5 ||
        port.find_first_not_of("0123456789") != std::string::npos || port.front() == '0')
      return wrong("the port is not a number");
  }
  if (authority.ends_with('.')) authority.pop_back();  // the root label: the same host
  if (!is_host(authority)) return wrong("the host is a pattern or not a host");
  if (path.find('*') != std::string::npos) return wrong("a pattern is not an item");
  if (path.find_first_not_of("/.") == std::string::npos)
    return wrong("a whole site is not an item");
  const bool is_ipv4 = authority.find_first_not_of("0123456789.") == std::string::npos;
  if (is_ipv4 && path.size() <= 3 && path.find_first_not_of("/0123456789") == std::string::npos)
    return wrong("an address range is not an item");
  if ((scheme == "https" && port == "443") || (scheme == "http" && port == "80")) port.clear();
  return scheme + "://" + authority + (port.empty() ? "" : ":" + port) + path;
}

}  // namespace

Safeguard find_safeguard(std::string_view number) {
  for (const auto& [name, function] : kSafeguards)
    if (name == number) return function;
  for (const auto& [name, function] : grave_safeguards())
    if (name == number) return function;
  return nullptr;
}

std::vector<std::string_view> known_safeguards() {
  std::vector<std::string_view> out;
  out.reserve(kSafeguards.size());
  for (const auto& [name, function] : kSafeguards) out.push_back(name);
  for (const auto& [name, function] : grave_safeguards()) out.push_back(name);
  return out;
}

Result<void> check_form(const Regime& regime, std::string_view schema, const json::Value& value,
                        std::string_view prefix) {
  const auto it = regime.schemas.find(std::string(schema));
  check(it != regime.schemas.end(), "a move names a form its regime did not load");
  const auto violations = it->second->validate(value);
  if (violations.empty()) return {};
  const auto& v = violations.front();
  std::string_view rule = "form";
  std::size_t best = 0;
  for (const auto& [pointer, safeguard] : regime.form_safeguards) {
    // Only the form of the act is divided among safeguards; other bodies have their own move's.
    const bool inside =
        prefix == "/body/form" && v.pointer.starts_with(pointer) &&
        (pointer.empty() || v.pointer.size() == pointer.size() || v.pointer[pointer.size()] == '/');
    if (inside && pointer.size() >= best) {
      best = pointer.size();
      rule = safeguard;
    }
  }
  return refuse(rule, v.detail, std::string(prefix) + v.pointer, "complete the form");
}

Result<std::string> canonical_target(std::string_view kind, std::string_view value) {
  if (kind == "url") return canonical_url(value);
  if (value.find_first_of("*?[]{}()^$|\\ ") != std::string_view::npos)
    return refuse("SG05", "a pattern is not an item", "/body/targets");
  if (kind == "account_id" || kind == "post_id" || kind == "hash") return std::string(value);
  if (kind == "host" || kind == "domain") {
    if (!is_host(value) || value.find('.') == std::string_view::npos)
      return refuse("SG05", "not an exact host name", "/body/targets");
    if (value.find_first_not_of("0123456789.-") == std::string_view::npos)
      return refuse("SG05", "an address range is not an item", "/body/targets");
    return std::string(value);
  }
  return refuse("SG05", fmt::format("no such kind of target: {}", kind), "/body/targets");
}

}  // namespace entente::acts
