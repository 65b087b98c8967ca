// SPDX-License-Identifier: Apache-2.0
//
// GET and POST /h/hash.
#include "entente/matching/hma/answers.h"
#include "entente/matching/hma/multipart.h"

namespace entente::matching::hma {

namespace {

Result<void> check_content_type(std::string_view name) {
  if (name == kPhoto) return {};
  if (name == kVideo) return bad("content_type video is disabled");
  return bad("no such content_type: '" + std::string(name) + "'");
}

// Whether `types` of the query asks for PDQ; none given asks for all.
Result<void> check_types(const http::Request& request) {
  const auto types = request.query_if("types");
  if (!types) return {};
  const std::vector<std::string> names = list_of(*types);
  for (const std::string& name : names) {
    if (name != kPdq) return bad("signal type '" + name + "' doesn't exist or is disabled");
  }
  if (names.empty()) return bad("empty signal type selection");
  return {};
}

Result<Hashed> hash_bytes(const Parts& parts, std::string_view bytes) {
  if (bytes.empty()) return bad("the file is empty");
  ENTENTE_TRY(print, parts.matcher.fingerprint_of(as_bytes(bytes)));
  Hashed out;
  out.quality = print.quality;
  if (print.quality >= fingerprint::kMinQuality) out.hash = print.pdq.hex();
  return out;
}

}  // namespace

Result<Hashed> hash_url(const Parts& parts, const http::Request& request) {
  ENTENTE_TRY(url, required(request, "url"));
  ENTENTE_CHECK_OK(check_types(request));
  const auto asked = request.query_if("content_type");
  if (asked) ENTENTE_CHECK_OK(check_content_type(*asked));
  if (parts.fetcher == nullptr) return bad("no URL is fetched here: send the file");
  auto picture = parts.fetcher->fetch(url);
  if (!picture) {
    // A host that is not on the list is a bad URL in HMA's words.
    if (picture.error().code == Code::kForbidden) return bad(picture.error().detail);
    return fail(std::move(picture).error());
  }
  if (!asked && !picture->content_type.starts_with("image")) {
    if (picture->content_type.starts_with("video")) return bad("content_type video is disabled");
    return bad("unsupported url ContentType: '" + picture->content_type +
               "', if you know the expected type, provide it with the content_type query param");
  }
  return hash_bytes(parts, picture->bytes);
}

Result<Hashed> hash_form(const Parts& parts, const http::Request& request) {
  const std::string boundary = boundary_of(request.header("content-type"));
  if (boundary.empty()) return bad("Missing multipart/form-data file upload");
  ENTENTE_TRY(form, parse_multipart(request.body, boundary));
  const Part* file = nullptr;
  for (const Part& part : form) {
    if (!part.filename) continue;
    if (file != nullptr) return bad("Only one file allowed per request");
    file = &part;
  }
  if (file == nullptr) return bad("Missing multipart/form-data file upload");
  ENTENTE_CHECK_OK(check_content_type(file->name));
  ENTENTE_CHECK_OK(check_types(request));
  return hash_bytes(parts, file->body);
}

json::Object hashes_json(const Hashed& hashed) {
  return {{kPdq, hashed.hash}};
}

void add_hashing(http::Router& router, const std::shared_ptr<const Parts>& parts) {
  http::RouteOptions work;
  work.pool = http::Pool::kCpu;
  work.max_body = kMaxUpload;
  const std::string at = parts->prefix + "/h/hash";
  router.add("GET", at,
             face(parts,
                  [parts](const http::Request& request) -> Result<http::Response> {
                    ENTENTE_CHECK_OK(parts->person(request, kHasher));
                    ENTENTE_TRY(hashed, hash_url(*parts, request));
                    return http::json_response(hashes_json(hashed));
                  }),
             work);
  router.add("POST", at,
             face(parts,
                  [parts](const http::Request& request) -> Result<http::Response> {
                    ENTENTE_CHECK_OK(parts->person(request, kHasher));
                    ENTENTE_TRY(hashed, hash_form(*parts, request));
                    return http::json_response(hashes_json(hashed));
                  }),
             work);
}

}  // namespace entente::matching::hma
