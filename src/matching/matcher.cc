// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/matcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "entente/core/log.h"

namespace entente::matching {

namespace {

constexpr std::size_t kTurns = std::tuple_size_v<fingerprint::Dihedral>;

std::uint64_t key_of(EntryId id) {
  return static_cast<std::uint64_t>(id);
}

bool nearer(const Match& a, const Match& b) {
  if (a.facts.bank != b.facts.bank) return a.facts.bank < b.facts.bank;
  if (a.facts.distance != b.facts.distance) return a.facts.distance < b.facts.distance;
  return a.entry.id < b.entry.id;
}

}  // namespace

std::string_view turn_name(fingerprint::Turn turn) {
  constexpr std::array<std::string_view, kTurns> kNames = {"original",   "rotate90",   "rotate180",
                                                           "rotate270",  "flip_x",     "flip_y",
                                                           "flip_plus1", "flip_minus1"};
  return kNames.at(static_cast<std::size_t>(turn));
}

// The banks that take part, and how far each of them reaches.
struct Matcher::Reach {
  struct Of {
    const Bank* bank = nullptr;
    int radius = 0;
  };
  std::shared_ptr<const std::vector<Bank>> banks;  // keeps what by_name points to
  std::map<std::string, Of, std::less<>> by_name;
};

Result<std::shared_ptr<const std::vector<Bank>>> Matcher::settings(store::Tx& tx) const {
  ENTENTE_TRY(now, banks_.sequence(tx));
  {
    const std::lock_guard lock(settings_mutex_);
    if (settings_ && settings_at_ == now) return settings_;
  }
  ENTENTE_TRY(list, banks_.list(tx));
  auto fresh = std::make_shared<const std::vector<Bank>>(std::move(list));
  const std::lock_guard lock(settings_mutex_);
  if (now >= settings_at_) {
    settings_at_ = now;
    settings_ = fresh;
  }
  return fresh;
}

Result<Matcher::Reach> Matcher::reach(store::Tx& tx, const LookUp& how) const {
  Reach out;
  ENTENTE_TRY(list, settings(tx));
  out.banks = std::move(list);
  const auto named = [](const Bank& bank, const std::string& name) {
    return bank.name == name || (!bank.alias.empty() && bank.alias == name);
  };
  for (const std::string& name : how.banks) {
    const bool known = std::any_of(out.banks->begin(), out.banks->end(), [&](const Bank& bank) {
      return !bank.retired_at && named(bank, name);
    });
    if (!known) return fail(Code::kNotFound, "no such bank: " + name, "banks");
  }
  for (const Bank& bank : *out.banks) {
    const bool asked =
        how.banks.empty() || std::any_of(how.banks.begin(), how.banks.end(),
                                         [&](const std::string& n) { return named(bank, n); });
    const bool on = how.raw ? !bank.dry_run && !bank.retired_at
                            : bank.matches() && bank.enabled_ratio >= how.coin;
    if (!asked || !on) continue;
    const int radius = how.radius ? std::min(bank.radius, *how.radius) : bank.radius;
    out.by_name[bank.name] = {&bank, radius};
  }
  return out;
}

Result<std::unique_ptr<Matcher>> Matcher::load(store::Store& store, media::DecoderPool& pool,
                                               const Banks& banks, const Clock& clock,
                                               const std::filesystem::path& snapshot) {
  std::unique_ptr<Matcher> out(new Matcher(store, pool, banks, clock));
  out->snapshot_ = snapshot;
  ENTENTE_TRY(opened, out->open_snapshot());
  if (!opened) ENTENTE_CHECK_OK(out->rebuild());
  ENTENTE_CHECK_OK(out->refresh());
  return out;
}

Result<bool> Matcher::open_snapshot() {
  if (snapshot_.empty()) return false;
  auto opened = hamming::Index::open(snapshot_);
  if (!opened) {
    if (opened.error().code != Code::kNotFound)
      log::warn("match.snapshot_discarded", {{"why", opened.error().detail}});
    return false;
  }
  ENTENTE_TRY(last, store::read_returning<std::int64_t>(
                        store_, [&](store::Tx& tx) { return banks_.sequence(tx); }));
  const auto mark = static_cast<std::int64_t>(opened->watermark);
  if (mark < 0 || mark > last) {
    log::warn("match.snapshot_discarded", {{"why", "it knows of changes that the store has not"}});
    return false;
  }
  index_ = std::move(opened->index);
  heard_ = mark;
  saved_ = mark;
  return true;
}

// In one view of the store every entry is in the feed once.
Result<void> Matcher::rebuild() {
  std::vector<std::uint64_t> ids;
  std::vector<fingerprint::Pdq> hashes;
  std::int64_t last = 0;
  ENTENTE_CHECK_OK(store_.read([&](store::Tx& tx) -> Result<void> {
    for (;;) {
      ENTENTE_TRY(page, banks_.changes(tx, last, kMaxChanges));
      for (const Changed& changed : page) {
        if (!changed.held) continue;
        ids.push_back(key_of(changed.entry));
        hashes.push_back(changed.pdq);
      }
      if (!page.empty()) last = page.back().sequence;
      if (page.size() < static_cast<std::size_t>(kMaxChanges)) return {};
    }
  }));
  ENTENTE_TRY(index, hamming::Index::build(ids, hashes));
  index_ = std::move(index);
  heard_ = last;
  return {};
}

Result<void> Matcher::save() {
  const std::int64_t mark = heard_;  // what changes meanwhile is read again at the start
  if (snapshot_.empty() || mark == saved_) return {};
  ENTENTE_CHECK_OK(index_.save(snapshot_, static_cast<std::uint64_t>(mark)));
  saved_ = mark;
  return {};
}

Result<void> Matcher::refresh() {
  const std::lock_guard turn(refreshing_);
  for (;;) {
    ENTENTE_TRY(page, store::read_returning<std::vector<Changed>>(store_, [&](store::Tx& tx) {
                  return banks_.changes(tx, heard_, kMaxChanges);
                }));
    for (const Changed& changed : page) {
      if (changed.held) {
        index_.add(key_of(changed.entry), changed.pdq);
      } else {
        index_.remove(key_of(changed.entry));
      }
    }
    if (!page.empty()) heard_ = page.back().sequence;
    if (page.size() < static_cast<std::size_t>(kMaxChanges)) return {};
  }
}

void Matcher::tombstoned(const std::vector<EntryId>&) {
  if (const auto done = refresh(); !done)
    log::warn("match.refresh", {{"why", done.error().detail}});
}

Result<Fingerprint> Matcher::fingerprint_of(ByteView file) const {
  ENTENTE_TRY(answer, pool_.run(file));
  return parse_picture_answer(answer);
}

Result<MatchAnswer> Matcher::match(ByteView file, const LookUp& how) const {
  ENTENTE_TRY(seen, fingerprint_of(file));
  return match_hash(seen, how);
}

// One fingerprint on its way through the search.
struct Matcher::Looking {
  const Fingerprint* print = nullptr;
  MatchAnswer* out = nullptr;
  std::size_t turn = 0;
  std::size_t examined = 0;
  std::map<EntryId, Match> found;  // an entry once, at its nearest turn
};

// What one search found, judged by the store.
Result<void> Matcher::examine(store::Tx& tx, const std::vector<hamming::Hit>& hits,
                              const Reach& reach, const LookUp& how, Looking& at) const {
  const fingerprint::Pdq& query = at.turn == 0 ? at.print->pdq : (*at.print->turned)[at.turn];
  for (const hamming::Hit& hit : hits) {
    if (++at.examined > kMaxExamined) {
      at.out->truncated = true;
      return {};
    }
    // Nothing comes back for what was put out by a unit of work we have not heard of yet.
    const auto id = static_cast<EntryId>(hit.id);
    ENTENTE_TRY(entry, how.raw ? banks_.live(tx, id) : banks_.live(tx, id, clock_.now()));
    if (!entry) continue;
    const auto of = reach.by_name.find(entry->bank);
    const int distance = entry->pdq.distance(query);
    if (of == reach.by_name.end() || distance > of->second.radius) continue;
    const auto before = at.found.find(id);
    if (before != at.found.end() && before->second.facts.distance <= distance) continue;
    MatchFacts facts =
        facts_of(*entry, *of->second.bank, banks_.labels(), distance, at.print->quality);
    at.found[id] = {std::move(facts), *std::move(entry), static_cast<fingerprint::Turn>(at.turn)};
  }
  return {};
}

void Matcher::list(Looking& at, std::size_t per_bank) {
  std::vector<Match> all;
  for (auto& [id, match] : at.found) all.push_back(std::move(match));
  std::sort(all.begin(), all.end(), nearer);
  auto& listed = at.out->matches;
  std::size_t of_bank = 0;
  for (Match& match : all) {
    const bool same = !listed.empty() && listed.back().facts.bank == match.facts.bank;
    of_bank = same ? of_bank + 1 : 1;
    if (of_bank <= per_bank) listed.push_back(std::move(match));
  }
}

Result<std::vector<std::vector<hamming::Hit>>> Matcher::search(const std::vector<Looking>& looking,
                                                               std::size_t turn, int radius) const {
  std::vector<fingerprint::Pdq> queries;
  for (const Looking& one : looking)
    queries.push_back(turn == 0 ? one.print->pdq : (*one.print->turned)[turn]);
  if (queries.size() != 1) return index_.search_batch(queries, radius);
  ENTENTE_TRY(hits, index_.search(queries[0], radius));
  return std::vector<std::vector<hamming::Hit>>{std::move(hits)};
}

Result<MatchAnswer> Matcher::match_hash(const Fingerprint& fingerprint, const LookUp& how) const {
  ENTENTE_TRY(out, match_hashes({&fingerprint, 1}, how));
  return std::move(out.front());
}

Result<std::vector<MatchAnswer>> Matcher::match_hashes(std::span<const Fingerprint> prints,
                                                       const LookUp& how) const {
  if (how.radius && (*how.radius < 0 || *how.radius > fingerprint::kMatchDistance)) {
    return fail(Code::kInvalid, fmt::format("a radius is 0 to {}", fingerprint::kMatchDistance),
                "radius");
  }
  std::vector<MatchAnswer> out(prints.size());
  std::vector<Looking> looking;
  for (std::size_t i = 0; i < prints.size(); ++i) {
    out[i].fingerprint = prints[i];
    if (prints[i].quality < fingerprint::kMinQuality) {
      out[i].note = "quality_too_low";
      continue;
    }
    if (how.turned && !prints[i].turned) {
      return fail(Code::kInvalid, "a fingerprint alone cannot be turned: send the picture",
                  "turned");
    }
    looking.push_back({&prints[i], &out[i], 0, 0, {}});
  }
  // Searched before the store is asked: most uploads are near nothing, and then there is nothing to
  // ask. What comes back at the widest radius there is, each bank's own then narrows.
  std::vector<std::vector<hamming::Hit>> hits;
  bool any = !how.banks.empty();  // names are checked whatever is found
  for (std::size_t turn = 0; turn < (how.turned ? kTurns : 1); ++turn) {
    ENTENTE_TRY(found, search(looking, turn, how.radius.value_or(fingerprint::kMatchDistance)));
    for (auto& of_one : found) {
      any = any || !of_one.empty();
      hits.push_back(std::move(of_one));
    }
  }
  if (!any) return out;
  ENTENTE_CHECK_OK(store_.read([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(reaching, reach(tx, how));
    for (std::size_t k = 0; k < hits.size(); ++k) {
      Looking& one = looking[k % looking.size()];
      one.turn = k / looking.size();
      ENTENTE_CHECK_OK(examine(tx, hits[k], reaching, how, one));
    }
    return {};
  }));
  for (Looking& one : looking) list(one, how.per_bank);
  return out;
}

}  // namespace entente::matching
