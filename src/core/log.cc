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
  boost::json::object line;
  line["ts"] = format_rfc3339(SystemClock().now());
  line["level"] = kNames[static_cast<std::size_t>(level)];
  line["event"] = event;
  for (const Field& f : fields) std::visit([&](const auto& v) { line[f.name] = v; }, f.value);
  const std::string text = boost::json::serialize(line) + "\n";
  // One write(2) per line: lines of several threads and processes do not mix.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace entente::log
