// SPDX-License-Identifier: Apache-2.0
#include "static_files.h"

#include <fstream>
#include <map>
#include <memory>
#include <sstream>

namespace entente::app {
namespace fs = std::filesystem;
namespace {

struct File {
  std::string type, body;
  bool hashed = false;  // its name changes with its content
};
using Files = std::map<std::string, File>;

std::string type_of(const fs::path& path) {
  static const std::map<std::string, std::string> kTypes = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".json", "application/json"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"}};
  const auto it = kTypes.find(path.extension().string());
  return it == kTypes.end() ? "application/octet-stream" : it->second;
}

http::Response send(const File& file) {
  auto response = http::bytes_response(file.body, file.type);
  response.with("Cache-Control", file.hashed ? "public, max-age=31536000, immutable" : "no-cache");
  response.with("Content-Security-Policy",
                "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri "
                "'none'; frame-ancestors 'none'; form-action 'self'");
  response.with("Referrer-Policy", "no-referrer");
  response.with("Cross-Origin-Opener-Policy", "same-origin");
  return response;
}

}  // namespace

Result<void> add_static_routes(http::Router& router, const fs::path& folder) {
  auto files = std::make_shared<Files>();
  std::size_t total = 0;
  std::error_code ec;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ec)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    const std::string name = "/" + fs::relative(entry.path(), folder).generic_string();
    total += text.str().size();
    if (total > kMaxStaticBytes)
      return fail(Code::kTooLarge, "the screens are larger than expected: " + folder.string());
    (*files)[name] = {type_of(entry.path()), text.str(), name.starts_with("/assets/")};
  }
  if (!files->contains("/index.html"))
    return fail(Code::kNotFound,
                "no built screens in " + folder.string() + " (npm run build in web/)");
  const auto serve = [files](const http::Request& q) -> Result<http::Response> {
    if (const auto it = files->find(q.path); it != files->end()) return send(it->second);
    const auto last = q.path.substr(q.path.rfind('/') + 1);
    if (q.path.starts_with("/v1/") || last.find('.') != std::string::npos)
      return fail(Code::kNotFound, "nothing here");
    return send(files->at("/index.html"));
  };
  router.add("GET", "/", serve);
  router.add("GET", "/{path...}", serve);
  return {};
}

}  // namespace entente::app
