// SPDX-License-Identifier: Apache-2.0
#include "entente/media/keeper.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <vector>

#include "entente/media/confine.h"
#include "entente/media/reply.h"

namespace entente::media {
namespace {

// Handlers of the node must not run here, and a stop of the whole group must not take what the node
// still finishes.
void own_signals() {
  for (int number = 1; number < NSIG; ++number) {
    const bool ignored =
        number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGPIPE;
    std::signal(number, ignored ? SIG_IGN : SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void answer(Verdict verdict, std::string_view text) {
  Bytes message(1, static_cast<std::uint8_t>(verdict));
  message.insert(message.end(), text.begin(), text.end());
  send_message(kWorkerChannel, message);
}

void answer(const Error& error) {
  switch (error.code) {
    case Code::kInvalid:
      return answer(Verdict::kInvalid, error.detail);
    case Code::kTooLarge:
      return answer(Verdict::kTooLarge, error.detail);
    case Code::kUnsupported:
      return answer(Verdict::kUnsupported, error.detail);
    default:
      return answer(Verdict::kInternal, error.detail);
  }
}

// Takes one image, looks and answers. False when there is none any more.
bool serve_one(const SandboxOptions& options, const FileJob& job, std::span<std::uint8_t> small) {
  WorkerAsk ask;
  Message message = receive_message(kWorkerChannel, into_message(ask), small);
  if (message.state != Message::State::kWhole || message.size < sizeof ask) return false;
  void* mapped = nullptr;
  ByteView file(small.data(), message.size - sizeof ask);
  try {
    if (message.fd.valid()) {
      mapped = ::mmap(nullptr, ask.size, PROT_READ, MAP_PRIVATE, message.fd.get(), 0);
      if (mapped == MAP_FAILED) throw std::bad_alloc();
      message.fd.reset();
      file = {static_cast<const std::uint8_t*>(mapped), ask.size};
    }
    const auto text = job(file);
    if (!text) {
      answer(text.error());
    } else if (text->size() > kMaxAnswerBytes) {
      answer(Verdict::kInternal, "the job's answer is above its limit");
    } else {
      answer(Verdict::kAnswer, *text);
    }
  } catch (const std::bad_alloc&) {
    answer(Verdict::kTooLarge, "decoding takes more than " +
                                   std::to_string(options.memory_limit_bytes >> 20) +
                                   " MiB of memory");
  } catch (...) {
    answer(Verdict::kInternal, "the job ended by an exception");
  }
  if (mapped != nullptr) ::munmap(mapped, ask.size);
  return true;
}

// The node decides whether another image follows; it ends this process when none does.
[[noreturn]] void work(int channel, pid_t keeper, const Filter& filter,
                       const SandboxOptions& options, const FileJob& job) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.time_limit).count() + 1;
  const Confinement how{channel, keeper, options.memory_limit_bytes,
                        static_cast<std::uint64_t>(seconds * options.images_per_worker)};
  // Left as it is until a file comes: touching it would cost a fault a page.
  const auto small = std::make_unique_for_overwrite<std::uint8_t[]>(kMaxInlineBytes);
  if (const auto confined = confine(how, filter); !confined) {
    answer(confined.error());
    ::_exit(1);
  }
  answer(Verdict::kReady, {});
  while (serve_one(options, job, {small.get(), kMaxInlineBytes})) {
  }
  ::_exit(0);
}

class Keeping {
 public:
  Keeping(Fd asks, Fd fresh, Filter filter, const SandboxOptions& options, const FileJob& job)
      : asks_(std::move(asks)),
        fresh_(std::move(fresh)),
        filter_(std::move(filter)),
        options_(options),
        job_(job) {}

  [[noreturn]] void run() {
    KeeperAsk ask;
    bool heard = true;
    while (heard) {
      const Message message = receive_message(asks_.get(), into_message(ask));
      if (message.state != Message::State::kWhole || message.size != sizeof ask) break;
      const bool ours = std::erase(workers_, ask.end) > 0;
      if (ours) ::kill(ask.end, SIGKILL);  // for one that has ended already this changes nothing
      if (ask.report != 0) {
        const KeeperReport report{ours ? reap(ask.end) : 0};
        heard = send_message(asks_.get(), as_message(report));
      }
      heard = start() && heard;
      // The end of a large process takes its time; nobody waits for it here.
      if (ours && ask.report == 0) reap(ask.end);
    }
    for (const pid_t worker : workers_) ::kill(worker, SIGKILL);
    for (const pid_t worker : workers_) reap(worker);
    ::_exit(0);
  }

 private:
  static int reap(pid_t worker) {
    int status = 0;
    while (::waitpid(worker, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  // False when the node is gone.
  bool start() {
    FreshWorker out;
    Fd channel;
    if (auto ends = make_channel(); !ends) {
      out.error = errno;
    } else {
      const pid_t keeper = ::getpid();
      const pid_t child = ::fork();
      if (child == 0) work(ends->second.get(), keeper, filter_, options_, job_);
      if (child < 0) {
        out.error = errno;
      } else {
        workers_.push_back(child);
        out.pid = child;
        channel = std::move(ends->first);
      }
    }
    return send_message(fresh_.get(), as_message(out), channel.get());
  }

  Fd asks_;
  Fd fresh_;
  const Filter filter_;
  const SandboxOptions& options_;
  const FileJob& job_;
  std::vector<pid_t> workers_;
};

}  // namespace

Result<Keeper> start_keeper(const SandboxOptions& options, const FileJob& job) {
  ENTENTE_TRY(filter, Filter::compile());
  ENTENTE_TRY(asks, make_channel());
  ENTENTE_TRY(fresh, make_channel());
  const pid_t child = ::fork();
  if (child < 0) {
    return fail(Code::kUnavailable,
                std::string("no process for decoders: ") + std::strerror(errno));
  }
  if (child == 0) {
    own_signals();
    // Short of memory, malloc would count processors to see whether another arena is worth it.
    ::mallopt(M_ARENA_MAX, 1);
    ::prctl(PR_SET_NAME, "entente-decode", 0, 0, 0);
    Fd in = std::move(asks.second);
    Fd out = std::move(fresh.second);
    close_all_but({std::min(in.get(), out.get()), std::max(in.get(), out.get())});
    asks.first.release();  // closed by the line above
    fresh.first.release();
    Keeping(std::move(in), std::move(out), std::move(filter), options, job).run();
  }
  return Keeper{child, std::move(asks.first), std::move(fresh.first)};
}

}  // namespace entente::media
