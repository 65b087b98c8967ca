// SPDX-License-Identifier: Apache-2.0
#include "entente/ledger/routes.h"

#include <charconv>

namespace entente::ledger {
namespace {

using http::Request;
using http::Response;

// A tile never changes under its path (tlog-tiles): caches may keep it for good.
constexpr const char* kImmutable = "public, max-age=31536000, immutable";
constexpr const char* kFresh = "no-store";
constexpr std::string_view kEntriesPath = "entries/";

Cosigned wanted(const Request& request) {
  return request.query_if("cosigned").value_or("") == "1" ? Cosigned::kYes : Cosigned::kNo;
}

Response fresh_text(std::string text) {
  Response out = http::text_response(std::move(text));
  out.with("Cache-Control", kFresh);
  return out;
}

// To a reader a malformed path and a missing tile are one: nothing is there.
Error absent(Error error) {
  if (error.code == Code::kInvalid) error.code = Code::kNotFound;
  return error;
}

Result<std::uint64_t> parse_index(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() ||
      (text.size() > 1 && text.front() == '0'))
    return fail(Code::kNotFound, "the number of a leaf is a plain decimal number", "index");
  return out;
}

Result<Response> get_checkpoint(store::Store& store, const Request& request) {
  ENTENTE_TRY(head, store::read_returning<Checkpoint>(store, [&](store::Tx& tx) {
                return Log::checkpoint(tx, wanted(request));
              }));
  return fresh_text(std::move(head.note));
}

Result<Response> get_tile(store::Store& store, const Request& request) {
  const std::string_view rest = request.param("path");
  const std::string path = "tile/" + std::string(rest);
  auto bytes = store::read_returning<Bytes>(store, [&](store::Tx& tx) {
    return rest.starts_with(kEntriesPath) ? Log::entries(tx, path) : Log::tile(tx, path);
  });
  if (!bytes) return fail(absent(std::move(bytes).error()));
  Response out = http::bytes_response(to_text(*bytes), "application/octet-stream");
  out.with("Cache-Control", kImmutable);
  return out;
}

Result<Response> get_proof(store::Store& store, const Request& request) {
  ENTENTE_TRY(index, parse_index(request.param("index")));
  ENTENTE_TRY(proof, store::read_returning<std::string>(store, [&](store::Tx& tx) {
                return Log::proof(tx, index, wanted(request));
              }));
  return fresh_text(std::move(proof));
}

Result<Response> get_witnessed(store::Store& store, const Request& request) {
  ENTENTE_TRY(note, store::read_returning<std::string>(store, [&](store::Tx& tx) {
                return WitnessService::checkpoint(tx, request.param("origin"));
              }));
  return fresh_text(std::move(note));
}

}  // namespace

void add_routes(http::Router& router, store::Store& store, const WitnessService* witness) {
  const auto with_store = [&store](auto handler) {
    return [&store, handler](const Request& request) { return handler(store, request); };
  };
  router.add("GET", "/ledger/checkpoint", with_store(get_checkpoint));
  router.add("GET", "/ledger/tile/{path...}", with_store(get_tile));
  router.add("GET", "/ledger/proof/{index}", with_store(get_proof));
  if (witness == nullptr) return;
  router.add(
      "POST", "/witness/add-checkpoint",
      [&store, witness](const Request& request) { return witness->answer(store, request.body); },
      {.max_body = kMaxAddCheckpointBytes});
  router.add("GET", "/witness/{origin}/checkpoint", with_store(get_witnessed));
}

}  // namespace entente::ledger
