// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "commands.h"
#include "entente/acts/check.h"
#include "entente/acts/model.h"
#include "entente/acts/regime.h"
#include "entente/crypto/envelope.h"
#include "entente/crypto/sha256.h"
#include "entente/identity/directory.h"
#include "entente/ledger/verify.h"
#include "entente/matching/matcher.h"
#include "entente/media/sandbox.h"

namespace entente::app {
namespace fs = std::filesystem;
namespace {

constexpr std::uintmax_t kMaxFile = 64 << 20;

Result<std::string> read_file(const fs::path& path) {
  std::error_code ec;
  const auto size = fs::file_size(path, ec);
  if (ec) return fail(Code::kNotFound, path.string() + ": " + ec.message());
  if (size > kMaxFile)
    return fail(Code::kTooLarge,
                fmt::format("{}: {} bytes; at most {}", path.string(), size, kMaxFile));
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::kNotFound, "cannot read " + path.string());
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<void> verify_proof_file(const VerifyOptions& o, const std::string& text) {
  if (o.leaf.empty() || o.log_vkey.empty())
    return fail(Code::kInvalid, "a .tlog-proof needs --leaf FILE and --log VKEY");
  ENTENTE_TRY(leaf, read_file(o.leaf));
  ENTENTE_TRY(v, ledger::verify_proof(text, leaf, o.log_vkey, o.witness_vkeys, o.min_witnesses));
  fmt::print(
      "ok leaf {} of {} in {}{}\n", v.index, v.size, v.origin,
      v.cosigned_by.empty() ? "" : fmt::format(", cosigned by {}", fmt::join(v.cosigned_by, ", ")));
  return {};
}

}  // namespace

Result<void> verify_file(const VerifyOptions& o) {
  ENTENTE_TRY(text, read_file(o.file));
  if (text.starts_with("c2sp.org/tlog-proof@")) return verify_proof_file(o, text);
  ENTENTE_TRY(envelope, crypto::parse_envelope(text, 4 << 20));
  std::map<std::string, std::pair<crypto::PublicKey, std::string>> known;
  for (const auto& k : o.keys) {
    ENTENTE_TRY(key, crypto::PublicKey::parse(k));
    known.insert({key.id(), {key, "given key"}});
  }
  if (!o.directory.empty()) {
    ENTENTE_TRY(directory, read_file(o.directory));
    ENTENTE_TRY(entry, identity::parse_entry(directory));
    known.insert({entry.node_key.id(), {entry.node_key, entry.party + " (node)"}});
    for (const auto& p : entry.officials)
      if (!p.revoked_at) known.insert({p.key.id(), {p.key, entry.party + " " + p.person}});
  }
  if (known.empty())
    return fail(Code::kInvalid,
                "say whose signature you expect: --key ed25519:… or --directory entente.json");
  for (const auto& s : envelope.signatures) {
    const auto it = known.find(s.keyid);
    if (it == known.end())
      return fail(Code::kUnauthorised, "signed by a key you did not name: " + s.keyid, "keyid");
    ENTENTE_CHECK_OK(crypto::verify_signature(envelope, s, it->second.first));
    fmt::print("signature of {} by {}: good\n", s.keyid, it->second.second);
  }
  if (envelope.payload_type == acts::kStepType) {
    ENTENTE_TRY(step, acts::parse_step(as_text(envelope.payload),
                                       to_hex(crypto::sha256(envelope.payload))));
    fmt::print("ok step {} {} of act {} under {} at {}\n", step.id, step.move, step.act,
               step.regime, format_rfc3339(step.at));
  } else {
    fmt::print("ok {}\n", envelope.payload_type);
  }
  return {};
}

Result<void> hash_files(const std::vector<fs::path>& files) {
  ENTENTE_TRY(pool,
              media::DecoderPool::create({}, matching::picture_job(matching::Exactness::kStrict)));
  bool failed = false;
  for (const auto& file : files) {
    const auto text = read_file(file);
    const auto answer =
        text ? pool->run(as_bytes(*text)) : Result<std::string>(tl::unexpect, text.error());
    const auto print = answer ? matching::parse_picture_answer(*answer)
                              : Result<matching::Fingerprint>(tl::unexpect, answer.error());
    if (print) {
      fmt::print("{} {} {}\n", print->pdq.hex(), print->quality, file.string());
    } else {
      failed = true;
      fmt::print(stderr, "entente: {}: {}\n", file.string(), to_string(print.error()));
    }
  }
  if (failed) return fail(Code::kInvalid, "some files have no hash");
  return {};
}

Result<void> check_regimes(const std::vector<fs::path>& files) {
  std::vector<acts::SourceFile> sources = acts::Catalogue::builtin_files();
  std::vector<acts::SourceFile> wanted;
  for (const auto& f : files) {
    ENTENTE_TRY(text, read_file(f));
    std::erase_if(sources, [&](const auto& s) { return s.name == f.filename().string(); });
    sources.push_back({f.filename().string(), text});
    if (f.extension() == ".toml") wanted.push_back(sources.back());
  }
  if (files.empty())
    for (const auto& s : sources)
      if (s.name.ends_with(".toml")) wanted.push_back(s);
  for (const auto& [number, sentence] : acts::properties())
    fmt::print("{}  {}\n", number, sentence);
  bool broken = false;
  for (const auto& w : wanted) {
    ENTENTE_TRY(regime, acts::parse_regime(w, sources));
    const auto report = acts::check_regime(regime);
    fmt::print("{} {} ({} states explored)\n", report.ok() ? "proved " : "REFUSED", report.regime,
               report.states);
    for (const auto& f : report.findings) fmt::print("  {}\n", acts::to_text(f));
    broken = broken || !report.ok();
  }
  if (broken) return fail(Code::kRefused, "a regime does not keep its promises");
  return {};
}

Result<void> print_regime_schema() {
  for (const auto& f : acts::Catalogue::builtin_files())
    if (f.name == acts::kRegimeSchema) fmt::print("{}", f.text);
  return {};
}

Result<void> list_regimes() {
  ENTENTE_TRY(all, acts::Catalogue::builtin());
  for (const auto* r : all.all())
    fmt::print("{} {} {} — {}\n", r->name(), r->type, r->mode, r->title.en);
  return {};
}

}  // namespace entente::app
