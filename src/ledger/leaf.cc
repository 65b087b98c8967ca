// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/leaf.h"

#include <fmt/format.h>

#include <algorithm>

#include "entente/core/id.h"
#include "entente/json/json.h"
#include "entente/merkle/tiles.h"

namespace entente::ledger {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::string_view kType = "step";
constexpr std::size_t kMaxWordBytes = 64;     // a move, a role, a regime with its version
constexpr std::size_t kMaxDomainBytes = 253;  // RFC 1035, without the final dot

bool consists_of(std::string_view text, std::size_t max, std::string_view also) {
  return !text.empty() && text.size() <= max && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           also.find(c) != std::string_view::npos;
  });
}

bool is_field_name(std::string_view name) {
  return name != kStepField && consists_of(name, kMaxFieldNameBytes, "_/.-");
}

// "<name>@<version>".
bool is_regime(std::string_view text) {
  const auto at = text.find('@');
  return at != std::string_view::npos && text.size() <= kMaxWordBytes &&
         consists_of(text.substr(0, at), kMaxWordBytes, "-") && at + 1 < text.size() &&
         text[at + 1] != '0' && text.find_first_not_of("0123456789", at + 1) == std::string::npos;
}

// The narrow alphabets keep free text, and with it personal data, out of the public part.
Result<void> check_form(const Leaf& leaf) {
  const auto bad = [](std::string_view field) {
    return fail(Code::kInvalid, "a leaf cannot carry this", fmt::format("/{}", field));
  };
  if (!is_ulid(leaf.act)) return bad("act");
  if (!is_regime(leaf.regime)) return bad("regime");
  if (!consists_of(leaf.move, kMaxWordBytes, "_-")) return bad("move");
  if (!consists_of(leaf.party, kMaxDomainBytes, ".-")) return bad("party");
  if (!consists_of(leaf.role, kMaxWordBytes, "_-")) return bad("role");
  if (leaf.fields.size() > kMaxFields) return bad("fields");
  for (const auto& [name, commitment] : leaf.fields)
    if (!is_field_name(name)) return bad("fields");
  return {};
}

std::string format_leaf(const Leaf& leaf) {
  json::Object fields;
  for (const auto& [name, commitment] : leaf.fields) fields[name] = to_hex(commitment);
  return json::canonical(json::Object{{"v", kVersion},
                                      {"type", kType},
                                      {"act", leaf.act},
                                      {"regime", leaf.regime},
                                      {"move", leaf.move},
                                      {"party", leaf.party},
                                      {"role", leaf.role},
                                      {"at", format_rfc3339(leaf.at)},
                                      {"step", to_hex(leaf.step)},
                                      {"fields", std::move(fields)}});
}

}  // namespace

Result<MadeLeaf> make_leaf(const LeafInput& input, Random& random) {
  MadeLeaf out;
  const auto commit = [&](std::string_view name, ByteView value) {
    const auto salt = crypto::Salt::generate(random);
    out.salts.emplace(name, salt);
    return crypto::commitment(salt, value);
  };
  Leaf leaf{input.act, input.regime, input.move, input.party, input.role, input.at, {}, {}};
  leaf.step = commit(kStepField, input.payload);
  for (const auto& [name, value] : input.guessable) {
    if (!is_field_name(name)) return fail(Code::kInvalid, "not the name of a field", "/fields");
    leaf.fields.emplace(name, commit(name, as_bytes(value)));
  }
  ENTENTE_CHECK_OK(check_form(leaf));
  out.entry = format_leaf(leaf);
  out.regime = std::move(leaf.regime);
  out.move = std::move(leaf.move);
  return out;
}

Result<Leaf> parse_leaf(std::string_view entry) {
  ENTENTE_TRY(object, json::parse_object(entry, merkle::kMaxEntryBytes));
  json::Reader r(object);
  Leaf leaf;
  r.integer("v", kVersion, kVersion);
  if (r.text("type") != kType) r.fault("type", "not a leaf of a step");
  leaf.act = r.text("act");
  leaf.regime = r.text("regime");
  leaf.move = r.text("move");
  leaf.party = r.text("party");
  leaf.role = r.text("role");
  leaf.at = r.time("at");
  leaf.step = r.hash("step");
  const json::Object& fields = r.object("fields");
  ENTENTE_CHECK_OK(r.done());
  json::Reader each(fields, "/fields");
  for (const auto& member : fields)
    leaf.fields.emplace(member.key(), each.hash(std::string_view(member.key())));
  ENTENTE_CHECK_OK(each.done());
  ENTENTE_CHECK_OK(check_form(leaf));
  // Printing it again refuses every other spelling in one stroke.
  if (format_leaf(leaf) != entry)
    return fail(Code::kInvalid, "a leaf in another than its canonical form");
  return leaf;
}

bool opens(const Leaf& leaf, std::string_view field, const crypto::Salt& salt,
           std::string_view value) {
  if (field == kStepField) return crypto::opens(leaf.step, salt, as_bytes(value));
  const auto found = leaf.fields.find(std::string(field));
  return found != leaf.fields.end() && crypto::opens(found->second, salt, as_bytes(value));
}

}  // namespace entente::ledger
