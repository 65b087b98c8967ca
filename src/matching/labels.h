// SPDX-License-Identifier: Apache-2.0
//
// Behaviour labels: what content does, not whose it is. They are data (labels.json, embedded): one
// more object there is one more label, with its names in French and English. `context` marks the
// classes that are lawful in news, teaching or debate: their matches say "review, do not remove"
// (SG22; Reg. (EU) 2021/784 Art. 1(3)). `family` says whose vocabulary it is: "gifct" for the
// behaviours of GIFCT's hash-sharing taxonomy, "protected" for what Art. 1(3) protects, "cleared"
// for what people found lawful and put on an allow-list.
//
// A label that the list does not know (a list that shrank) counts as context: it never restricts.
// Labels is an immutable value; const use from any thread. Errors of `parse`: kInvalid with the
// JSON Pointer at fault.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "entente/core/error.h"

namespace entente::matching {

// A vocabulary that people choose from by eye.
inline constexpr std::size_t kMaxLabels = 200;
inline constexpr std::size_t kMaxLabelName = 64;

struct Label {
  std::string name;  // [a-z0-9-]
  std::string family;
  std::string en;
  std::string fr;
  bool context = false;
};

class Labels {
 public:
  static Result<Labels> parse(std::string_view json);
  // The embedded list.
  static Labels standard();

  // In the order of the document.
  const std::vector<Label>& all() const { return labels_; }
  // Null when the list does not know it.
  const Label* find(std::string_view name) const;
  bool in_context_only(std::string_view name) const;

 private:
  std::vector<Label> labels_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
};

}  // namespace entente::matching
