// SPDX-License-Identifier: Apache-2.0
//
// A table of a regime's TOML read key by key. The first fault is kept with its line; a key that
// nobody asked for is a fault, so that a misspelt one does not load as an absent one. Private to
// regime_toml.cc; one thread.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "entente/acts/regime.h"
#include "entente/acts/toml_safe.h"

namespace entente::acts {

// One table of the file, read key by key; remembers the first fault with its line.
class Table {
 public:
  Table(const toml::table& table, std::string where, std::optional<Error>& fault)
      : table_(table), where_(std::move(where)), fault_(fault) {}

  void bad(std::string_view key, const std::string& why) {
    if (fault_) return;
    const auto* node = table_.get(key);
    // A table that was merged with its parent's has lost its lines (0): the key has to do.
    const auto line = node != nullptr ? node->source().begin.line : table_.source().begin.line;
    const std::string where = line == 0 ? std::string() : fmt::format("line {}: ", line);
    fault_ = Error{Code::kInvalid,
                   fmt::format("{}{}.{} {}", where, where_, key, why),
                   fmt::format("{}.{}", where_, key),
                   {},
                   {}};
  }
  const toml::node* take(std::string_view key) {
    seen_.insert(std::string(key));
    return table_.get(key);
  }
  std::string text(std::string_view key, bool required = true) {
    const auto* n = take(key);
    if (n == nullptr) {
      if (required) bad(key, "is missing");
      return {};
    }
    if (const auto v = n->value<std::string>()) return *v;
    bad(key, "must be text");
    return {};
  }
  std::int64_t integer(std::string_view key, std::int64_t otherwise) {
    const auto* n = take(key);
    if (n == nullptr) return otherwise;
    if (const auto v = n->value<std::int64_t>(); v && *v >= 0) return *v;
    bad(key, "must be a whole number");
    return otherwise;
  }
  bool flag(std::string_view key) {
    const auto* n = take(key);
    if (n == nullptr) return false;
    if (const auto v = n->value<bool>()) return *v;
    bad(key, "must be true or false");
    return false;
  }
  std::vector<std::string> texts(std::string_view key, bool required = false) {
    const auto* n = take(key);
    std::vector<std::string> out;
    if (n == nullptr) {
      if (required) bad(key, "is missing");
      return out;
    }
    if (const auto* a = n->as_array()) {
      for (const auto& v : *a) {
        if (const auto s = v.value<std::string>())
          out.push_back(*s);
        else
          bad(key, "must be a list of texts");
      }
    } else {
      bad(key, "must be a list of texts");
    }
    return out;
  }
  Period period(std::string_view key) {
    const std::string s = text(key, false);
    if (s.empty()) return {};
    const auto p = parse_period(s);
    if (!p) bad(key, p.error().detail);
    return p.value_or(Period{});
  }
  Text title(std::string_view key) {
    const auto* n = take(key);
    const auto* t = n == nullptr ? nullptr : n->as_table();
    if (t == nullptr) {
      bad(key, "must have en and fr");
      return {};
    }
    Text out{(*t)["en"].value_or(std::string()), (*t)["fr"].value_or(std::string())};
    if (out.en.empty() || out.fr.empty()) bad(key, "must have both en and fr");
    return out;
  }
  std::vector<StateSet> state_sets(std::string_view key) {
    std::vector<StateSet> out;
    for (const auto& s : texts(key)) {
      if (const auto v = parse_states(s))
        out.push_back(*v);
      else
        bad(key, v.error().detail);
    }
    return out;
  }
  std::vector<Condition> conditions(std::string_view key) {
    std::vector<Condition> out;
    for (const auto& s : texts(key)) {
      if (auto v = parse_condition(s))
        out.push_back(*std::move(v));
      else
        bad(key, v.error().detail);
    }
    return out;
  }
  std::optional<StateSet> states(std::string_view key) {
    const std::string s = text(key, false);
    if (s.empty()) return std::nullopt;
    if (const auto v = parse_states(s))
      return *v;
    else
      bad(key, v.error().detail);
    return std::nullopt;
  }
  void done() {
    for (const auto& [k, v] : table_)
      if (!seen_.contains(std::string(k.str()))) bad(k.str(), "is not a key of this table");
  }
  std::optional<Error>& fault() { return fault_; }

 private:
  const toml::table& table_;
  std::string where_;
  std::optional<Error>& fault_;
  std::set<std::string> seen_;
};

}  // namespace entente::acts
