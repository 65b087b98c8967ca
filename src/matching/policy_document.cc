// SPDX-License-Identifier: Apache-2.0
//
// A policy's document: first that it proposes nothing a match may not (SG21), then its form
// (policy.schema.json), then what it means.
#include <fmt/format.h>

#include <array>
#include <set>

#include "entente/json/schema.h"
#include "entente/matching/policy.h"
#include "matching_files.h"

namespace entente::matching {

namespace {

std::string_view embedded(std::string_view name) {
  for (const auto& file : matching_files::files()) {
    if (file.name == name) return file.text;
  }
  check(false, "a file of this program is missing");
  return {};
}

// Words that people write when they want a match to decide. The schema would refuse them anyway;
// these deserve the reason.
constexpr std::array<std::string_view, 16> kDecisions{
    "remove",   "delete",    "report",   "decide", "disable", "block",  "ban",      "suspend",
    "takedown", "take_down", "escalate", "notify", "reject",  "refuse", "sanction", "strike"};

Result<void> check_proposes(const json::Object& holder, const char* member,
                            const std::string& path) {
  const std::string_view word = json::text_or(holder, member);
  for (const std::string_view decision : kDecisions) {
    if (word.substr(0, decision.size()) != decision) continue;
    return fail(Error{Code::kRefused,
                      fmt::format("\"{}\" is a decision, and a match never decides", decision),
                      path + "/" + member, "SG21",
                      "propose none, review, limit_spread or hold; a person decides"});
  }
  return {};
}

Result<void> check_decides_nothing(const json::Object& document) {
  ENTENTE_CHECK_OK(check_proposes(document, "otherwise", ""));
  const json::Value* rules = json::find(document, "rules");
  if (rules == nullptr || !rules->is_array()) return {};
  for (std::size_t i = 0; i < rules->get_array().size(); ++i) {
    const json::Value& rule = rules->get_array()[i];
    if (rule.is_object())
      ENTENTE_CHECK_OK(check_proposes(rule.get_object(), "propose", "/rules/" + std::to_string(i)));
  }
  return {};
}

Result<void> check_form(const json::Object& document) {
  ENTENTE_TRY(form, json::parse(embedded("policy.schema.json")));
  ENTENTE_TRY(schema, json::Schema::compile(form));
  const auto wrong = schema.validate(json::Value(document), 1);
  if (wrong.empty()) return {};
  return fail(Code::kInvalid, wrong[0].detail, wrong[0].pointer);
}

Result<Millis> length_of(std::string_view text, Millis cap, const std::string& path) {
  const auto period = parse_period(text);
  if (!period || period->months != 0)
    return fail(Code::kInvalid, "a length of time in days or hours, such as PT12H", path);
  const Millis out = period->exact + std::chrono::hours(24) * period->days;
  if (out <= Millis{0}) return fail(Code::kInvalid, "a hold lasts longer than nothing", path);
  if (out > cap) {
    return fail(Error{Code::kRefused,
                      fmt::format("a hold ends after at most {} hours",
                                  std::chrono::duration_cast<std::chrono::hours>(cap).count()),
                      path, "SG21", "a longer one is a removal that nobody signed"});
  }
  return out;
}

std::vector<std::string> texts(const json::Object& when, std::string_view name) {
  std::vector<std::string> out;
  if (const json::Value* list = json::find(when, name)) {
    for (const json::Value& value : list->as_array())
      out.emplace_back(std::string_view(value.as_string()));
  }
  return out;
}

std::optional<bool> flag(const json::Object& when, std::string_view name) {
  const json::Value* value = json::find(when, name);
  if (value == nullptr) return std::nullopt;
  return value->as_bool();
}

struct Bounds {
  int& min;
  int& max;
};

Result<void> read_bounds(const json::Object& when, std::string_view name, Bounds out,
                         const std::string& path) {
  const json::Value* range = json::find(when, name);
  if (range == nullptr) return {};
  const auto read = [&](std::string_view end, int& bound) {
    if (const json::Value* value = json::find(range->as_object(), end))
      bound = value->to_number<int>();
  };
  read("min", out.min);
  read("max", out.max);
  if (out.min > out.max)
    return fail(Code::kInvalid, "min is above max: no match is both",
                path + "/" + std::string(name));
  return {};
}

// `labels` null: not held against a list.
Result<Conditions> read_conditions(const json::Object& when, const Labels* labels,
                                   const std::string& path) {
  Conditions out;
  out.banks = texts(when, "bank");
  out.labels = texts(when, "label");
  for (std::size_t i = 0; i < out.labels.size(); ++i) {
    if (labels != nullptr && labels->find(out.labels[i]) == nullptr) {
      return fail(Code::kInvalid, "the label is not on the list",
                  fmt::format("{}/label/{}", path, i));
    }
  }
  for (const std::string& name : texts(when, "kind")) {
    ENTENTE_TRY(kind, parse_bank_kind(name));
    out.kinds.push_back(kind);
  }
  for (const std::string& name : texts(when, "source")) {
    ENTENTE_TRY(kind, parse_source_kind(name));
    out.sources.push_back(kind);
  }
  out.context = flag(when, "context");
  out.contested = flag(when, "contested");
  out.quarantined = flag(when, "quarantined");
  ENTENTE_CHECK_OK(read_bounds(when, "distance", {out.min_distance, out.max_distance}, path));
  ENTENTE_CHECK_OK(read_bounds(when, "quality", {out.min_quality, out.max_quality}, path));
  return out;
}

// A rule that asks by name for more than review where the law wants people to look: the ceiling
// would silently overrule it, so its author is told.
Result<void> check_protected(const Rule& rule, const Labels& labels, const std::string& path) {
  if (strength(rule.propose) <= strength(Proposal::kReview)) return {};
  const auto refuse = [&](std::string detail, const std::string& at) {
    return fail(Error{Code::kRefused, std::move(detail), path + at, "SG22", "propose review"});
  };
  for (std::size_t i = 0; i < rule.when.labels.size(); ++i) {
    if (labels.in_context_only(rule.when.labels[i])) {
      return refuse("content of this label is lawful in news, teaching or debate: people look",
                    fmt::format("/when/label/{}", i));
    }
  }
  if (rule.when.context == true)
    return refuse("what is lawful in context goes to people", "/when/context");
  if (rule.when.contested == true)
    return refuse("a contested entry's matches go to people", "/when/contested");
  if (rule.when.quarantined == true)
    return refuse("a quarantined entry's matches go to people", "/when/quarantined");
  return {};
}

Result<Rule> read_rule(const json::Object& document, const Labels* labels, Millis cap,
                       const std::string& path) {
  Rule out;
  out.name = json::text_or(document, "name");
  if (out.name == "otherwise" || out.name == "allow_list")
    return fail(Code::kInvalid, "this name says something else in answers", path + "/name");
  ENTENTE_TRY(when,
              read_conditions(json::find(document, "when")->as_object(), labels, path + "/when"));
  out.when = std::move(when);
  ENTENTE_TRY(propose, parse_proposal(json::text_or(document, "propose")));
  out.propose = propose;
  const std::string_view length = json::text_or(document, "for");
  if (propose == Proposal::kHold) {
    out.hold = cap;
    if (!length.empty()) {
      ENTENTE_TRY(hold, length_of(length, cap, path + "/for"));
      out.hold = hold;
    }
  } else if (!length.empty()) {
    return fail(Code::kInvalid, "only a hold lasts for a time", path + "/for");
  }
  if (labels != nullptr) ENTENTE_CHECK_OK(check_protected(out, *labels, path));
  return out;
}

}  // namespace

Result<Policy> Policy::parse(std::string_view text, const Labels& labels) {
  return read(text, &labels);
}

Result<Policy> Policy::parse_adopted(std::string_view text) {
  return read(text, nullptr);
}

Result<Policy> Policy::read(std::string_view text, const Labels* labels) {
  ENTENTE_TRY(document, json::parse_object(text, kMaxPolicyBytes));
  ENTENTE_CHECK_OK(check_decides_nothing(document));
  ENTENTE_CHECK_OK(check_form(document));
  Policy out;
  out.text_ = std::string(text);
  out.name_ = json::text_or(document, "name");
  if (const std::string_view cap = json::text_or(document, "hold_cap"); !cap.empty()) {
    ENTENTE_TRY(length, length_of(cap, kMaxHold, "/hold_cap"));
    out.hold_cap_ = length;
  }
  ENTENTE_TRY(otherwise, parse_proposal(json::text_or(document, "otherwise")));
  out.otherwise_ = otherwise;
  const json::Array& rules = json::find(document, "rules")->as_array();
  std::set<std::string> names;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string path = "/rules/" + std::to_string(i);
    ENTENTE_TRY(rule, read_rule(rules[i].as_object(), labels, out.hold_cap_, path));
    if (!names.insert(rule.name).second)
      return fail(Code::kInvalid, "another rule has this name", path + "/name");
    out.rules_.push_back(std::move(rule));
  }
  return out;
}

Policy Policy::standard(const Labels& labels) {
  auto parsed = parse(embedded("policy.json"), labels);
  check(parsed.has_value(), parsed ? "" : to_string(parsed.error()));
  return *std::move(parsed);
}

}  // namespace entente::matching
