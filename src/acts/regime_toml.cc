// SPDX-License-Identifier: Apache-2.0
//
// From TOML to Regime. The only unit that sees toml++ (2.8 s to compile). Unknown keys are refused:
// a misspelt safeguard list must not load as an empty one.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "entente/acts/safeguards.h"
#include "entente/crypto/sha256.h"
#include "toml_table.h"

namespace entente::acts {
namespace {

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
  c.period_from = t.text("period_from", false);
  if (!c.due_from.empty() && c.due_from != "unseal_at" && c.due_from != "retention_until" &&
      c.due_from.front() != '/')
    t.bad("due_from", "must be unseal_at, retention_until or a pointer into the form");
  if (!c.period_from.empty() && c.period_from.front() != '/')
    t.bad("period_from", "must be a pointer into the form");
  const bool from_form = !c.period_from.empty() || c.due_from.starts_with('/');
  if (c.period == Period{} && c.due_from.empty() && c.period_from.empty())
    t.bad("period", "is missing");
  // What a form may leave out or put far away must not leave a restriction without its end.
  if (c.period == Period{} && from_form && c.kind == ClockKind::kExit)
    t.bad("period", "is missing: an exit has a latest end whatever the form says");
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

// `drop = ["move:contest", "clock:unseal", "key:seal_max"]`: what the child takes away from its
// parent. Naming what
// is not there is an error, so that a renamed entry of the parent cannot silently stay.
Result<void> drop(toml::table& base, const toml::table& child, const std::string& file) {
  const auto* names = child.get_as<toml::array>("drop");
  if (names == nullptr) return {};
  for (const auto& node : *names) {
    const auto text = node.value_or(std::string());
    bool found = text.starts_with("key:") && base.erase(std::string_view(text).substr(4)) > 0;
    if (auto* roles = base.get_as<toml::table>("roles");
        roles != nullptr && text.starts_with("role:"))
      found = roles->erase(std::string_view(text).substr(5)) > 0;
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

// `[[amend]] entry = "move:sign"`: the child changes single keys of its parent's entry and keeps
// the rest.
Result<void> amend(toml::table& base, const toml::table& child, const std::string& file) {
  const auto* changes = child.get_as<toml::array>("amend");
  if (changes == nullptr) return {};
  for (const auto& node : *changes) {
    const auto* change = node.as_table();
    const auto text = change == nullptr ? std::string() : entry_name(node, "entry");
    bool found = false;
    for (const auto& [list, key] : kNamedLists) {
      const std::string prefix = std::string(list) + ":";
      auto* entries = base.get_as<toml::array>(list);
      if (entries == nullptr || !text.starts_with(prefix)) continue;
      for (auto& entry : *entries) {
        if (entry_name(entry, key) != text.substr(prefix.size())) continue;
        found = true;
        for (const auto& [k, v] : *change)
          if (k.str() != "entry") entry.as_table()->insert_or_assign(k, v);
      }
    }
    if (!found) return fail(Code::kNotFound, "amends what its parent does not have: " + text, file);
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
  if (!plain_outside_texts(file.text))
    return fail(Code::kInvalid, file.name + ": a letter beyond ASCII outside of texts", file.name);
  try {
    table = toml::parse(file.text, file.name);
  } catch (const toml::parse_error& e) {
    std::ostringstream where;
    where << e.source().begin;
    return fail(Code::kInvalid, fmt::format("{}: {} ({})", file.name, e.description(), where.str()),
                file.name);
  } catch (const std::logic_error&) {
    return fail(Code::kInvalid, file.name + ": a table's header is no key", file.name);
  }
  const auto parent = table["extends"].value<std::string>();
  if (!parent) {
    if (table.contains("drop") || table.contains("amend"))
      return fail(Code::kInvalid,
                  file.name + ": only a regime that extends another can drop or amend something",
                  file.name);
    return table;
  }
  if (depth > 3) return fail(Code::kInvalid, "regimes extend each other too deeply", file.name);
  const auto* parent_file = find_file(files, *parent + ".toml");
  // What several regimes share without being an act type of its own.
  if (parent_file == nullptr) parent_file = find_file(files, *parent + ".base");
  if (parent_file == nullptr)
    return fail(Code::kNotFound, "extends a regime that is not there: " + *parent, file.name);
  ENTENTE_TRY(base, load_table(*parent_file, files, depth + 1));
  ENTENTE_CHECK_OK(drop(base, table, file.name));
  ENTENTE_CHECK_OK(amend(base, table, file.name));
  table.erase("amend");
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

// `[kinds]`: which kinds of organisation may hold a position.
void read_kinds(Table& t, Regime& out) {
  const auto* n = t.take("kinds");
  if (n == nullptr) return;
  const auto* table = n->as_table();
  if (table == nullptr) return t.bad("kinds", "must be a table position = [kind, …]");
  for (const auto& [position, list] : *table) {
    auto& kinds = out.kinds[std::string(position.str())];
    if (const auto* a = list.as_array())
      for (const auto& k : *a) kinds.push_back(k.value_or(std::string()));
    if (kinds.empty()) t.bad("kinds", "must name at least one kind for each position");
  }
}

void read_shared(Table& top, Regime& out, std::optional<Error>& fault) {
  const auto* n = top.take("shared");
  if (n == nullptr) return;
  if (!n->is_table()) return top.bad("shared", "must be a table");
  Table t(*n->as_table(), "shared", fault);
  out.shared.tenants = t.integer("tenants", 0);
  out.shared.never_list = t.text("never");
  out.shared.listed_list = t.text("listed");
  t.done();
}

void read_data(Table& top, Regime& out, std::optional<Error>& fault) {
  const auto* n = top.take("data");
  if (n == nullptr) return;
  if (!n->is_table()) return top.bad("data", "must be a table");
  Table t(*n->as_table(), "data", fault);
  out.data.categories = t.texts("categories", true);
  out.data.judged = t.texts("judged");
  out.data.judges = t.texts("judges");
  out.data.range_max = t.period("range_max");
  out.data.threshold_years = t.integer("threshold_years", 0);
  if (out.data.range_max == Period{}) t.bad("range_max", "is missing");
  t.done();
}

// `regimes/lists/<name>.txt`: one name a line, `#` begins a comment.
Result<void> read_list(const std::string& name, const std::vector<SourceFile>& files,
                       std::set<std::string, std::less<>>& out) {
  if (name.empty()) return {};
  const auto* file = find_file(files, name + ".txt");
  if (file == nullptr) return fail(Code::kNotFound, "a list that is not there: " + name);
  std::istringstream lines(file->text);
  for (std::string line; std::getline(lines, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.pop_back();
    if (!line.empty()) out.insert(line);
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
  out.subsidiarity = t.period("subsidiarity");
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
  read_kinds(t, out);
  read_shared(t, out, fault);
  read_data(t, out, fault);
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
  ENTENTE_CHECK_OK(read_list(out.shared.never_list, files, out.shared.never));
  ENTENTE_CHECK_OK(read_list(out.shared.listed_list, files, out.shared.listed));
  std::ostringstream normal;
  normal << toml::json_formatter(root);
  std::string all = normal.str();
  for (const auto& [name, document] : out.schema_documents) all += name + json::canonical(document);
  for (const auto& name : out.shared.never) all += name + "\n";
  for (const auto& name : out.shared.listed) all += name + "\n";
  out.sha256 = to_hex(crypto::sha256(as_bytes(all)));
  return out;
}

}  // namespace entente::acts
