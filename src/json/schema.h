// SPDX-License-Identifier: Apache-2.0
//
// JSON Schema (draft 7 keywords but patternProperties), for forms that are data: regimes name one
// each. Compiled once, used from any thread. Patterns are RE2's: linear in the text, however long
// and hostile it is, and without back-references or look-around, which a schema that asks for them
// is refused for.
#pragma once

#include <memory>

#include "entente/json/json.h"

namespace entente::json {

struct Violation {
  std::string pointer;  // RFC 6901, of the value at fault (of the missing member for "required")
  std::string detail;
};

class Schema {
 public:
  static Result<Schema> compile(const Value& document);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  // Empty when the value conforms. At most `max` violations.
  std::vector<Violation> validate(const Value& value, std::size_t max = 32) const;

 private:
  struct Impl;
  explicit Schema(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace entente::json
