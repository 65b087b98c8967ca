// SPDX-License-Identifier: Apache-2.0
#include "entente/json/schema.h"

#include <mutex>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

namespace entente::json {

// A Validator keeps the regular expressions it has compiled, which cost a hundred times what they
// are used for, but serves one thread at a time: they wait here for the next caller.
struct Schema::Impl {
  std::unique_ptr<valijson::Validator> borrow() const {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        auto out = std::move(idle.back());
        idle.pop_back();
        return out;
      }
    }
    return std::make_unique<valijson::Validator>(valijson::Validator::kStrongTypes);
  }
  void give_back(std::unique_ptr<valijson::Validator> validator) const {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(validator));
  }

  valijson::Schema schema;
  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<valijson::Validator>> idle;  // guarded by mutex
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

}  // namespace

Schema::Schema(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

Result<Schema> Schema::compile(const Value& document) {
  auto impl = std::make_shared<Impl>();
  try {
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    const valijson::adapters::BoostJsonAdapter adapter(document);
    parser.populateSchema(adapter, impl->schema);
  } catch (const std::exception& e) {
    return fail(Code::kInvalid, std::string("not a JSON Schema: ") + e.what());
  }
  return Schema(std::move(impl));
}

std::vector<Violation> Schema::validate(const Value& value, std::size_t max) const {
  auto validator = impl_->borrow();
  valijson::ValidationResults results;
  const valijson::adapters::BoostJsonAdapter adapter(value);
  std::vector<Violation> out;
  const bool conforms = validator->validate(impl_->schema, adapter, &results);
  impl_->give_back(std::move(validator));
  if (conforms) return out;
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
