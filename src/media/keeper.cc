// SPDX-License-Identifier: Apache-2.0
#include "entente/media/keeper.h"

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

void answer(int channel, Verdict verdict, std::string_view text) {
  Bytes message(1, static_cast<std::uint8_t>(verdict));
  message.insert(message.end(), text.begin(), text.end());
  send_message(channel, message);
}

void answer(int channel, const Error& error) {
  switch (error.code) {
    case Code::kInvalid:
      return answer(channel, Verdict::kInvalid, error.detail);
    case Code::kTooLarge:
      return answer(channel, Verdict::kTooLarge, error.detail);
    case Code::kUnsupported:
      return answer(channel, Verdict::kUnsupported, error.detail);
    default:
      return answer(channel, Verdict::kInternal, error.detail);
  }
}

Result<std::string> look_at(ByteView file, const Job& job) {
  ENTENTE_TRY(image, decode(file));
  ENTENTE_TRY(text, job(image));
  if (text.size() > kMaxAnswerBytes) {
    return fail(Code::kInternal, "the job's answer is above its limit");
  }
  return text;
}

// One image: take it, look, answer, end.
[[noreturn]] void work(int channel, pid_t keeper, const SandboxOptions& options, const Job& job) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.time_limit).count();
  const Confinement how{channel, keeper, options.memory_limit_bytes,
                        static_cast<std::uint64_t>(seconds) + 1};
  if (const auto confined = confine(how); !confined) {
    answer(channel, confined.error());
    ::_exit(1);
  }
  answer(channel, Verdict::kReady, {});
  WorkerAsk ask;
  Message message = receive_message(channel, into_message(ask));
  if (message.state != Message::State::kWhole || message.size != sizeof ask ||
      !message.fd.valid()) {
    ::_exit(0);  // the pool ended
  }
  try {
    void* at = ::mmap(nullptr, ask.size, PROT_READ, MAP_PRIVATE, message.fd.get(), 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    message.fd.reset();
    const auto text = look_at({static_cast<const std::uint8_t*>(at), ask.size}, job);
    if (text) {
      answer(channel, Verdict::kAnswer, *text);
    } else {
      answer(channel, text.error());
    }
  } catch (const std::bad_alloc&) {
    answer(channel, Verdict::kTooLarge,
           "decoding takes more than " + std::to_string(options.memory_limit_bytes >> 20) +
               " MiB of memory");
  } catch (...) {
    answer(channel, Verdict::kInternal, "the job ended by an exception");
  }
  ::_exit(0);
}

class Keeping {
 public:
  Keeping(Fd channel, const SandboxOptions& options, const Job& job)
      : channel_(std::move(channel)), options_(options), job_(job) {}

  [[noreturn]] void run() {
    KeeperAsk ask;
    while (true) {
      const Message message = receive_message(channel_.get(), into_message(ask));
      if (message.state != Message::State::kWhole || message.size != sizeof ask) break;
      KeeperAnswer out;
      out.ended = end(ask.end);
      Fd worker = start(out);
      if (!send_message(channel_.get(), as_message(out), worker.get())) break;
    }
    while (!workers_.empty()) end(workers_.back());
    ::_exit(0);
  }

 private:
  int end(pid_t worker) {
    if (std::erase(workers_, worker) == 0) return 0;
    ::kill(worker, SIGKILL);  // for one that has ended already this changes nothing
    int status = 0;
    while (::waitpid(worker, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  Fd start(KeeperAnswer& out) {
    auto ends = make_channel();
    if (!ends) {
      out.error = errno;
      return {};
    }
    const pid_t keeper = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) work(ends->second.get(), keeper, options_, job_);
    if (child < 0) {
      out.error = errno;
      return {};
    }
    workers_.push_back(child);
    out.started = child;
    return std::move(ends->first);
  }

  Fd channel_;
  const SandboxOptions& options_;
  const Job& job_;
  std::vector<pid_t> workers_;
};

}  // namespace

Result<Keeper> start_keeper(const SandboxOptions& options, const Job& job) {
  ENTENTE_TRY(ends, make_channel());
  const pid_t child = ::fork();
  if (child < 0) {
    return fail(Code::kUnavailable,
                std::string("no process for decoders: ") + std::strerror(errno));
  }
  if (child == 0) {
    own_signals();
    ::prctl(PR_SET_NAME, "entente-decode", 0, 0, 0);
    close_all_but(ends.second.get());
    ends.first.release();  // closed by the line above
    Keeping(std::move(ends.second), options, job).run();
  }
  return Keeper{child, std::move(ends.first)};
}

}  // namespace entente::media
