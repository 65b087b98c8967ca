// SPDX-License-Identifier: Apache-2.0
//
// JSON Schema (draft 7 keywords), for forms that are data: regimes name one each. Compiled once,
// used from any thread.
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
