// SPDX-License-Identifier: Apache-2.0
#include "references.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/acts/safeguards.h"
#include "machine.h"

namespace entente::acts {
namespace {

constexpr int kDocuments = 34;  // legal.md §9.1: D01 … D34

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool is_document(std::string_view name) {
  if (name.size() != 3 || name[0] != 'D' || name[1] < '0' || name[1] > '9' || name[2] < '0' ||
      name[2] > '9')
    return false;
  const int number = (name[1] - '0') * 10 + (name[2] - '0');
  return number >= 1 && number <= kDocuments;
}

class References {
 public:
  explicit References(const Regime& regime) : regime_(regime) {
    for (const auto& m : regime.moves)
      if (!m.route.empty()) routes_.push_back(m.route);
  }

  std::vector<Finding> all() {
    header();
    for (const auto& [name, role] : regime_.roles) {
      text("role " + name, role.title);
      position("role " + name, role.position);
    }
    for (const auto& m : regime_.moves) move(m);
    for (const auto& c : regime_.clocks) clock(c);
    for (const auto& e : regime_.effects) effect(e);
    return std::move(findings_);
  }

 private:
  void wrong(std::string detail) { findings_.push_back({"P8", std::move(detail), {}}); }
  void text(const std::string& who, const Text& t) {
    if (t.en.empty() || t.fr.empty()) wrong(fmt::format("{} has no title in both languages", who));
  }
  void role(const std::string& who, const std::string& name) {
    if (regime_.role(name) == nullptr)
      wrong(fmt::format("{} names a role that is not there: {}", who, name));
  }
  void position(const std::string& who, const std::string& name) {
    if (!contains(regime_.positions, name))
      wrong(fmt::format("{} names a position that no participant holds: {}", who, name));
  }
  void named_move(const std::string& who, const std::string& name) {
    if (regime_.move(name) == nullptr)
      wrong(fmt::format("{} names a move that is not there: {}", who, name));
  }
  void named_clock(const std::string& who, const std::string& name) {
    if (!name.empty() && regime_.clock(name) == nullptr)
      wrong(fmt::format("{} names a clock that is not there: {}", who, name));
  }
  void named_route(const std::string& who, const std::string& name) {
    if (!contains(routes_, name))
      wrong(fmt::format("{} names a route that no move opens: {}", who, name));
  }
  void conditions(const std::string& who, const std::vector<Condition>& list) {
    for (const auto& c : list)
      if (!c.event.empty()) named_move(who, c.event);
  }

  void header() {
    text("the regime", regime_.title);
    if (regime_.mode != "order" && regime_.mode != "notice")
      wrong("mode must be order or notice: " + regime_.mode);
    for (const auto& p : regime_.copies) position("copies", p);
    for (const auto& group : regime_.separate)
      for (const auto& r : group) role("separate", r);
    if (!regime_.validation.empty()) named_move("validation", regime_.validation);
    for (const auto& [p, kinds] : regime_.kinds) position("kinds", p);
    for (const auto& r : regime_.data.judges) role("data.judges", r);
    for (const auto& c : regime_.data.judged)
      if (!contains(regime_.data.categories, c))
        wrong("data.judged names a category that the regime does not reach: " + c);
    if (!regime_.data.judged.empty() && regime_.validation.empty())
      wrong("data that a judge must let pass, and no validation (SG25)");
    for (const auto& [pointer, number] : regime_.form_safeguards)
      if (find_safeguard(number) == nullptr)
        wrong(fmt::format("form_safeguards names a safeguard nobody has written: {}", number));
    if (std::none_of(regime_.moves.begin(), regime_.moves.end(),
                     [](const Move& m) { return m.drafts; }))
      wrong("no move drafts the act, so no act can begin");
  }

  void move(const Move& m) {
    const std::string who = "move " + m.name;
    text(who, m.title);
    if (m.by.empty()) wrong(who + " belongs to nobody");
    for (const auto& r : m.by) role(who, r);
    named_clock(who, m.within);
    named_clock(who, m.after_due);
    conditions(who, m.when);
    for (const auto& s : m.safeguards)
      if (find_safeguard(s) == nullptr)
        wrong(fmt::format("{} names a safeguard nobody has written: {}", who, s));
    for (const auto& r : m.routes) named_route(who, r);
    if (!m.route.empty() && (!m.has_region || m.from.region != Region::kReview))
      wrong(who + " has a route but opens no review");
    if (!m.schema.empty() && !regime_.schemas.contains(m.schema))
      wrong(fmt::format("{} names a form that is not there: {}", who, m.schema));
    if (!m.document.empty() && !is_document(m.document))
      wrong(fmt::format("{} names a document that is not there: {}", who, m.document));
  }

  bool has_node(const Move& m) const {
    return std::any_of(m.by.begin(), m.by.end(), [&](const std::string& name) {
      const Role* r = regime_.role(name);
      return r != nullptr && r->key == KeyKind::kNode;
    });
  }

  void clock(const ClockRule& c) {
    const std::string who = "clock " + c.id;
    text(who, c.title);
    role(who, c.owner);
    for (const auto& m : c.starts) named_move(who, m);
    for (const auto& [r, m] : c.anchors) {
      role(who, r);
      named_move(who, m);
    }
    conditions(who, c.live);
    if (!c.route.empty()) named_route(who, c.route);
    if (c.starts.empty() && c.anchors.empty()) wrong(who + " is started by nothing");
    if (c.then.empty()) return;
    named_move(who, c.then);
    if (const Move* m = regime_.move(c.then); m != nullptr && !has_node(*m))
      wrong(fmt::format("{} ends in {}, which no node can make", who, c.then));
  }

  void effect(const EffectRule& e) {
    const std::string who = "effect " + e.kind;
    position(who, e.at);
    if (regime_.restricting.empty() && !only_tells(e.kind))
      wrong(who + " changes the world, and the regime calls nothing a restriction");
    conditions(who, e.when);
    if (!e.result.empty()) named_move(who, e.result);
    if (!e.undo_result.empty()) named_move(who, e.undo_result);
  }

  const Regime& regime_;
  std::vector<std::string> routes_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_references(const Regime& regime) {
  return References(regime).all();
}

}  // namespace entente::acts
