// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <set>

#include "entente/acts/toml_safe.h"
#include "entente/core/random.h"
#include "entente/crypto/age.h"
#include "entente/crypto/keys.h"
#include "entente/identity/directory.h"

namespace entente::app {
namespace fs = std::filesystem;
namespace {

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

Result<void> refuse_unknown(const toml::table& table, const std::set<std::string_view>& known,
                            std::string_view where) {
  for (const auto& [key, value] : table)
    if (!known.contains(key.str()))
      return fail(Code::kInvalid,
                  fmt::format("entente.toml line {}: no such setting: {}{}",
                              value.source().begin.line, where, key.str()),
                  std::string(key.str()));
  return {};
}

// What is there must be of its kind: a port in quotation marks must not load as no port.
template <class T>
Result<void> take(const toml::table& table, std::string_view key, T& out) {
  const auto* node = table.get(key);
  if (node == nullptr) return {};
  const auto value = node->value_exact<T>();
  if (!value)
    return fail(Code::kInvalid,
                fmt::format("entente.toml line {}: {} must be {}", node->source().begin.line, key,
                            std::is_same_v<T, bool>          ? "true or false"
                            : std::is_same_v<T, std::string> ? "a text"
                                                             : "a whole number"),
                std::string(key));
  out = *value;
  return {};
}

Result<void> take_texts(const toml::table& table, std::string_view key,
                        std::vector<std::string>& out) {
  const auto* node = table.get(key);
  if (node == nullptr) return {};
  const auto wrong = [&] {
    return fail(Code::kInvalid,
                fmt::format("entente.toml line {}: {} must be a list of texts",
                            node->source().begin.line, key),
                std::string(key));
  };
  const auto* array = node->as_array();
  if (array == nullptr) return wrong();
  for (const auto& item : *array) {
    const auto text = item.value_exact<std::string>();
    if (!text || text->empty()) return wrong();
    out.push_back(*text);
  }
  return {};
}

Result<void> take_matching(const toml::table& t, Config& c) {
  ENTENTE_CHECK_OK(take_texts(t, "fetch_hosts", c.fetch_hosts));
  ENTENTE_CHECK_OK(take(t, "strict_fingerprints", c.strict_fingerprints));
  ENTENTE_CHECK_OK(take(t, "hma", c.hma));
  ENTENTE_CHECK_OK(take(t, "hma_prefix", c.hma_prefix));
  const bool good = c.hma_prefix.empty() ||
                    (c.hma_prefix.starts_with('/') && !c.hma_prefix.ends_with('/') &&
                     c.hma_prefix.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-/") ==
                         std::string::npos);
  if (!good)
    return fail(Code::kInvalid, "entente.toml: hma_prefix is empty or a path such as \"/hma\"",
                "hma_prefix");
  return {};
}

Result<SiteConfig> read_site(const toml::node& node) {
  const auto* site = node.as_table();
  if (site == nullptr) return fail(Code::kInvalid, "entente.toml: [site] must be a table", "site");
  ENTENTE_CHECK_OK(
      refuse_unknown(*site, {"content_root", "public_base", "blocked_map", "nginx_pid"}, "site."));
  SiteConfig c;
  ENTENTE_CHECK_OK(take(*site, "content_root", c.content_root));
  ENTENTE_CHECK_OK(take(*site, "public_base", c.public_base));
  ENTENTE_CHECK_OK(take(*site, "blocked_map", c.blocked_map));
  ENTENTE_CHECK_OK(take(*site, "nginx_pid", c.nginx_pid));
  return c;
}

Result<void> write_new(const fs::path& path, std::string_view text, fs::perms mode) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) return fail(Code::kUnavailable, "cannot write " + path.filename().string());
  std::error_code ec;
  fs::permissions(path, mode, ec);
  if (ec) return fail(Code::kUnavailable, "cannot set the mode of " + path.filename().string());
  return {};
}

}  // namespace

Result<Config> load_config(const fs::path& folder) {
  Config c;
  c.folder = fs::absolute(folder);
  const auto file = (c.folder / "entente.toml").string();
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Code::kNotFound, "cannot read " + file);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!acts::plain_outside_texts(text))
    return fail(Code::kInvalid, file + ": a letter beyond ASCII outside of texts");
  toml::table t;
  try {
    t = toml::parse(text, file);
  } catch (const toml::parse_error& e) {
    return fail(Code::kInvalid, fmt::format("{}: {} (line {})", (folder / "entente.toml").string(),
                                            e.description(), e.source().begin.line));
  } catch (const std::logic_error&) {
    return fail(Code::kInvalid,
                (folder / "entente.toml").string() + ": a table's header is no key");
  }
  ENTENTE_CHECK_OK(
      refuse_unknown(t,
                     {"party", "name", "kind", "url", "address", "port", "web", "allow_plain_http",
                      "allow_private_addresses", "clock_offset_ms", "site", "fetch_hosts",
                      "strict_fingerprints", "hma", "hma_prefix"},
                     ""));
  ENTENTE_CHECK_OK(take(t, "party", c.party));
  ENTENTE_CHECK_OK(take(t, "name", c.name));
  ENTENTE_CHECK_OK(take(t, "kind", c.kind));
  ENTENTE_CHECK_OK(take(t, "url", c.url));
  ENTENTE_CHECK_OK(take(t, "address", c.address));
  std::int64_t port = 0;
  ENTENTE_CHECK_OK(take(t, "port", port));
  if (port < 0 || port > 65535)
    return fail(Code::kInvalid, "entente.toml: port must be 0 to 65535", "port");
  c.port = static_cast<std::uint16_t>(port);
  ENTENTE_CHECK_OK(take(t, "web", c.web));
  ENTENTE_CHECK_OK(take(t, "allow_plain_http", c.allow_plain_http));
  ENTENTE_CHECK_OK(take(t, "allow_private_addresses", c.allow_private_addresses));
  ENTENTE_CHECK_OK(take(t, "clock_offset_ms", c.clock_offset_ms));
  ENTENTE_CHECK_OK(take_matching(t, c));
  if (const auto* site = t.get("site")) {
    ENTENTE_TRY(read, read_site(*site));
    c.site = std::move(read);
  }
  for (const auto& [name, value] :
       {std::pair{"party", &c.party}, {"name", &c.name}, {"kind", &c.kind}, {"url", &c.url}})
    if (value->empty())
      return fail(Code::kInvalid, fmt::format("entente.toml: {} is missing", name), name);
  if (!identity::is_party_kind(c.kind))
    return fail(
        Code::kInvalid,
        fmt::format("entente.toml: kind must be one of {}", fmt::join(identity::kPartyKinds, ", ")),
        "kind");
  return c;
}

Result<void> init_folder(const Config& c) {
  if (!identity::is_party_kind(c.kind))
    return fail(Code::kInvalid,
                fmt::format("kind must be one of {}", fmt::join(identity::kPartyKinds, ", ")),
                "--kind");
  if (fs::exists(c.folder / "entente.toml"))
    return fail(Code::kConflict, c.folder.string() + " already holds a node");
  std::error_code ec;
  fs::create_directories(c.folder / "keys", ec);
  if (ec)
    return fail(Code::kUnavailable, "cannot create " + c.folder.string() + ": " + ec.message());
  fs::permissions(c.folder, fs::perms::owner_all, ec);
  fs::permissions(c.folder / "keys", fs::perms::owner_all, ec);
  fs::create_directories(c.folder / "sealed", ec);
  fs::create_directories(c.folder / "notifications", ec);
  SystemRandom random;
  ENTENTE_CHECK_OK(crypto::PrivateKey::generate(random).save(c.key("node.key")));
  ENTENTE_CHECK_OK(crypto::PrivateKey::generate(random).save(c.key("ledger.key")));
  if (c.kind == "overseer")
    ENTENTE_CHECK_OK(crypto::PrivateKey::generate(random).save(c.key("witness.key")));
  if (c.kind == "platform") {
    ENTENTE_CHECK_OK(crypto::AgeIdentity::generate(random).save(c.key("seal.key")));
    ENTENTE_CHECK_OK(write_new(c.key("upload.token"), to_base64url(random.bytes(32)) + "\n",
                               fs::perms::owner_read | fs::perms::owner_write));
  }
  std::string text = fmt::format(
      "party = {}\nname = {}\nkind = {}\nurl = {}\naddress = {}\nport = {}\nweb = "
      "{}\nallow_plain_http = {}\nallow_private_addresses = {}\n",
      toml_text(c.party), toml_text(c.name), toml_text(c.kind), toml_text(c.url),
      toml_text(c.address), c.port, toml_text(c.web), c.allow_plain_http,
      c.allow_private_addresses);
  if (c.clock_offset_ms != 0) text += fmt::format("clock_offset_ms = {}\n", c.clock_offset_ms);
  if (c.site)
    text += fmt::format(
        "\n[site]\ncontent_root = {}\npublic_base = {}\nblocked_map = {}\nnginx_pid = {}\n",
        toml_text(c.site->content_root), toml_text(c.site->public_base),
        toml_text(c.site->blocked_map), toml_text(c.site->nginx_pid));
  return write_new(c.folder / "entente.toml", text, fs::perms::owner_read | fs::perms::owner_write);
}

}  // namespace entente::app
