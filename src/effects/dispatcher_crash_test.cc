// SPDX-License-Identifier: Apache-2.0
// The process dies after the real world was changed and before that was recorded.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <future>
#include <string>

#include "entente/effects/effects_fixture.h"

namespace entente::effects {
namespace {

using DispatcherCrash = EffectsTest;

// The child: performs, says which key on the pipe, and is gone before perform returns.
[[noreturn]] void perform_and_die(const std::string& path, int pipe, const Clock& clock) {
  auto store = sqlite::SqliteStore::open(path);
  if (!store) ::_exit(2);
  SeededRandom random(2);
  TestHandler handler([pipe](const Effect& e) -> Result<json::Object> {
    if (::write(pipe, e.key.data(), e.key.size()) < 0) ::_exit(3);
    ::kill(::getpid(), SIGKILL);
    return json::Object();
  });
  Dispatcher dispatcher(**store, clock, random);
  dispatcher.handle("content.disable", handler);
  static_cast<void>(dispatcher.run_due());
  ::_exit(4);
}

TEST_F(DispatcherCrash, DyingBetweenPerformingAndRecordingPerformsAgainWithTheSameKey) {
  ASSERT_TRUE(*add(effect_of("exec:act-1:0")));
  store_.reset();  // the child is the owner now
  std::array<int, 2> fds{};
  ASSERT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) perform_and_die(folder_.file("db"), fds[1], clock_);
  ::close(fds[1]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  std::array<char, 100> said{};
  const ssize_t n = ::read(fds[0], said.data(), said.size());
  ::close(fds[0]);
  ASSERT_GT(n, 0);

  reopen();
  EXPECT_TRUE(entry("exec:act-1:0").running) << "the dead process's lease stands";
  std::promise<void> performed;
  TestHandler handler([&](const Effect&) -> Result<json::Object> {
    performed.set_value();
    return json::Object();
  });
  Dispatcher dispatcher(*store_, clock_, random_);
  dispatcher.handle("content.disable", handler);
  ASSERT_TRUE(
      dispatcher.start());  // the clock stands still: only the release at start frees the row
  ASSERT_EQ(performed.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  dispatcher.stop();
  EXPECT_EQ(handler.seen(),
            (std::vector<std::string>{std::string(said.data(), static_cast<std::size_t>(n))}));
  EXPECT_EQ(entry("exec:act-1:0").state, State::kDone);
  EXPECT_EQ(entry("exec:act-1:0").attempts, 2);
}

TEST_F(DispatcherCrash, WithoutASoleOwnerTheLeaseIsRespectedUntilItEnds) {
  ASSERT_TRUE(*add(effect_of("k")));
  ASSERT_TRUE(store_->write([&](store::Tx& tx) -> Result<void> {
    ENTENTE_CHECK_OK(tx.exec("UPDATE effect_outbox SET lease_until = $1",
                             {to_ms(clock_.now() + Millis{60'000})}));
    return {};
  }));
  DispatcherOptions options;
  options.sole_owner = false;
  TestHandler handler;
  Dispatcher dispatcher(*store_, clock_, random_, options);
  dispatcher.handle("content.disable", handler);
  ASSERT_TRUE(dispatcher.start());
  dispatcher.stop();
  EXPECT_TRUE(handler.seen().empty());
  clock_.advance(Millis{60'000});
  EXPECT_EQ(*dispatcher.run_due(), 1U);
}

}  // namespace
}  // namespace entente::effects
