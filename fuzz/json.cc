// SPDX-License-Identifier: Apache-2.0
//
// JSON texts, and the reader that takes members out of any object.
#include "entente/json/json.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entente;
  const auto value = json::parse(fuzz::text_of(data, size));
  if (!value) {
    fuzz::promise(!value.error().detail.empty());
    return 0;
  }
  if (!value->is_object()) return 0;
  json::Reader reader(value->as_object());
  static_cast<void>(reader.text("text", {}));
  static_cast<void>(reader.integer("integer", -5, 5));
  static_cast<void>(reader.time("time"));
  static_cast<void>(reader.base64("base64", 16));
  static_cast<void>(reader.hash("hash"));
  static_cast<void>(reader.texts("texts", 3));
  static_cast<void>(reader.flag("flag"));
  const json::Object* inner = reader.object_if("object");
  if (inner != nullptr) {
    json::Reader deeper(*inner, "/object");
    static_cast<void>(deeper.array("array", 4));
    static_cast<void>(deeper.done());
  }
  fuzz::promise(reader.done().has_value() == reader.faults().empty());
  return 0;
}
