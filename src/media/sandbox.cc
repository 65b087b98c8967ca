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
#include "entente/media/reply.h"

namespace entente::media {
namespace {

using SteadyClock = std::chrono::steady_clock;

// A fresh worker needs about a millisecond to confine itself; on a machine that needs this long
// nothing works.
constexpr std::chrono::seconds kReadyLimit{20};
// Their hand-overs must fit into one socket's buffer.
constexpr int kMaxWorkers = 64;
constexpr std::size_t kMinMemory = std::size_t{16} << 20;
// Beside a worker for each image looked at, one for the next: ready before it is needed.
constexpr int kProcessesPerWorker = 2;
// More than anyone needs to spread the cost of a worker.
constexpr int kMaxImagesPerWorker = 1'000;
// How much the latest image counts in the time images take.
constexpr double kNewest = 1.0 / 16;

struct Worker {
  pid_t pid = 0;
  Fd channel;
  int images = 0;  // it answered about
};

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
    keeper_.asks.reset();
    if (keeper_.pid > 0) {
      while (::waitpid(keeper_.pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Result<void> start(const FileJob& job) {
    prepare_decoders();
    ENTENTE_TRY(keeper, start_keeper(options_, job));
    keeper_ = std::move(keeper);
    for (int i = 0; i < kProcessesPerWorker * options_.workers; ++i) replace({});
    // One that gets ready shows that the system allows what confinement needs.
    ENTENTE_TRY(first, fresh_worker());
    ready_.push_back(std::move(first));
    return {};
  }

  Result<std::string> run(ByteView file) override {
    if (file.size() > kMaxInputBytes) {
      return fail(Code::kTooLarge,
                  "the file is above " + std::to_string(kMaxInputBytes) + " bytes");
    }
    // By its first bytes alone: what nobody decodes here costs no worker.
    ENTENTE_CHECK_OK(sniff(file));
    const bool shares = options_.images_per_worker > 1 && is_plain_jpeg(file);
    ENTENTE_CHECK_OK(take_seat());
    const auto started = SteadyClock::now();
    auto out = look(file, shares);
    leave_seat(SteadyClock::now() - started);
    return out;
  }

  std::chrono::seconds retry_after() const override {
    const std::lock_guard lock(mutex_);
    const auto wait = std::chrono::ceil<std::chrono::seconds>(expected_wait());
    return std::clamp(wait, std::chrono::seconds{1}, kMaxRetryAfter);
  }

 private:
  using Duration = std::chrono::duration<double>;

  // Until all who look or wait now are served. Under mutex_.
  Duration expected_wait() const { return recent_ * (busy_ + waiting_) / options_.workers; }

  Result<void> take_seat() {
    std::unique_lock lock(mutex_);
    if (busy_ >= options_.workers) {
      if (waiting_ >= options_.max_waiting) {
        return fail(Code::kBusy, "too many images wait to be decoded");
      }
      if (expected_wait() > options_.queue_limit) {
        return fail(Code::kBusy, "no decoder would be free in time");
      }
      ++waiting_;
      const bool freed =
          freed_.wait_for(lock, options_.queue_limit, [this] { return busy_ < options_.workers; });
      --waiting_;
      if (!freed) return fail(Code::kBusy, "no decoder was free in time");
    }
    ++busy_;
    return {};
  }

  void leave_seat(Duration took) {
    {
      const std::lock_guard lock(mutex_);
      --busy_;
      recent_ = recent_.count() > 0 ? recent_ + kNewest * (took - recent_) : took;
    }
    freed_.notify_one();
  }

  Result<std::string> look(ByteView file, bool shares) {
    ENTENTE_TRY(worker, hand_over(file, shares));
    const auto deadline = SteadyClock::now() + options_.time_limit;
    if (!wait_readable(worker.channel.get(), deadline)) {
      replace(worker);
      return too_slow();
    }
    std::array<std::uint8_t, 1> verdict{};
    std::string text(kMaxAnswerBytes, '\0');
    const Message message = receive_message(
        worker.channel.get(), verdict, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    if (message.state == Message::State::kClosed) return crashed(end_and_ask(worker));
    if (message.state == Message::State::kTooLong) {
      replace(worker);
      return read_reply(Verdict::kReady, {});
    }
    text.resize(message.size - verdict.size());
    const auto said = static_cast<Verdict>(verdict[0]);
    // What did not simply give an answer is not asked again.
    if (shares && said == Verdict::kAnswer && ++worker.images < options_.images_per_worker) {
      keep(std::move(worker));
    } else {
      replace(worker);
    }
    return read_reply(said, std::move(text));
  }

  // A worker that has been given the file.
  Result<Worker> hand_over(ByteView file, bool shares) {
    Fd memory;
    if (file.size() > kMaxInlineBytes) {
      ENTENTE_TRY(sealed, seal(file));
      memory = std::move(sealed);
    }
    const WorkerAsk ask{file.size()};
    // One may have been killed while it waited; if it was all of them, each is replaced.
    for (int i = 0; i <= kProcessesPerWorker * options_.workers; ++i) {
      ENTENTE_TRY(worker, shares ? shared_worker() : fresh_worker());
      bool sent = offer_message(worker.channel.get(), as_message(ask), memory.get(),
                                memory.valid() ? ByteView() : file);
      if (!sent && errno == EMSGSIZE && !memory.valid()) {
        // A kernel that gives sockets less room than is usual.
        ENTENTE_TRY(sealed, seal(file));
        memory = std::move(sealed);
        sent = offer_message(worker.channel.get(), as_message(ask), memory.get());
      }
      if (sent) return worker;
      replace(worker);
    }
    return fail(Code::kUnavailable, "the decoders ended before they began");
  }

  Result<Worker> shared_worker() {
    {
      const std::lock_guard lock(mutex_);
      if (!shared_.empty()) {
        Worker out = std::move(shared_.back());
        shared_.pop_back();
        return out;
      }
    }
    return fresh_worker();
  }

  void keep(Worker worker) {
    const std::lock_guard lock(mutex_);
    shared_.push_back(std::move(worker));
  }

  // Confined, and never given an image.
  Result<Worker> fresh_worker() {
    {
      const std::lock_guard lock(mutex_);
      if (!ready_.empty()) {
        Worker out = std::move(ready_.back());
        ready_.pop_back();
        return out;
      }
    }
    FreshWorker came;
    // One at a time, so that a message that came is still there to be received.
    std::unique_lock turn(fresh_mutex_);
    if (!wait_readable(keeper_.fresh.get(), SteadyClock::now() + kReadyLimit)) {
      return fail(Code::kUnavailable, "a decoder did not get ready");
    }
    Message message = receive_message(keeper_.fresh.get(), into_message(came));
    turn.unlock();
    if (message.state != Message::State::kWhole || message.size != sizeof came) {
      return fail(Code::kUnavailable, "the keeper of the decoders has ended; restart the node");
    }
    Worker worker{came.pid, std::move(message.fd)};
    Result<void> ready = came.pid == 0
                             ? fail(Code::kUnavailable, std::string("no process for a decoder: ") +
                                                            std::strerror(came.error))
                             : wait_ready(worker);
    if (ready) return worker;
    log::error("media.decoder.not_started", {{"detail", ready.error().detail}});
    replace(worker);
    return fail(std::move(ready).error());
  }

  // Ends `worker` and has a fresh one started. Waits for neither.
  void replace(const Worker& worker) {
    const KeeperAsk ask{worker.pid, 0};
    // When the keeper has ended, fresh_worker() says so.
    send_message(keeper_.asks.get(), as_message(ask));
  }

  // The same, and gives its wait status.
  int end_and_ask(const Worker& worker) {
    const std::lock_guard lock(report_mutex_);
    const KeeperAsk ask{worker.pid, 1};
    KeeperReport report;
    if (!send_message(keeper_.asks.get(), as_message(ask))) return 0;
    receive_message(keeper_.asks.get(), into_message(report));
    return report.ended;
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
  std::mutex report_mutex_;  // one question to the keeper that wants an answer at a time

  std::mutex fresh_mutex_;

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Worker> shared_;  // gave answers about plain JPEGs, and may give more
  std::vector<Worker> ready_;   // the one start() saw get ready
  int busy_ = 0;
  int waiting_ = 0;
  Duration recent_{0};  // that an image takes
};

}  // namespace

Result<std::unique_ptr<DecoderPool>> DecoderPool::create(const SandboxOptions& options, Job job) {
  if (!job) return create(options, FileJob());
  return create(options, [job = std::move(job)](ByteView file) -> Result<std::string> {
    ENTENTE_TRY(image, decode(file));
    return job(image);
  });
}

Result<std::unique_ptr<DecoderPool>> DecoderPool::create(const SandboxOptions& options,
                                                         FileJob job) {
  const auto bad = [](const char* option, const char* why) {
    return fail(Code::kInvalid, why, option);
  };
  if (options.workers < 1 || options.workers > kMaxWorkers) {
    return bad("workers", "1 to 64 decoders");
  }
  if (options.time_limit.count() < 1) return bad("time_limit", "at least 1 ms");
  if (options.memory_limit_bytes < kMinMemory) return bad("memory_limit_bytes", "at least 16 MiB");
  if (options.max_waiting < 0) return bad("max_waiting", "0 or more");
  if (options.queue_limit.count() < 0) return bad("queue_limit", "0 or more");
  if (options.images_per_worker < 1 || options.images_per_worker > kMaxImagesPerWorker) {
    return bad("images_per_worker", "1 to 1000");
  }
  if (!job) return bad("job", "a job is needed");
  auto pool = std::make_unique<Pool>(options);
  ENTENTE_CHECK_OK(pool->start(job));
  return Result<std::unique_ptr<DecoderPool>>(std::move(pool));
}

}  // namespace entente::media
