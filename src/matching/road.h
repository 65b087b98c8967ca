// SPDX-License-Identifier: Apache-2.0
//
// The upload road: an item comes in as bytes, as an address or as a fingerprint; out goes what it
// resembles and what the platform's policy proposes, recorded. A match alone never decides (SG21):
// it proposes a review, a hold with an end or less spread, and each of them opens a task for a
// person. What matches is counted, so that a fingerprint which suddenly matches everything is taken
// to people instead of taking everything down (breaker.h).
//
// Items of one request are independent: a bad one is answered with its own Error and costs its
// neighbours nothing. Beyond capacity the answer is kBusy at once (media::DecoderPool, Fetcher).
//
// Thread-safe; calls block on the sandbox, the network and the store.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "entente/json/json.h"
#include "entente/matching/breaker.h"
#include "entente/matching/check_log.h"
#include "entente/matching/fetch.h"
#include "entente/matching/matcher.h"

namespace entente::matching {

// Of the caller's own name for an item, given back with its answer.
inline constexpr std::size_t kMaxRef = 200;

struct Item {
  std::string ref;
  // Exactly one of them.
  std::optional<Fingerprint> print;
  std::optional<std::string> url;
  std::optional<std::string> image;  // the bytes
};
// {"pdq": "<64 hex>", "quality"?: 0..100} | {"url": "https://…"} | {"image": "<base64>"}, with
// "ref"? in each. `path` goes before the names of fields at fault ("/3" in a list).
Result<Item> parse_item(const json::Value& value, const std::string& path = {});

class Road {
 public:
  struct Parts {
    store::Store& store;
    const Banks& banks;
    const Matcher& matcher;
    CheckLog& checks;
    Breaker& breaker;
    Fetcher* fetcher;  // null: no address is fetched
    const Clock& clock;
    Random& random;
    // After a check is recorded that proposes something: wakes the queue's screens. May be empty.
    std::function<void(const UploadCheck&)> opened;
  };
  explicit Road(Parts parts) : parts_(std::move(parts)) {}

  Result<UploadCheck> picture(ByteView file, const LookUp& how) const;
  // As many answers as items, in their order. Fingerprints are looked up together.
  std::vector<Result<UploadCheck>> items(const std::vector<Result<Item>>& items,
                                         const LookUp& how) const;
  const Parts& parts() const { return parts_; }

 private:
  struct Seen {
    Fingerprint print;
    ByteView file;        // the caller's
    std::string fetched;  // ours
    ByteView bytes() const { return fetched.empty() ? file : as_bytes(fetched); }
  };
  Result<Seen> see(const Item& item) const;
  Result<std::vector<UploadCheck>> judge(const std::vector<Seen>& seen, const LookUp& how) const;
  Result<std::vector<PolicyAnswer>> propose(const std::vector<MatchAnswer>& answers) const;
  void count(const std::vector<MatchAnswer>& answers, Instant now) const;

  Parts parts_;
};

}  // namespace entente::matching
