// SPDX-License-Identifier: Apache-2.0
//
// Inside effects/site: the file that nginx includes into `map $host$uri $entente_entry`, one line
// an address:
//
//   "host/path" "host/path record-url";
//
// nginx compares such keys without regard to case, and "Photo.jpg" must not fall with "photo.jpg":
// so the value repeats the address, and a second map of nginx_conf.cc compares it byte by byte
// before it yields the record's address. Blocked addresses that differ in case only would collide
// as keys: they become anchored regular expressions instead. Whatever nginx could misread is
// escaped; what does not fit its tokens is refused, for one bad line would stop every reload. Pure,
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "entente/core/error.h"

namespace entente::effects::site {

// nginx reads a configuration through a buffer of 4096 bytes: a token must fit, with its quotes.
inline constexpr std::size_t kMaxMapToken = 4000;

struct Blocked {
  std::string host;
  std::string path;    // decoded
  std::string record;  // passed check_plain_url
};
// kInvalid unless the address fits in either form of a line, so that no later entry can make it
// unfit.
Result<void> check_fits(const Blocked& entry);
// Sorted, so that equal sets are equal bytes. Entries passed check_fits.
Result<std::string> render_map(const std::vector<Blocked>& entries);

}  // namespace entente::effects::site
