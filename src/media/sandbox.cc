// SPDX-License-Identifier: Apache-2.0
#include "entente/media/sandbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <vector>

#include "entente/core/log.h"
#include "entente/media/channel.h"
#include "entente/media/keeper.h"

namespace entente::media {
namespace {

using SteadyClock = std::chrono::steady_clock;

// A fresh worker needs about a millisecond to confine itself; on a machine that needs this long
// nothing works.
constexpr std::chrono::seconds kReadyLimit{20};
// A worker's words about its error go into logs and answers; it may have been taken over.
constexpr std::size_t kMaxDetailBytes = 300;
constexpr int kMaxWorkers = 256;
constexpr std::size_t kMinMemory = std::size_t{16} << 20;

struct Worker {
  pid_t pid = 0;  // 0: none could be started
  Fd channel;
};

// Only printable ASCII and the multiplication sign our own messages use, within the limit.
std::string tame(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < kMaxDetailBytes; ++i) {
    if (text.substr(i).starts_with("×")) {
      out += "×";
      ++i;
    } else {
      out += text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
  }
  return out;
}

// The image in a memory file that nobody can change or shorten any more.
Result<Fd> seal(ByteView file) {
  const auto failed = [] {
    return fail(Code::kUnavailable, std::string("no memory file: ") + std::strerror(errno));
  };
  Fd out(::memfd_create("entente-image", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!out.valid()) return failed();
  for (ByteView rest = file; !rest.empty();) {
    const ssize_t written = ::write(out.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed();
    rest = rest.subspan(static_cast<std::size_t>(written));
  }
  if (::fcntl(out.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)) {
    return failed();
  }
  return out;
}

class Pool final : public DecoderPool {
 public:
  explicit Pool(const SandboxOptions& options) : options_(options) {}

  ~Pool() override {
    // The keeper ends when its channel closes, and its workers with it.
    keeper_.channel.reset();
    if (keeper_.pid > 0) {
      while (::waitpid(keeper_.pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Result<void> start(const Job& job) {
    ENTENTE_TRY(keeper, start_keeper(options_, job));
    keeper_ = std::move(keeper);
    for (int i = 0; i < options_.workers; ++i) {
      Worker worker;
      ENTENTE_CHECK_OK(replace(worker).first);
      idle_.push_back(std::move(worker));
    }
    return {};
  }

  Result<std::string> run(ByteView file) override {
    if (file.size() > kMaxInputBytes) {
      return fail(Code::kTooLarge,
                  "the file is above " + std::to_string(kMaxInputBytes) + " bytes");
    }
    // By its first bytes alone: what nobody decodes here costs no worker.
    ENTENTE_CHECK_OK(sniff(file));
    ENTENTE_TRY(memory, seal(file));
    ENTENTE_TRY(worker, take());
    auto out = look(worker, memory, file.size());
    give_back(std::move(worker));
    return out;
  }

 private:
  Result<Worker> take() {
    std::unique_lock lock(mutex_);
    if (idle_.empty()) {
      if (waiting_ >= options_.max_waiting) {
        return fail(Code::kBusy, "too many images wait to be decoded");
      }
      ++waiting_;
      const bool freed =
          freed_.wait_for(lock, options_.queue_limit, [this] { return !idle_.empty(); });
      --waiting_;
      if (!freed) return fail(Code::kBusy, "no decoder was free in time");
    }
    Worker out = std::move(idle_.back());
    idle_.pop_back();
    return out;
  }

  void give_back(Worker worker) {
    {
      const std::lock_guard lock(mutex_);
      idle_.push_back(std::move(worker));
    }
    freed_.notify_one();
  }

  Result<std::string> look(Worker& worker, const Fd& memory, std::size_t size) {
    const WorkerAsk ask{size};
    if (worker.pid == 0 || !send_message(worker.channel.get(), as_message(ask), memory.get())) {
      // It ended while it waited, or could not be started last time.
      ENTENTE_CHECK_OK(replace(worker).first);
      if (!send_message(worker.channel.get(), as_message(ask), memory.get())) {
        return fail(Code::kUnavailable, "a decoder ended before it began");
      }
    }
    const auto deadline = SteadyClock::now() + options_.time_limit;
    Bytes reply(kMaxAnswerBytes + 1);
    const bool in_time = wait_readable(worker.channel.get(), deadline);
    Message message;
    if (in_time) message = receive_message(worker.channel.get(), reply);
    const auto [started, status] = replace(worker);
    if (!started) {
      log::error("media.decoder.not_replaced", {{"detail", started.error().detail}});
    }
    if (!in_time) return too_slow();
    if (message.state == Message::State::kClosed) return crashed(status);
    reply.resize(message.size);
    if (message.state == Message::State::kTooLong) reply.clear();
    return read_reply(reply);
  }

  Unexpected too_slow() const {
    return fail(Code::kTimeout,
                "decoding took longer than " + std::to_string(options_.time_limit.count()) + " ms");
  }

  Unexpected crashed(int status) const {
    const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    log::warn("media.decoder.crashed", {{"signal", number}});
    if (number == SIGXCPU) return too_slow();
    if (number == SIGSYS) {
      return fail(Code::kUnavailable,
                  "the decoder was stopped: this image made it try what it may not");
    }
    return fail(Code::kUnavailable,
                "the decoder crashed on this image (signal " + std::to_string(number) + ")");
  }

  static Result<std::string> read_reply(ByteView reply) {
    const auto verdict = reply.empty() ? Verdict::kReady : static_cast<Verdict>(reply[0]);
    const std::string_view text = as_text(reply).substr(reply.empty() ? 0 : 1);
    switch (verdict) {
      case Verdict::kAnswer:
        return std::string(text);
      case Verdict::kInvalid:
        return fail(Code::kInvalid, tame(text));
      case Verdict::kTooLarge:
        return fail(Code::kTooLarge, tame(text));
      case Verdict::kUnsupported:
        return fail(Code::kUnsupported, tame(text));
      case Verdict::kInternal:
        return fail(Code::kInternal, tame(text));
      case Verdict::kReady:
        break;
    }
    return fail(Code::kUnavailable, "the decoder's answer makes no sense");
  }

  // Ends `worker` (if there is one) and puts a fresh one, confined and waiting, in its place. Also
  // gives the wait status of the one that ended.
  std::pair<Result<void>, int> replace(Worker& worker) {
    KeeperAnswer answer;
    Message message;
    {
      const std::lock_guard lock(keeper_mutex_);
      const KeeperAsk ask{std::exchange(worker.pid, 0)};
      worker.channel.reset();
      if (send_message(keeper_.channel.get(), as_message(ask))) {
        message = receive_message(keeper_.channel.get(), into_message(answer));
      }
    }
    if (message.state != Message::State::kWhole || message.size != sizeof answer) {
      return {fail(Code::kUnavailable, "the keeper of the decoders has ended; restart the node"),
              0};
    }
    if (answer.started == 0 || !message.fd.valid()) {
      return {fail(Code::kUnavailable,
                   std::string("no process for a decoder: ") + std::strerror(answer.error)),
              answer.ended};
    }
    worker.pid = answer.started;
    worker.channel = std::move(message.fd);
    return {wait_ready(worker), answer.ended};
  }

  static Result<void> wait_ready(const Worker& worker) {
    Bytes hello(kMaxAnswerBytes + 1);
    if (!wait_readable(worker.channel.get(), SteadyClock::now() + kReadyLimit)) {
      return fail(Code::kUnavailable, "a decoder did not get ready");
    }
    const Message message = receive_message(worker.channel.get(), hello);
    if (message.state != Message::State::kWhole) {
      return fail(Code::kUnavailable, "a decoder ended while it got ready");
    }
    if (hello[0] == static_cast<std::uint8_t>(Verdict::kReady)) return {};
    hello.resize(message.size);
    return fail(Code::kUnavailable, tame(as_text(hello).substr(1)));
  }

  const SandboxOptions options_;
  Keeper keeper_;
  std::mutex keeper_mutex_;  // one question to the keeper at a time

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Worker> idle_;
  int waiting_ = 0;
};

}  // namespace

Result<std::unique_ptr<DecoderPool>> DecoderPool::create(const SandboxOptions& options, Job job) {
  const auto bad = [](const char* option, const char* why) {
    return fail(Code::kInvalid, why, option);
  };
  if (options.workers < 1 || options.workers > kMaxWorkers) {
    return bad("workers", "1 to 256 decoders");
  }
  if (options.time_limit.count() < 1) return bad("time_limit", "at least 1 ms");
  if (options.memory_limit_bytes < kMinMemory) return bad("memory_limit_bytes", "at least 16 MiB");
  if (options.max_waiting < 0) return bad("max_waiting", "0 or more");
  if (options.queue_limit.count() < 0) return bad("queue_limit", "0 or more");
  if (!job) return bad("job", "a job is needed");
  auto pool = std::make_unique<Pool>(options);
  ENTENTE_CHECK_OK(pool->start(job));
  return Result<std::unique_ptr<DecoderPool>>(std::move(pool));
}

}  // namespace entente::media
