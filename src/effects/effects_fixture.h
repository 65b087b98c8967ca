// SPDX-License-Identifier: Apache-2.0
//
// For the tests of this folder: an outbox in a SQLite file, handlers that remember, a clock that
// threads may read while the test moves it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "entente/adapters/sqlite/sqlite_store.h"
#include "entente/adapters/sqlite/test_folder.h"
#include "entente/effects/dispatcher.h"
#include "entente/effects/outbox.h"

namespace entente::effects {

class TestClock final : public Clock {
 public:
  explicit TestClock(Instant start) : ms_(to_ms(start)) {}
  Instant now() const override { return instant_from_ms(ms_); }
  void advance(Millis by) { ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> ms_;
};

// Remembers the keys it saw and answers as told.
class TestHandler final : public Handler {
 public:
  using Answer = std::function<Result<json::Object>(const Effect&)>;
  explicit TestHandler(Answer answer = nullptr) : answer_(std::move(answer)) {}

  Result<json::Object> perform(const Effect& effect) override {
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(effect.key);
      answer = answer_;
    }
    return answer ? answer(effect) : Result<json::Object>(json::Object());
  }
  void set(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  std::vector<std::string> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  mutable std::mutex mutex_;
  Answer answer_;
  std::vector<std::string> seen_;
};

inline Effect effect_of(const std::string& key, const std::string& group = {},
                        const std::string& kind = "content.disable") {
  Effect e;
  e.key = key;
  e.kind = kind;
  e.act = "act-1";
  e.payload["target"] = 7;
  if (!group.empty()) e.payload["serial_group"] = group;
  return e;
}

class EffectsTest : public testing::Test {
 protected:
  EffectsTest() { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = sqlite::SqliteStore::open(folder_.file("db"));
    check(opened.has_value(), "open");
    store_ = *std::move(opened);
    check(store::migrate(*store_, {outbox_migration()}, to_ms(clock_.now())).has_value(),
          "migrate");
  }
  Result<bool> add(const Effect& effect) {
    return store::write_returning<bool>(
        *store_, [&](store::Tx& tx) { return enqueue(tx, effect, clock_.now()); });
  }
  Entry entry(const std::string& key) {
    const auto found = store::read_returning<std::optional<Entry>>(
        *store_, [&](store::Tx& tx) { return find(tx, key, clock_.now()); });
    EXPECT_TRUE(found && *found) << key;
    return found && *found ? **found : Entry{};
  }
  Result<void> retry_now(const std::string& key) {
    return store_->write([&](store::Tx& tx) { return retry(tx, key, clock_.now()); });
  }
  Result<bool> cancel_now(const std::string& key) {
    return store::write_returning<bool>(
        *store_, [&](store::Tx& tx) { return cancel(tx, key, clock_.now()); });
  }

  sqlite::TestFolder folder_;
  TestClock clock_{*parse_rfc3339("2026-11-21T10:00:00Z")};
  SeededRandom random_{1};
  std::unique_ptr<sqlite::SqliteStore> store_;
};

}  // namespace entente::effects
