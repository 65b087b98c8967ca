// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/matcher.h"

#include <charconv>

#include "entente/core/log.h"

namespace entente::matching {

namespace {

std::uint64_t key_of(EntryId id) {
  return static_cast<std::uint64_t>(id);
}

// What came back from a worker that its image may have taken over: one spelling, or nothing.
Result<Fingerprint> parse_answer(std::string_view text) {
  constexpr std::size_t kHex = fingerprint::kPdqHexDigits;
  const auto broken = [] {
    return fail(Code::kUnavailable, "the picture's worker gave no fingerprint");
  };
  if (text.size() < kHex + 2 || text.size() > kHex + 4 || text[kHex] != ' ') return broken();
  const auto pdq = fingerprint::Pdq::parse(text.substr(0, kHex));
  int quality = -1;
  const std::string_view digits = text.substr(kHex + 1);
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), quality);
  if (!pdq || end.ec != std::errc() || end.ptr != digits.data() + digits.size() || quality < 0 ||
      quality > 100) {
    return broken();
  }
  return Fingerprint{*pdq, quality};
}

}  // namespace

std::string_view proposal_name(Proposal proposal) {
  return proposal == Proposal::kReview ? "review" : "none";
}

Result<std::string> pdq_job(const media::Image& image) {
  ENTENTE_TRY(result, fingerprint::pdq_from_rgb(image.rgb, image.width, image.height));
  return result.hash.hex() + " " + std::to_string(result.quality);
}

Result<std::unique_ptr<Matcher>> Matcher::load(store::Store& store, media::DecoderPool& pool,
                                               const Banks& banks) {
  std::unique_ptr<Matcher> out(new Matcher(store, pool, banks));
  const auto loaded = store.read([&](store::Tx& tx) -> Result<void> {
    ENTENTE_TRY(all, banks.list(tx));
    for (const Bank& bank : all) ENTENTE_CHECK_OK(out->load_shelf(tx, bank));
    return {};
  });
  if (!loaded) return fail(loaded.error());
  return out;
}

Result<void> Matcher::load_shelf(store::Tx& tx, const Bank& bank) {
  auto shelf = std::make_shared<Shelf>();
  shelf->radius = bank.radius;
  std::vector<std::pair<std::uint64_t, fingerprint::Pdq>> held;
  EntryId after = 0;
  for (;;) {
    ENTENTE_TRY(page, banks_.entries(tx, bank.name, after, kMaxPage));
    if (page.empty()) break;
    after = page.back().id;
    for (const Entry& entry : page) {
      if (!entry.tombstoned_at) held.emplace_back(key_of(entry.id), entry.pdq);
    }
  }
  for (const auto& [id, pdq] : held) shelf->index.add(id, pdq);
  const std::unique_lock lock(mutex_);
  const auto [at, fresh] = shelves_.emplace(bank.name, shelf);
  // Two callers met the same new bank: what either read must be on the one shelf.
  if (!fresh) {
    for (const auto& [id, pdq] : held) at->second->index.add(id, pdq);
  }
  return {};
}

std::map<std::string, std::shared_ptr<Matcher::Shelf>> Matcher::shelves() const {
  const std::shared_lock lock(mutex_);
  return shelves_;
}

Result<Fingerprint> Matcher::fingerprint_of(ByteView file) const {
  ENTENTE_TRY(answer, pool_.run(file));
  return parse_answer(answer);
}

Result<MatchAnswer> Matcher::match(ByteView file) const {
  ENTENTE_TRY(seen, fingerprint_of(file));
  return match_hash(seen);
}

Result<void> Matcher::collect(store::Tx& tx, const Shelf& shelf, const fingerprint::Pdq& pdq,
                              std::vector<Match>& out) const {
  ENTENTE_TRY(hits, shelf.index.search(pdq, shelf.radius));
  std::size_t listed = 0;
  for (const fingerprint::Hit& hit : hits) {
    if (listed == kMaxMatchesPerBank) break;
    ENTENTE_TRY(entry, banks_.live(tx, static_cast<EntryId>(hit.id)));
    if (!entry) continue;  // put out by a unit of work whose caller has not told us yet
    out.push_back({entry->bank, entry->id, hit.distance, entry->label, entry->act,
                   banks_.in_context_only(entry->label)});
    ++listed;
  }
  return {};
}

Result<MatchAnswer> Matcher::match_hash(const Fingerprint& fingerprint) const {
  MatchAnswer out;
  out.fingerprint = fingerprint;
  if (fingerprint.quality < fingerprint::kMinQuality) {
    out.note = "quality_too_low";
    return out;
  }
  const auto all = shelves();
  const auto looked = store_.read([&](store::Tx& tx) -> Result<void> {
    for (const auto& [name, shelf] : all)
      ENTENTE_CHECK_OK(collect(tx, *shelf, fingerprint.pdq, out.matches));
    return {};
  });
  if (!looked) return fail(looked.error());
  if (!out.matches.empty()) out.proposal = Proposal::kReview;
  return out;
}

Result<void> Matcher::added(const std::vector<EntryId>& ids) {
  return store_.read([&](store::Tx& tx) -> Result<void> {
    for (const EntryId id : ids) {
      ENTENTE_TRY(entry, banks_.live(tx, id));
      if (!entry) continue;
      const auto all = shelves();
      if (const auto found = all.find(entry->bank); found != all.end()) {
        found->second->index.add(key_of(id), entry->pdq);
        continue;
      }
      ENTENTE_TRY(banks, banks_.list(tx));
      for (const Bank& bank : banks) {
        if (bank.name == entry->bank) ENTENTE_CHECK_OK(load_shelf(tx, bank));
      }
    }
    return {};
  });
}

void Matcher::tombstoned(const std::vector<EntryId>& ids) {
  for (const auto& [name, shelf] : shelves()) {
    for (const EntryId id : ids) shelf->index.remove(key_of(id));
  }
  // Word of a tombstone may come after a later step has brought the entry back: what is live stays.
  if (const auto kept = added(ids); !kept)
    log::warn("match.recheck", {{"why", kept.error().detail}});
}

std::size_t Matcher::size() const {
  std::size_t out = 0;
  for (const auto& [name, shelf] : shelves()) out += shelf->index.size();
  return out;
}

}  // namespace entente::matching
