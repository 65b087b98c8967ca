// SPDX-License-Identifier: Apache-2.0
#include "entente/core/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/json.hpp>

#include "entente/core/time.h"

namespace entente::log {
namespace {

std::atomic<Level> g_level{Level::kInfo};
constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn", "error"};

}  // namespace

void set_level(Level level) {
  g_level = level;
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  std::string text = R"({"ts":")" + format_rfc3339(SystemClock().now()) + R"(","level":")";
  text += kNames[static_cast<std::size_t>(level)];
  text += R"(","event":)";
  text += boost::json::serialize(event);
  for (const Field& f : fields) {
    text += ',';
    text += boost::json::serialize(f.name);
    text += ':';
    std::visit([&](const auto& v) { text += boost::json::serialize(boost::json::value(v)); },
               f.value);
  }
  text += "}\n";
  // One write(2) per line: lines of several threads and processes do not mix.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace entente::log
