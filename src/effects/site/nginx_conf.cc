// SPDX-License-Identifier: Apache-2.0
//
// Proven with nginx 1.22 (nginx-light). `if` must stand inside a location, or the page's body is
// lost.
#include <fmt/format.h>

#include "entente/effects/site/blocked_map.h"
#include "entente/effects/site/public_url.h"
#include "entente/effects/site/site.h"

namespace entente::effects::site {

namespace {

// Keys are up to kMaxPathBytes and a host name; a bucket must hold one.
constexpr int kHashBucketBytes = 4096;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

// Not more than nginx's token of 4096 bytes. No apostrophe: the whole is one single-quoted token.
constexpr std::string_view kPage =
    R"html(<!doctype html><html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>451</title></head><body><main><h1>451 – Indisponible pour raisons légales</h1><p>Ce contenu a été rendu inaccessible à la suite d’un acte d’une autorité. L’acte, ses motifs et les voies de recours sont publics dès que la loi le permet&nbsp;: <a href="$entente_link_saved" rel="describedby">consulter l’acte et le contester</a>.</p></main><main lang="en"><h1>451 – Unavailable for legal reasons</h1><p>This content was made inaccessible following an act of an authority. The act, its reasons and the ways to challenge it are public as soon as the law allows: <a href="$entente_link_saved" rel="describedby">read the act and challenge it</a>.</p><p><code>$entente_link_saved</code></p></main></body></html>)html";

constexpr std::string_view kTypes =
    "text/html html htm; text/plain txt; text/css css; text/javascript js; image/jpeg jpg jpeg; "
    "image/png png; "
    "image/gif gif; image/webp webp; image/svg+xml svg; video/mp4 mp4; video/webm webm; audio/mpeg "
    "mp3; "
    "application/pdf pdf; application/json json;";

std::string process_part(const SiteOptions& options, const std::filesystem::path& prefix,
                         const NginxRun& run) {
  std::string out = fmt::format("daemon {};\n", run.daemon ? "on" : "off");
  if (!run.user.empty()) out += fmt::format("user {};\n", run.user);
  out += fmt::format(
      "worker_processes 1;\npid {};\nerror_log {} notice;\nevents {{ worker_connections 512; }}\n",
      quoted(options.nginx_pid.string()), quoted((prefix / "error.log").string()));
  return out;
}

std::string maps_part(const SiteOptions& options) {
  std::string out =
      fmt::format("  map_hash_max_size 262144;\n  map_hash_bucket_size {};\n", kHashBucketBytes);
  out += "  geo $entente_dollar { default \"$\"; }\n";
  out += fmt::format("  map $host$uri $entente_entry {{ volatile; default \"\"; include {}; }}\n",
                     quoted(options.blocked_map.string()));
  // The first map ignores case; this one does not. The entry comes first, so that no request can
  // pose as one.
  out +=
      "  map \"$entente_entry\\n$host$uri\" $entente_link {\n"
      "    volatile;\n"
      "    default \"\";\n"
      "    \"~^([^\\n]+) (?<entente_found>[^\\n ]+)\\n\\1\\z\" $entente_found;\n"
      "  }\n";
  return out;
}

std::string blocked_part(const SiteOptions& options) {
  std::string out = "    error_page 451 @entente_451;\n    location @entente_451 {\n";
  out += "      types { }\n      default_type text/html;\n";
  out += fmt::format("      add_header Link '<{}>; rel=\"blocked-by\"' always;\n",
                     options.platform_url);
  out += "      add_header Link '<$entente_link_saved>; rel=\"describedby\"' always;\n";
  out += "      add_header Cache-Control 'max-age=300' always;\n";
  out += "      add_header X-Content-Type-Options nosniff always;\n";
  out += fmt::format("      return 451 '{}';\n    }}\n", kPage);
  return out;
}

}  // namespace

std::string nginx_conf(const SiteOptions& options, std::uint16_t port,
                       const std::filesystem::path& prefix, const NginxRun& run) {
  const auto base = parse_base(options.public_base);
  const std::string host = base ? base->host : "_";
  std::string out = process_part(options, prefix, run);
  out += "http {\n  access_log off;\n  server_tokens off;\n  charset utf-8;\n  sendfile on;\n";
  for (const char* name : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    out += fmt::format("  {}_temp_path {};\n", name, quoted((prefix / "tmp" / name).string()));
  }
  out += fmt::format("  types {{ {} }}\n  default_type application/octet-stream;\n", kTypes);
  out += maps_part(options);
  // Under another name the map would not know the file: other names get nothing.
  out += fmt::format(
      "  server {{ listen 127.0.0.1:{} default_server; server_name \"\"; return 421; }}\n", port);
  out += fmt::format("  server {{\n    listen 127.0.0.1:{};\n    server_name {};\n    root {};\n",
                     port, host, quoted(options.content_root.string()));
  out += "    disable_symlinks on from=$document_root;\n";
  out += fmt::format("    location ~ /{}{} {{ return 404; }}\n", '\\', kOwnPrefix);
  out +=
      "    location / {\n      if ($entente_link != \"\") {\n        set $entente_link_saved "
      "$entente_link;\n"
      "        return 451;\n      }\n    }\n";
  out += blocked_part(options);
  out += "  }\n}\n";
  return out;
}

}  // namespace entente::effects::site
