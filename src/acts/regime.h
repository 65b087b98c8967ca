// SPDX-License-Identifier: Apache-2.0
//
// A regime is the law of one act type, as data: who may make which move from which state, within
// which clock, under which safeguards, with which effects. The file format is regimes/README.md;
// the reasons for it are docs/decisions/0002-regimes-are-data.md. Every number of law lives there;
// the code below knows none.
//
// A Regime is an immutable value once loaded and may be read from any thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "entente/acts/model.h"
#include "entente/json/schema.h"

namespace entente::acts {

struct Text {
  std::string en, fr;
};

// Who signs in this role: a natural person with their own key, or the organisation's node.
enum class KeyKind : std::uint8_t { kPerson, kNode };

struct Role {
  std::string
      position;  // issuer | addressee | overseer | home: which participant the role belongs to
  KeyKind key = KeyKind::kPerson;
  Text title;
};

// `event:intent` / `!event:intent`, or `execution=pending|overdue` / `!review=open`.
struct Condition {
  bool negated = false;
  std::string event;  // set for event conditions
  StateSet states;
  std::string text;  // as written, for messages
};

// `execution:executed|accepted=>reversing`: what a move does to other regions.
struct Consequence {
  StateSet from;
  StateIndex to = 0;
};

struct Move {
  std::string name;
  Text title;
  std::vector<std::string> by;  // roles
  int signatures = 1;  // distinct natural persons (or one node) that must sign the same bytes
  bool has_region = false;
  StateSet from;
  StateIndex to = 0;
  std::vector<Condition> when;
  std::vector<Consequence> then;
  std::vector<std::string> safeguards;
  std::string within;     // a window clock: refused after its end
  std::string after_due;  // a clock: refused before its end
  std::string route;      // for moves that open a review
  std::vector<std::string>
      routes;             // for moves on an open review: the routes they may touch; empty: any
  std::string schema;     // form of the body: regimes/forms/<schema>.json
  std::string document;   // legal.md §9.1: D01, D02, …
  std::string law;        // where the rule comes from
  bool drafts = false;    // its body carries the form of the act
  bool restores = false;  // gives a right back: needs fewer signatures than restricting
};

enum class ClockKind : std::uint8_t {
  kDuty,    // somebody owes something by then
  kWindow,  // a right lapses then
  kExit,    // a restriction, a seal or a hold ends then
};

struct ClockRule {
  std::string id;
  Text title;
  ClockKind kind = ClockKind::kDuty;
  std::vector<std::string> starts;  // moves; the latest one counts (restart, never pause)
  std::map<std::string, std::string> anchors;  // role -> move that starts *their* window (I8)
  Period period;
  std::string due_from;  // "unseal_at" or "retention_until": due is that instant, never later than
                         // start + period; "/term/until": the instant that stands there in the
                         // form, for an exit never later than start + period
  std::string period_from;  // "/redress/period": the ISO 8601 period that stands there in the form;
                            // `period` is then a window's least, an exit's most, a duty's default
  std::vector<Condition> live;
  bool per_target = false;
  bool per_review = false;
  std::string route;    // of the reviews it applies to
  std::string owner;    // role that owes the duty or holds the right
  std::string then;     // the move the system makes when it ends
  std::string only_if;  // "/a/ms_issuing=FR": applies only to acts whose form says so
  std::string law;
};

struct EffectRule {
  std::string kind;
  std::string undo;
  std::string at;   // position whose node carries it out
  StateSet enters;  // wanted when this state is entered (per target for execution)
  bool undone = false;
  StateSet undone_enters;  // undone when this is entered
  std::vector<Condition> when;
  std::string result;       // move that reports success
  std::string undo_result;  // move that reports the reversal
};

// Which names a block may not hit, or only with a second approval (SG06).
struct SharedHosts {
  std::int64_t tenants = 0;                   // more than these behind one name: shared
  std::string never_list, listed_list;        // regimes/lists/<name>.txt
  std::set<std::string, std::less<>> never;   // suffixes under which anyone may register
  std::set<std::string, std::less<>> listed;  // known to be shared whatever a form declares
};

// What an act may ask to be told about one person (SG24, SG25).
struct DataRules {
  std::vector<std::string> categories;  // that this regime reaches
  std::vector<std::string> judged;      // that only an independent judge may let pass
  std::vector<std::string> judges;      // roles that are one
  Period range_max;                     // longest stretch of time asked about
  std::int64_t threshold_years = 0;     // least maximum penalty of the offence (SG24)
};

struct Regime {
  std::string id;
  int version = 0;
  std::string type;  // legal.md §9.1: RO, ROX, NT, …
  std::string mode;  // "order" or "notice": shown and counted apart (SG32)
  Text title;
  std::vector<std::string> sources;
  std::vector<std::string> legal_basis;  // accepted values of the form's legal basis
  std::vector<std::string> territories;  // accepted territorial scopes (SG29)
  std::size_t min_reasons = 0;           // characters
  std::vector<std::string> target_kinds;
  std::size_t max_targets = 1;
  std::map<std::string, Role> roles;
  std::vector<std::string> positions;  // participants an act must name
  std::vector<std::string> copies;     // positions that receive every step at the same instant
  std::vector<std::vector<std::string>>
      separate;                     // sets of roles that one natural person cannot combine (SG03)
  std::string validation;           // move that must precede restriction, or empty (SG02)
  Period seal_max, seal_extension;  // SG13
  Period prior_information;         // TCO 3(2)
  Period subsidiarity;              // from the request at the source to the block (SG07)
  SharedHosts shared;
  DataRules data;
  std::map<std::string, std::vector<std::string>> kinds;  // position -> kinds of organisation
  std::vector<StateSet> restricting;  // states in which somebody's right is restricted
  std::vector<StateSet> restored;     // states in which it is given back
  std::vector<std::pair<std::string, std::string>>
      form_safeguards;  // JSON Pointer prefix -> safeguard
  std::vector<Move> moves;
  std::vector<ClockRule> clocks;
  std::vector<EffectRule> effects;
  std::map<std::string, std::shared_ptr<const json::Schema>> schemas;
  std::map<std::string, json::Value>
      schema_documents;  // for the API and the screens: the same forms
  std::string sha256;    // of the regime's text

  std::string name() const { return id + "@" + std::to_string(version); }
  const Move* move(std::string_view name) const;
  const ClockRule* clock(std::string_view id) const;
  const Role* role(std::string_view name) const;
};

// A file of regimes/: name ("eu-tco-removal.toml", "forms/x.json" as "x.json") and text.
struct SourceFile {
  std::string name;
  std::string text;
};

// Parses one regime; `files` supplies the regime it extends and the forms it names. Errors name the
// file, the line and the key.
Result<Regime> parse_regime(const SourceFile& file, const std::vector<SourceFile>& files);

// The same regime as JSON, `extends` and `drop` resolved: what regimes/regime.schema.json
// describes.
Result<json::Value> regime_document(const SourceFile& file, const std::vector<SourceFile>& files);
inline constexpr std::string_view kRegimeSchema = "regime.schema.json";  // among the built-in files

// All regimes a node speaks. Loading proves each one (check.h) and refuses the set when one fails.
class Catalogue {
 public:
  static Result<Catalogue> load(const std::vector<SourceFile>& files);
  // The regimes compiled into the binary (regimes/).
  static Result<Catalogue> builtin();
  static std::vector<SourceFile> builtin_files();

  const Regime* find(std::string_view name)
      const;  // "eu-tco-removal@1", or the newest version of "eu-tco-removal"
  std::vector<const Regime*> all() const;

 private:
  std::map<std::string, std::shared_ptr<const Regime>, std::less<>> regimes_;
};

// Parsing of the small expressions above; exposed for the checker and its tests.
Result<Condition> parse_condition(std::string_view text);
Result<Consequence> parse_consequence(std::string_view text);
Result<StateSet> parse_states(std::string_view text);

}  // namespace entente::acts
