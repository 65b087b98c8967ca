// SPDX-License-Identifier: Apache-2.0
//
// From TOML to Regime. The only unit that sees toml++ (2.8 s to compile). Unknown keys are refused:
// a misspelt safeguard list must not load as an empty one.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "entente/acts/regime.h"
#include "entente/acts/safeguards.h"
#include "entente/crypto/sha256.h"

namespace entente::acts {
namespace {

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

template <class F>
void each(const toml::table& root, std::string_view key, std::string_view id_key,
          std::optional<Error>& fault, F&& f) {
  const auto* node = root.get(key);
  if (node == nullptr) return;
  const auto* list = node->as_array();
  if (list == nullptr) {
    if (!fault)
      fault = Error{Code::kInvalid,
                    fmt::format("{} must be a list of tables", key),
                    std::string(key),
                    {},
                    {}};
    return;
  }
  for (const auto& item : *list) {
    const auto* t = item.as_table();
    if (t == nullptr) {
      if (!fault)
        fault = Error{Code::kInvalid,
                      fmt::format("{} must be a list of tables", key),
                      std::string(key),
                      {},
                      {}};
      return;
    }
    Table table(*t, fmt::format("{}[{}]", key, (*t)[id_key].value_or(std::string("?"))), fault);
    f(table);
    table.done();
  }
}

Move read_move(Table& t) {
  Move m;
  m.name = t.text("name");
  m.title = t.title("title");
  m.by = t.texts("by", true);
  m.signatures = static_cast<int>(t.integer("signatures", 1));
  const std::string region = t.text("region", false);
  const auto from = t.texts("from");
  const std::string to = t.text("to", false);
  if (!region.empty()) {
    const auto r = region_from(region);
    if (!r) {
      t.bad("region", "names no region");
    } else {
      m.has_region = true;
      m.from.region = *r;
      for (const auto& s : from) {
        if (const auto i = state_from(*r, s))
          m.from.mask |= 1U << *i;
        else
          t.bad("from", "names no state of that region: " + s);
      }
      if (const auto i = state_from(*r, to))
        m.to = *i;
      else
        t.bad("to", "names no state of that region");
      if (m.from.mask == 0) t.bad("from", "is empty");
    }
  }
  m.when = t.conditions("when");
  for (const auto& s : t.texts("then")) {
    if (const auto c = parse_consequence(s))
      m.then.push_back(*c);
    else
      t.bad("then", c.error().detail);
  }
  m.safeguards = t.texts("safeguards");
  for (const auto& s : m.safeguards)
    if (find_safeguard(s) == nullptr)
      t.bad("safeguards", "names a safeguard nobody has written: " + s);
  m.within = t.text("within", false);
  m.after_due = t.text("after_due", false);
  m.route = t.text("route", false);
  m.routes = t.texts("routes");
  m.schema = t.text("schema", false);
  m.document = t.text("document", false);
  m.law = t.text("law", false);
  m.drafts = t.flag("drafts");
  m.restores = t.flag("restores");
  if (m.signatures < 1 || m.signatures > 8) t.bad("signatures", "must be 1 to 8");
  return m;
}

ClockRule read_clock(Table& t) {
  ClockRule c;
  c.id = t.text("id");
  c.title = t.title("title");
  const std::string kind = t.text("kind");
  if (kind == "duty")
    c.kind = ClockKind::kDuty;
  else if (kind == "window")
    c.kind = ClockKind::kWindow;
  else if (kind == "exit")
    c.kind = ClockKind::kExit;
  else
    t.bad("kind", "must be duty, window or exit");
  c.starts = t.texts("starts");
  if (const auto* n = t.take("anchors")) {
    if (const auto* a = n->as_table()) {
      for (const auto& [k, v] : *a) c.anchors[std::string(k.str())] = v.value_or(std::string());
    } else {
      t.bad("anchors", "must be a table role = move");
    }
  }
  c.period = t.period("period");
  c.due_from = t.text("due_from", false);
  if (!c.due_from.empty() && c.due_from != "unseal_at" && c.due_from != "retention_until")
    t.bad("due_from", "must be unseal_at or retention_until");
  if (c.period == Period{} && c.due_from.empty()) t.bad("period", "is missing");
  c.live = t.conditions("live");
  c.per_target = t.flag("per_target");
  c.per_review = t.flag("per_review");
  c.route = t.text("route", false);
  c.owner = t.text("owner");
  c.then = t.text("then", false);
  c.only_if = t.text("only_if", false);
  c.law = t.text("law", false);
  return c;
}

EffectRule read_effect(Table& t) {
  EffectRule e;
  e.kind = t.text("kind");
  e.undo = t.text("undo", false);
  e.at = t.text("at");
  if (const auto s = t.states("enters"))
    e.enters = *s;
  else
    t.bad("enters", "is missing");
  if (const auto s = t.states("undone_enters")) {
    e.undone_enters = *s;
    e.undone = true;
  }
  if (e.undone == e.undo.empty()) t.bad("undo", "and undone_enters go together");
  e.when = t.conditions("when");
  e.result = t.text("result", false);
  e.undo_result = t.text("undo_result", false);
  return e;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kNamedLists = {
    {{"move", "name"}, {"clock", "id"}, {"effect", "kind"}}};

std::string entry_name(const toml::node& item, std::string_view key) {
  const auto* t = item.as_table();
  return t == nullptr ? std::string() : (*t)[key].value_or(std::string());
}

// `drop = ["move:contest", "clock:unseal"]`: what the child takes away from its parent. Naming what
// is not there is an error, so that a renamed entry of the parent cannot silently stay.
Result<void> drop(toml::table& base, const toml::table& child, const std::string& file) {
  const auto* names = child.get_as<toml::array>("drop");
  if (names == nullptr) return {};
  for (const auto& node : *names) {
    const auto text = node.value_or(std::string());
    bool found = false;
    for (const auto& [list, key] : kNamedLists) {
      const std::string prefix = std::string(list) + ":";
      auto* entries = base.get_as<toml::array>(list);
      if (entries == nullptr || !text.starts_with(prefix)) continue;
      for (auto it = entries->begin(); it != entries->end() && !found; ++it) {
        if (entry_name(*it, key) != text.substr(prefix.size())) continue;
        entries->erase(it);
        found = true;
        break;
      }
    }
    if (!found) return fail(Code::kNotFound, "drops what its parent does not have: " + text, file);
  }
  return {};
}

// `extends`: tables of the child replace the parent's keys; named list entries replace those of the
// same name, new ones are added.
void merge(toml::table& base, const toml::table& child) {
  const std::map<std::string_view, std::string_view> lists(kNamedLists.begin(), kNamedLists.end());
  for (const auto& [key, node] : child) {
    const auto list = lists.find(key.str());
    auto* existing = base.get(key.str());
    if (list != lists.end() && existing != nullptr && existing->is_array() && node.is_array()) {
      auto& into = *existing->as_array();
      for (const auto& item : *node.as_array()) {
        const auto id = entry_name(item, list->second);
        bool replaced = false;
        for (auto& old : into) {
          if (id.empty() || entry_name(old, list->second) != id) continue;
          *old.as_table() = *item.as_table();
          replaced = true;
          break;
        }
        if (!replaced) into.push_back(item);
      }
    } else if (existing != nullptr && existing->is_table() && node.is_table()) {
      for (const auto& [k, v] : *node.as_table()) existing->as_table()->insert_or_assign(k, v);
    } else {
      base.insert_or_assign(key, node);
    }
  }
}

const SourceFile* find_file(const std::vector<SourceFile>& files, std::string_view name) {
  const auto it =
      std::find_if(files.begin(), files.end(), [&](const SourceFile& f) { return f.name == name; });
  return it == files.end() ? nullptr : &*it;
}

Result<toml::table> load_table(const SourceFile& file, const std::vector<SourceFile>& files,
                               int depth) {
  toml::table table;
  try {
    table = toml::parse(file.text, file.name);
  } catch (const toml::parse_error& e) {
    std::ostringstream where;
    where << e.source().begin;
    return fail(Code::kInvalid, fmt::format("{}: {} ({})", file.name, e.description(), where.str()),
                file.name);
  }
  const auto parent = table["extends"].value<std::string>();
  if (!parent) {
    if (table.contains("drop"))
      return fail(Code::kInvalid,
                  file.name + ": only a regime that extends another can drop something", file.name);
    return table;
  }
  if (depth > 3) return fail(Code::kInvalid, "regimes extend each other too deeply", file.name);
  const auto* parent_file = find_file(files, *parent + ".toml");
  if (parent_file == nullptr)
    return fail(Code::kNotFound, "extends a regime that is not there: " + *parent, file.name);
  ENTENTE_TRY(base, load_table(*parent_file, files, depth + 1));
  ENTENTE_CHECK_OK(drop(base, table, file.name));
  table.erase("extends");
  table.erase("drop");
  merge(base, table);
  return base;
}

void read_roles(const toml::table& root, Regime& out, std::optional<Error>& fault) {
  const auto* roles = root.get_as<toml::table>("roles");
  if (roles == nullptr) {
    if (!fault) fault = Error{Code::kInvalid, "roles must be a table", "roles", {}, {}};
    return;
  }
  for (const auto& [name, node] : *roles) {
    if (!node.is_table()) {
      if (!fault) fault = Error{Code::kInvalid, "each role must be a table", "roles", {}, {}};
      return;
    }
    Table t(*node.as_table(), fmt::format("roles.{}", name.str()), fault);
    Role role;
    role.position = t.text("position");
    role.title = t.title("title");
    const std::string key = t.text("key");
    if (key == "node")
      role.key = KeyKind::kNode;
    else if (key != "person")
      t.bad("key", "must be person or node");
    t.done();
    out.roles.emplace(std::string(name.str()), std::move(role));
  }
}

Result<void> read_schemas(Regime& out, const std::vector<SourceFile>& files) {
  std::set<std::string> wanted;
  for (const auto& m : out.moves)
    if (!m.schema.empty()) wanted.insert(m.schema);
  for (const auto& name : wanted) {
    const auto* file = find_file(files, name + ".json");
    if (file == nullptr)
      return fail(Code::kNotFound,
                  fmt::format("regime {} names a form that is not there: {}", out.id, name));
    ENTENTE_TRY(document, json::parse(file->text));
    ENTENTE_TRY(schema, json::Schema::compile(document));
    out.schemas[name] = std::make_shared<const json::Schema>(std::move(schema));
    out.schema_documents[name] = std::move(document);
  }
  return {};
}

void read_scalars(Table& t, Regime& out, const toml::table& root, std::optional<Error>& fault) {
  t.integer("schema", 1);
  out.id = t.text("id");
  out.version = static_cast<int>(t.integer("version", 0));
  out.type = t.text("type");
  out.mode = t.text("mode");
  out.title = t.title("title");
  out.sources = t.texts("sources", true);
  out.legal_basis = t.texts("legal_basis", true);
  out.territories = t.texts("territories", true);
  out.min_reasons = static_cast<std::size_t>(t.integer("min_reasons", 0));
  out.target_kinds = t.texts("target_kinds", true);
  out.max_targets = static_cast<std::size_t>(t.integer("max_targets", 1));
  out.positions = t.texts("positions", true);
  out.copies = t.texts("copies");
  out.validation = t.text("validation", false);
  out.seal_max = t.period("seal_max");
  out.seal_extension = t.period("seal_extension");
  out.prior_information = t.period("prior_information");
  out.restricting = t.state_sets("restricting");
  out.restored = t.state_sets("restored");
  if (const auto* n = t.take("separate")) {
    if (const auto* a = n->as_array())
      for (const auto& group : *a)
        if (const auto* g = group.as_array()) {
          std::vector<std::string> roles;
          for (const auto& r : *g) roles.push_back(r.value_or(std::string()));
          out.separate.push_back(std::move(roles));
        }
  }
  if (const auto* n = t.take("form_safeguards"))
    if (const auto* f = n->as_table())
      for (const auto& [k, v] : *f)
        out.form_safeguards.emplace_back(std::string(k.str()), v.value_or(std::string()));
  for (const auto* key : {"roles", "move", "clock", "effect"}) t.take(key);
  read_roles(root, out, fault);
}

}  // namespace

Result<json::Value> regime_document(const SourceFile& file, const std::vector<SourceFile>& files) {
  ENTENTE_TRY(root, load_table(file, files, 0));
  std::ostringstream text;
  text << toml::json_formatter(root);
  return json::parse(text.str());
}

Result<Regime> parse_regime(const SourceFile& file, const std::vector<SourceFile>& files) {
  ENTENTE_TRY(root, load_table(file, files, 0));
  Regime out;
  std::optional<Error> fault;
  Table top(root, "regime", fault);
  read_scalars(top, out, root, fault);
  top.done();
  each(root, "move", "name", fault, [&](Table& t) { out.moves.push_back(read_move(t)); });
  each(root, "clock", "id", fault, [&](Table& t) { out.clocks.push_back(read_clock(t)); });
  each(root, "effect", "kind", fault, [&](Table& t) { out.effects.push_back(read_effect(t)); });
  if (fault) {
    fault->detail = file.name + ": " + fault->detail;
    return fail(*fault);
  }
  ENTENTE_CHECK_OK(read_schemas(out, files));
  std::ostringstream normal;
  normal << toml::json_formatter(root);
  std::string all = normal.str();
  for (const auto& [name, document] : out.schema_documents) all += name + json::canonical(document);
  out.sha256 = to_hex(crypto::sha256(as_bytes(all)));
  return out;
}

}  // namespace entente::acts
