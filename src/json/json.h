// SPDX-License-Identifier: Apache-2.0
//
// JSON in and out. `parse` bounds depth and size before anything else looks at hostile input;
// `Reader` decodes an object field by field and remembers every fault with its JSON Pointer, so
// that the caller gets them all at once.
//
//   Reader r(object);
//   auto party = r.text("party", {.min = 3, .max = 253});
//   auto at    = r.time("at");
//   ENTENTE_CHECK_OK(r.done());          // first fault, as an Error; unknown members are faults
//   too
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/bytes.h"
#include "entente/core/error.h"
#include "entente/core/time.h"

namespace entente::json {

namespace bj = boost::json;
using Value = bj::value;
using Object = bj::object;
using Array = bj::array;

inline constexpr std::size_t kMaxDepth = 32;  // deeper documents are attacks, not law

// Strict RFC 8259 (no comments, no trailing commas), UTF-8 checked, duplicate member names refused.
Result<Value> parse(std::string_view text, std::size_t max_bytes = 1 << 20);
Result<Object> parse_object(std::string_view text, std::size_t max_bytes = 1 << 20);

// Deterministic text: members in byte order of their names, no white space, the shortest number
// form. The bytes that are signed are always stored and sent as they were signed; this form is for
// hashing and comparing our own values.
std::string canonical(const Value& value);

// Null when the member is missing or of another type.
const Value* find(const Object& object, std::string_view name);
std::string_view text_or(const Object& object, std::string_view name,
                         std::string_view otherwise = {});
// Value at a JSON Pointer (RFC 6901), or null.
const Value* at_pointer(const Value& root, std::string_view pointer);
// "" names no member: null.
const Value* at_pointer(const Object& root, std::string_view pointer);

struct TextRule {
  std::size_t min = 1;
  std::size_t max = 4096;
};

class Reader {
 public:
  explicit Reader(const Object& object, std::string path = {})
      : object_(object), path_(std::move(path)) {}

  // Required members: a default value is returned, and the fault remembered, when missing or wrong.
  std::string text(std::string_view name, TextRule rule = {});
  std::int64_t integer(std::string_view name, std::int64_t min, std::int64_t max);
  Instant time(std::string_view name);
  Bytes base64(std::string_view name, std::size_t max);
  Hash256 hash(std::string_view name);
  const Object& object(std::string_view name);
  const Array& array(std::string_view name, std::size_t max);
  std::vector<std::string> texts(std::string_view name, std::size_t max_items, TextRule rule = {});
  // Optional members.
  std::optional<std::string> text_if(std::string_view name, TextRule rule = {});
  std::optional<std::int64_t> integer_if(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<Instant> time_if(std::string_view name);
  bool flag(std::string_view name, bool otherwise = false);
  const Object* object_if(std::string_view name);
  const Array* array_if(std::string_view name, std::size_t max);
  // Accepts and ignores a member.
  void skip(std::string_view name) { seen_.insert(std::string(name)); }

  void fault(std::string_view name, std::string detail);
  const std::vector<Error>& faults() const { return faults_; }
  // The first fault, or success. With `strict`, members nobody asked for are faults.
  Result<void> done(bool strict = true);

 private:
  const Value* take(std::string_view name, bool required);

  const Object& object_;
  std::string path_;
  std::set<std::string, std::less<>> seen_;
  std::vector<Error> faults_;
};

}  // namespace entente::json
