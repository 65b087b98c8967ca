// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/road.h"

#include <algorithm>

#include "entente/core/log.h"
#include "entente/matching/policies.h"

namespace entente::matching {

namespace {

constexpr std::size_t kMaxUrl = 2'048;

// A number in [0, 1): which of the banks that take part in only some look-ups take part in this.
double toss(Random& random) {
  const Bytes bytes = random.bytes(4);
  std::uint32_t value = 0;
  for (const std::uint8_t b : bytes) value = value << 8 | b;
  return static_cast<double>(value) / 4294967296.0;
}

}  // namespace

Result<Item> parse_item(const json::Value& value, const std::string& path) {
  if (!value.is_object()) return fail(Code::kInvalid, "an item is an object", path);
  json::Reader r(value.get_object(), path);
  Item out;
  out.ref = r.text_if("ref", {.min = 0, .max = kMaxRef}).value_or("");
  const auto pdq = r.text_if("pdq", {.min = 0, .max = 4096});
  const auto quality = r.integer_if("quality", 0, 100);
  out.url = r.text_if("url", {.min = 1, .max = kMaxUrl});
  if (value.get_object().contains("image"))
    out.image = to_text(r.base64("image", media::kMaxInputBytes));
  if (pdq) {
    const auto parsed = fingerprint::Pdq::parse(*pdq);
    if (parsed) {
      out.print = Fingerprint{*parsed, static_cast<int>(quality.value_or(100)), {}};
    } else {
      r.fault("pdq", "a fingerprint is 64 lower-case hexadecimal digits");
    }
  } else if (quality) {
    r.fault("quality", "only a fingerprint is sent with its quality");
  }
  ENTENTE_CHECK_OK(r.done());
  if (out.print.has_value() + out.url.has_value() + out.image.has_value() != 1) {
    return fail(Code::kInvalid, "an item has exactly one of pdq, url and image", path + "/pdq");
  }
  return out;
}

Result<Road::Seen> Road::see(const Item& item) const {
  Seen out;
  if (item.print) {
    out.print = *item.print;
    return out;
  }
  if (item.url) {
    if (parts_.fetcher == nullptr) {
      return fail(Error{Code::kForbidden, "this node fetches nothing", "url", "",
                        "send the picture itself"});
    }
    ENTENTE_TRY(picture, parts_.fetcher->fetch(*item.url));
    out.fetched = std::move(picture.bytes);
  } else {
    out.file = as_bytes(*item.image);
  }
  const auto print = parts_.matcher.fingerprint_of(out.bytes());
  if (!print) {
    Error error = print.error();
    if (error.field.empty()) error.field = item.url ? "url" : "image";
    return fail(std::move(error));
  }
  out.print = *print;
  return out;
}

// The policy is read only when there is something to judge by it.
Result<std::vector<PolicyAnswer>> Road::propose(const std::vector<MatchAnswer>& answers) const {
  std::vector<PolicyAnswer> out(answers.size());
  const bool any = std::any_of(answers.begin(), answers.end(),
                               [](const MatchAnswer& a) { return !a.matches.empty(); });
  if (!any) return out;
  ENTENTE_TRY(adopted, store::read_returning<AdoptedPolicy>(parts_.store, [&](store::Tx& tx) {
                return policy_in_force(tx, parts_.banks.labels());
              }));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    std::vector<MatchFacts> facts;
    for (const Match& match : answers[i].matches) facts.push_back(match.facts);
    if (!facts.empty()) out[i] = evaluate(facts, adopted.policy);
  }
  return out;
}

void Road::count(const std::vector<MatchAnswer>& answers, Instant now) const {
  for (const MatchAnswer& answer : answers) {
    for (const Match& match : answer.matches) parts_.breaker.saw(match.entry.id, now);
  }
  if (!parts_.breaker.due(now)) return;
  const auto tripped = parts_.breaker.flush(parts_.store, now);
  if (!tripped) {
    log::error("match.breaker", {{"why", tripped.error().detail}});
  } else if (!tripped->empty()) {
    log::warn("match.quarantined", {{"entries", tripped->size()}});
  }
}

Result<std::vector<UploadCheck>> Road::judge(const std::vector<Seen>& seen,
                                             const LookUp& how) const {
  std::vector<Fingerprint> prints;
  prints.reserve(seen.size());
  for (const Seen& one : seen) prints.push_back(one.print);
  LookUp with_coin = how;
  with_coin.coin = toss(parts_.random);
  ENTENTE_TRY(answers, parts_.matcher.match_hashes(prints, with_coin));
  ENTENTE_TRY(proposals, propose(answers));
  const Instant now = parts_.clock.now();
  std::vector<UploadCheck> out;
  out.reserve(seen.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    // The file's hash is evidence about what somebody must look at; nobody needs it of the rest.
    const bool asked = proposals[i].proposal != Proposal::kNone && !seen[i].bytes().empty();
    out.push_back(make_check(answers[i], proposals[i],
                             asked ? file_sha256(seen[i].bytes()) : std::string(), now,
                             parts_.random));
  }
  ENTENTE_CHECK_OK(parts_.checks.add(out));
  count(answers, now);
  for (const UploadCheck& check : out) {
    if (check.proposal == Proposal::kNone) continue;
    log::info("match.proposed", {{"check", check.id},
                                 {"proposal", proposal_name(check.proposal)},
                                 {"matches", check.matches.size()}});
    if (parts_.opened) parts_.opened(check);
  }
  return out;
}

Result<UploadCheck> Road::picture(ByteView file, const LookUp& how) const {
  std::vector<Seen> seen(1);
  seen[0].file = file;
  ENTENTE_TRY(print, parts_.matcher.fingerprint_of(file));
  seen[0].print = print;
  ENTENTE_TRY(checks, judge(seen, how));
  return std::move(checks.front());
}

std::vector<Result<UploadCheck>> Road::items(const std::vector<Result<Item>>& items,
                                             const LookUp& how) const {
  std::vector<Result<UploadCheck>> out(items.size(),
                                       fail(Code::kInternal, "an item without an answer"));
  std::vector<Seen> seen;
  std::vector<std::size_t> place;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto one = items[i] ? see(*items[i]) : Result<Seen>(fail(items[i].error()));
    if (one && how.turned && !one->print.turned)
      one =
          fail(Code::kInvalid, "a fingerprint alone cannot be turned: send the picture", "turned");
    if (!one) {
      out[i] = fail(std::move(one).error());
      continue;
    }
    seen.push_back(*std::move(one));
    place.push_back(i);
  }
  auto checks = judge(seen, how);
  for (std::size_t k = 0; k < place.size(); ++k) {
    if (checks) {
      out[place[k]] = std::move((*checks)[k]);
    } else {
      out[place[k]] = fail(checks.error());
    }
  }
  return out;
}

}  // namespace entente::matching
