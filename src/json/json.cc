// SPDX-License-Identifier: Apache-2.0
#include "entente/json/json.h"

#include <fmt/format.h>

#include <algorithm>

namespace entente::json {
namespace {

const Object kNoObject;
const Array kNoArray;

// A scan that boost::json does not do for us: it keeps the last of two members with one name, which
// lets two readers of one signed document see different things. Runs on text that has already
// parsed.
bool has_duplicate_names(std::string_view s) {
  std::vector<std::set<std::string_view>> names;
  std::vector<bool> in_object;
  bool expect_name = false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    if (c == '{') {
      in_object.push_back(true);
      names.emplace_back();
      expect_name = true;
    } else if (c == '[') {
      in_object.push_back(false);
      names.emplace_back();
      expect_name = false;
    } else if (c == '}' || c == ']') {
      in_object.pop_back();
      names.pop_back();
      expect_name = false;
    } else if (c == ',') {
      expect_name = !in_object.empty() && in_object.back();
    } else if (c == '"') {
      const std::size_t start = ++i;
      bool escaped = false;
      while (s[i] != '"') {
        if (s[i] == '\\') {
          escaped = true;
          ++i;
        }
        ++i;
      }
      if (expect_name) {
        // An escaped name could spell a plain one differently; no document of ours needs one.
        if (escaped || !names.back().insert(s.substr(start, i - start)).second) return true;
        expect_name = false;
      }
    }
  }
  return false;
}

void write(const Value& value, std::string& out) {
  if (const auto* o = value.if_object()) {
    std::vector<const bj::key_value_pair*> members;
    members.reserve(o->size());
    for (const auto& m : *o) members.push_back(&m);
    std::sort(members.begin(), members.end(),
              [](const auto* a, const auto* b) { return a->key() < b->key(); });
    out += '{';
    bool first = true;
    for (const auto* m : members) {
      if (!first) out += ',';
      first = false;
      out += bj::serialize(bj::string_view(m->key()));
      out += ':';
      write(m->value(), out);
    }
    out += '}';
  } else if (const auto* a = value.if_array()) {
    out += '[';
    bool first = true;
    for (const auto& v : *a) {
      if (!first) out += ',';
      first = false;
      write(v, out);
    }
    out += ']';
  } else {
    out += bj::serialize(value);
  }
}

}  // namespace

Result<Value> parse(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes)
    return fail(Code::kTooLarge,
                fmt::format("JSON of {} bytes; at most {}", text.size(), max_bytes));
  bj::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code ec;
  Value value = bj::parse(text, ec, {}, options);
  if (ec) return fail(Code::kInvalid, "not JSON: " + ec.message());
  if (has_duplicate_names(text))
    return fail(Code::kInvalid,
                "JSON with a member name twice in one object, or with an escaped name");
  return value;
}

Result<Object> parse_object(std::string_view text, std::size_t max_bytes) {
  ENTENTE_TRY(value, parse(text, max_bytes));
  if (!value.is_object()) return fail(Code::kInvalid, "a JSON object is expected");
  return std::move(value.as_object());
}

std::string canonical(const Value& value) {
  std::string out;
  write(value, out);
  return out;
}

const Value* find(const Object& object, std::string_view name) {
  return object.if_contains(name);
}

std::string_view text_or(const Object& object, std::string_view name, std::string_view otherwise) {
  const auto* v = object.if_contains(name);
  if (v == nullptr || !v->is_string()) return otherwise;
  return v->get_string();
}

const Value* at_pointer(const Value& root, std::string_view pointer) {
  boost::system::error_code ec;
  return root.find_pointer(pointer, ec);
}

const Value* at_pointer(const Object& root, std::string_view pointer) {
  if (pointer.empty() || pointer.front() != '/') return nullptr;
  const auto end = pointer.find('/', 1);
  const auto name = pointer.substr(1, end == std::string_view::npos ? end : end - 1);
  // An escaped name is rare: the general road takes it.
  if (name.find('~') != std::string_view::npos) {
    for (const auto& member : root)
      if (const Value probe(Object{{member.key(), nullptr}});
          at_pointer(probe, pointer.substr(0, name.size() + 1)) != nullptr)
        return end == std::string_view::npos ? &member.value()
                                             : at_pointer(member.value(), pointer.substr(end));
    return nullptr;
  }
  const Value* member = root.if_contains(name);
  if (member == nullptr || end == std::string_view::npos) return member;
  return at_pointer(*member, pointer.substr(end));
}

const Value* Reader::take(std::string_view name, bool required) {
  seen_.insert(std::string(name));
  const auto* v = object_.if_contains(name);
  if (v == nullptr && required) fault(name, "is missing");
  return v;
}

void Reader::fault(std::string_view name, std::string detail) {
  faults_.push_back({Code::kInvalid,
                     fmt::format("{} {}", name, detail),
                     fmt::format("{}/{}", path_, name),
                     {},
                     {}});
}

std::string Reader::text(std::string_view name, TextRule rule) {
  const auto* v = take(name, true);
  if (v == nullptr) return {};
  if (!v->is_string()) {
    fault(name, "must be text");
    return {};
  }
  const auto& s = v->get_string();
  if (s.size() < rule.min || s.size() > rule.max) {
    fault(name, fmt::format("must be {} to {} bytes long", rule.min, rule.max));
    return {};
  }
  return std::string(s);
}

std::optional<std::string> Reader::text_if(std::string_view name, TextRule rule) {
  if (take(name, false) == nullptr) return std::nullopt;
  return text(name, rule);
}

std::int64_t Reader::integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const auto* v = take(name, true);
  if (v == nullptr) return min;
  boost::system::error_code ec;
  const auto n = v->to_number<std::int64_t>(ec);
  if (ec || !(v->is_int64() || v->is_uint64()) || n < min || n > max) {
    fault(name, fmt::format("must be a whole number from {} to {}", min, max));
    return min;
  }
  return n;
}

std::optional<std::int64_t> Reader::integer_if(std::string_view name, std::int64_t min,
                                               std::int64_t max) {
  if (take(name, false) == nullptr) return std::nullopt;
  return integer(name, min, max);
}

Instant Reader::time(std::string_view name) {
  const auto* v = take(name, true);
  if (v == nullptr) return {};
  if (v->is_string()) {
    if (const auto t = parse_rfc3339(v->get_string())) return *t;
  }
  fault(name, "must be an RFC 3339 time");
  return {};
}

std::optional<Instant> Reader::time_if(std::string_view name) {
  if (take(name, false) == nullptr) return std::nullopt;
  return time(name);
}

Bytes Reader::base64(std::string_view name, std::size_t max) {
  const std::string s = text(name, {.min = 0, .max = max * 4 / 3 + 4});
  auto bytes = from_base64(s);
  if (!bytes) {
    fault(name, "must be base64");
    return {};
  }
  return *std::move(bytes);
}

Hash256 Reader::hash(std::string_view name) {
  const auto h = hash_from_hex(text(name));
  if (!h) {
    fault(name, "must be a SHA-256 in lower-case hexadecimal");
    return {};
  }
  return *h;
}

const Object& Reader::object(std::string_view name) {
  const auto* v = take(name, true);
  if (v == nullptr) return kNoObject;
  if (!v->is_object()) {
    fault(name, "must be an object");
    return kNoObject;
  }
  return v->get_object();
}

const Object* Reader::object_if(std::string_view name) {
  if (take(name, false) == nullptr) return nullptr;
  return &object(name);
}

const Array& Reader::array(std::string_view name, std::size_t max) {
  const auto* v = take(name, true);
  if (v == nullptr) return kNoArray;
  if (!v->is_array() || v->get_array().size() > max) {
    fault(name, fmt::format("must be a list of at most {} items", max));
    return kNoArray;
  }
  return v->get_array();
}

const Array* Reader::array_if(std::string_view name, std::size_t max) {
  if (take(name, false) == nullptr) return nullptr;
  return &array(name, max);
}

std::vector<std::string> Reader::texts(std::string_view name, std::size_t max_items,
                                       TextRule rule) {
  std::vector<std::string> out;
  for (const Value& v : array(name, max_items)) {
    if (!v.is_string() || v.get_string().size() < rule.min || v.get_string().size() > rule.max) {
      fault(name, fmt::format("must be a list of texts of {} to {} bytes", rule.min, rule.max));
      return {};
    }
    out.emplace_back(v.get_string());
  }
  return out;
}

bool Reader::flag(std::string_view name, bool otherwise) {
  const auto* v = take(name, false);
  if (v == nullptr) return otherwise;
  if (!v->is_bool()) {
    fault(name, "must be true or false");
    return otherwise;
  }
  return v->get_bool();
}

Result<void> Reader::done(bool strict) {
  if (strict)
    for (const auto& m : object_)
      if (!seen_.contains(std::string_view(m.key())))
        fault(m.key(), "is not a member of this form");
  if (faults_.empty()) return {};
  return fail(faults_.front());
}

}  // namespace entente::json
