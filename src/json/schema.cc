// SPDX-License-Identifier: Apache-2.0
#include "entente/json/schema.h"

#include <re2/re2.h>

#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/constraint_builder.hpp>
#include <valijson/constraints/concrete_constraints.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

namespace entente::json {

struct Schema::Impl {
  valijson::Schema schema;
};

namespace {

// valijson speaks of "<root>[a][0]"; the rest of the world of /a/0.
std::string to_pointer(const std::string& context) {
  std::string out;
  std::string segment;
  bool inside = false;
  for (const char c : context) {
    if (c == '[' && !inside) {
      inside = true;
      segment.clear();
    } else if (c == ']' && inside) {
      inside = false;
      out += '/';
      for (const char s : segment) {
        if (s == '~')
          out += "~0";
        else if (s == '/')
          out += "~1";
        else
          out += s;
      }
    } else if (inside) {
      segment += c;
    }
  }
  return out;
}

// "Missing required property 'reasons'." names its member only in the sentence; the pointer should
// end with it.
void append_missing_member(Violation& v) {
  constexpr std::string_view kMissing = "Missing required property '";
  if (!v.detail.starts_with(kMissing)) return;
  const auto end = v.detail.find('\'', kMissing.size());
  if (end != std::string::npos)
    v.pointer += "/" + v.detail.substr(kMissing.size(), end - kMissing.size());
}

// valijson matches "pattern" with std::regex, which recurses once per character: a form with one
// long string would end the process. Patterns are ours instead, by RE2: linear time, no recursion,
// compiled once, used from any thread. The keyword is renamed so that valijson's own never runs.
constexpr const char* kPattern = "x-entente-pattern";

class PatternRule : public valijson::constraints::PolyConstraint {
 public:
  explicit PatternRule(std::shared_ptr<const re2::RE2> pattern) : pattern_(std::move(pattern)) {}

  bool validate(const valijson::adapters::Adapter& target, const std::vector<std::string>& context,
                valijson::ValidationResults* results) const override {
    if (!target.isString()) return true;  // the keyword speaks of strings only
    if (re2::RE2::PartialMatch(target.asString(), *pattern_)) return true;
    if (results != nullptr)
      results->pushError(context, "Failed to match the pattern " + pattern_->pattern() + ".");
    return false;
  }

 private:
  Constraint* cloneInto(void* place) const override { return new (place) PatternRule(*this); }
  std::size_t sizeOf() const override { return sizeof(PatternRule); }

  std::shared_ptr<const re2::RE2> pattern_;
};

class PatternBuilder : public valijson::ConstraintBuilder {
 public:
  valijson::constraints::Constraint* make(const valijson::adapters::Adapter& value) const override {
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto pattern = std::make_shared<const re2::RE2>(value.asString(), options);
    if (!pattern->ok())
      throw std::runtime_error("the pattern does not compile: " + pattern->error());
    return new PatternRule(std::move(pattern));
  }
};

void adopt_patterns(Value& schema);

void adopt_each(Value& schemas) {
  if (schemas.is_array())
    for (auto& one : schemas.get_array()) adopt_patterns(one);
  else if (schemas.is_object())
    for (auto& member : schemas.get_object()) adopt_patterns(member.value());
}

// Keywords only: a property may well be called "pattern".
void adopt_patterns(Value& schema) {
  if (!schema.is_object()) return;
  auto& keywords = schema.get_object();
  if (keywords.contains("patternProperties"))
    throw std::runtime_error("patternProperties is not supported");
  if (const auto* pattern = keywords.if_contains("pattern")) {
    Value moved = *pattern;
    keywords.erase("pattern");
    keywords[kPattern] = std::move(moved);
  }
  for (const char* one : {"additionalItems", "additionalProperties", "contains", "not", "if",
                          "then", "else", "propertyNames"})
    if (auto* inner = keywords.if_contains(one)) adopt_patterns(*inner);
  for (const char* many :
       {"properties", "definitions", "$defs", "dependencies", "allOf", "anyOf", "oneOf"})
    if (auto* inner = keywords.if_contains(many)) adopt_each(*inner);
  if (auto* items = keywords.if_contains("items")) {
    if (items->is_array())
      adopt_each(*items);
    else
      adopt_patterns(*items);
  }
}

}  // namespace

Schema::Schema(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

Result<Schema> Schema::compile(const Value& document) {
  auto impl = std::make_shared<Impl>();
  try {
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.addConstraintBuilder(kPattern, new PatternBuilder);  // the parser owns it
    Value ours = document;
    adopt_patterns(ours);
    const valijson::adapters::BoostJsonAdapter adapter(ours);
    parser.populateSchema(adapter, impl->schema);
  } catch (const std::exception& e) {
    return fail(Code::kInvalid, std::string("not a JSON Schema: ") + e.what());
  }
  return Schema(std::move(impl));
}

std::vector<Violation> Schema::validate(const Value& value, std::size_t max) const {
  valijson::Validator validator(valijson::Validator::kStrongTypes);
  valijson::ValidationResults results;
  const valijson::adapters::BoostJsonAdapter adapter(value);
  std::vector<Violation> out;
  if (validator.validate(impl_->schema, adapter, &results)) return out;
  valijson::ValidationResults::Error error;
  while (out.size() < max && results.popError(error)) {
    std::string context;
    for (const auto& c : error.context) context += c;
    Violation v{to_pointer(context), error.description};
    append_missing_member(v);
    out.push_back(std::move(v));
  }
  // The deepest fault says most: "Failed to validate against schema associated with property" lines
  // come last.
  std::stable_sort(out.begin(), out.end(), [](const Violation& a, const Violation& b) {
    return a.pointer.size() > b.pointer.size();
  });
  return out;
}

}  // namespace entente::json
