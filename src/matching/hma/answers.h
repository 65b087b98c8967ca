// SPDX-License-Identifier: Apache-2.0
//
// Inside face.h: HMA's manner of answering, and what its calls have in common.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "entente/http/api.h"
#include "entente/json/json.h"
#include "entente/matching/hma/face.h"

namespace entente::matching::hma {

inline constexpr std::string_view kPdq = "pdq";
inline constexpr std::string_view kPhoto = "photo";
inline constexpr std::string_view kVideo = "video";
inline constexpr std::string_view kHasher = "hasher";
inline constexpr std::string_view kMatcher = "matcher";
inline constexpr std::string_view kCurator = "curator";

http::Response message(int status, std::string_view text);
// Our errors with HMA's codes: what is wrong with the input is 400, whatever its kind.
http::Response message(const Error& error);
// Runs a handler and answers its Error as a message; who finds the sandbox full hears when to come
// back.
http::Handler face(const std::shared_ptr<const Parts>& parts,
                   std::function<Result<http::Response>(const http::Request&)> handler);

Unexpected bad(std::string why);        // 400
Unexpected missing(std::string why);    // 404
Unexpected forbidden(std::string why);  // 403

bool truthy(std::string_view text);  // "true", "1", "yes", "on", in any case
// A parameter that must be there: 400 otherwise.
Result<std::string> required(const http::Request& request, std::string_view name);
// "a, b,,c" → a b c.
std::vector<std::string> list_of(std::string_view text);
Result<json::Object> object_body(const http::Request& request);

// What HMA calls a bank: its alias, else its name in capitals ("removed" → "REMOVED").
std::string face_name(const Bank& bank);
Result<std::vector<Bank>> face_banks(store::Tx& tx, const Banks& banks);  // without retired ones
Result<std::optional<Bank>> find_bank(store::Tx& tx, const Banks& banks, std::string_view name);
json::Object bank_json(const Bank& bank);

// 400 for a hash that is none; blanks around it are ignored.
Result<fingerprint::Pdq> parse_signal(std::string_view text);
Result<void> check_signal_type(std::string_view name);

// A picture of a request, hashed. `hash` is empty below fingerprint::kMinQuality.
struct Hashed {
  std::string hash;
  int quality = 0;
  bool pdq = true;  // false: `types` asked for none that this content has
};
// By the `url` of the query.
Result<Hashed> hash_url(const Parts& parts, const http::Request& request);
// By the one file of the form; its field's name is the content type.
Result<Hashed> hash_form(const Parts& parts, const http::Request& request);
json::Object hashes_json(const Hashed& hashed);

void add_hashing(http::Router& router, const std::shared_ptr<const Parts>& parts);
void add_lookup(http::Router& router, const std::shared_ptr<const Parts>& parts);
void add_banks(http::Router& router, const std::shared_ptr<const Parts>& parts);
void add_content(http::Router& router, const std::shared_ptr<const Parts>& parts);
void add_status(http::Router& router, const std::shared_ptr<const Parts>& parts);

// One file and a few fields come with a picture.
inline constexpr std::size_t kMaxUpload = media::kMaxInputBytes + (64U << 10);

}  // namespace entente::matching::hma
