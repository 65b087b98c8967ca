// SPDX-License-Identifier: Apache-2.0
#include "entente/media/confine.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "entente/media/channel.h"

// A sanitizer's runtime makes calls of its own; builds with one get a wider list, so only a build
// without one shows the list that protects a node.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define ENTENTE_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ENTENTE_SANITIZED 1
#endif

namespace entente::media {
namespace {

// The channel, the image's memory, and what is left over.
constexpr rlim_t kMaxDescriptors = 8;
// When the machine runs out of memory a worker goes first (range -1000 to 1000).
constexpr std::string_view kFirstToGo = "1000";

Unexpected refused(std::string_view what) {
  return fail(Code::kUnavailable, "the system refused to confine a decoder: " + std::string(what) +
                                      ": " + std::strerror(errno));
}

std::size_t mapped_now() {
  std::size_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void offer_to_the_oom_killer() {
  const Fd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  // Not essential: without it the kernel takes the largest process, which a ballooning worker is.
  if (file.valid()) [[maybe_unused]]
    const auto n = ::write(file.get(), kFirstToGo.data(), 4);
}

bool limit(decltype(RLIMIT_AS) what, rlim_t value) {
  const rlimit both{value, value};
  return ::setrlimit(what, &both) == 0;
}

Result<void> set_limits(const Confinement& how) {
  const std::size_t mapped = mapped_now();
  if (mapped == 0) return refused("reading /proc/self/statm");
  if (!limit(RLIMIT_AS, mapped + how.memory_bytes)) return refused("RLIMIT_AS");
  // The hard limit one second later kills even what would ignore SIGXCPU.
  const rlimit cpu{how.cpu_seconds, how.cpu_seconds + 1};
  if (::setrlimit(RLIMIT_CPU, &cpu) != 0) return refused("RLIMIT_CPU");
  if (!limit(RLIMIT_FSIZE, 0)) return refused("RLIMIT_FSIZE");
  if (!limit(RLIMIT_NOFILE, kMaxDescriptors)) return refused("RLIMIT_NOFILE");
  if (!limit(RLIMIT_CORE, 0)) return refused("RLIMIT_CORE");
  if (!limit(RLIMIT_NPROC, 0)) return refused("RLIMIT_NPROC");
  return {};
}

// Stands for the process id of the worker, which the compiled filter cannot know; not one Linux
// gives.
constexpr std::uint32_t kOwnPid = 0x7e57'9d1dU;

// Collects the rules.
class Rules {
 public:
  Rules() : context_(seccomp_init(SCMP_ACT_KILL_PROCESS)) {}
  ~Rules() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Rules(const Rules&) = delete;
  Rules& operator=(const Rules&) = delete;

  template <class... Conditions>
  void allow(int call, Conditions... conditions) {
    rule(SCMP_ACT_ALLOW, call, conditions...);
  }
  template <class... Conditions>
  void rule(std::uint32_t action, int call, Conditions... conditions) {
    if (context_ == nullptr) return;
    const std::array<scmp_arg_cmp, sizeof...(Conditions)> list{conditions...};
    const int rc =
        seccomp_rule_add_array(context_, action, call, sizeof...(Conditions), list.data());
    if (rc != 0) error_ = -rc;
  }

  // The program as bytes; empty, with errno, when it could not be made.
  Bytes compile() {
    if (context_ == nullptr) error_ = ENOMEM;
    const Fd file(error_ == 0 ? ::memfd_create("entente-filter", MFD_CLOEXEC) : -1);
    if (error_ == 0 && !file.valid()) error_ = errno;
    if (error_ == 0) error_ = -seccomp_export_bpf(context_, file.get());
    errno = error_;
    if (error_ != 0) return {};
    Bytes out(static_cast<std::size_t>(std::max(off_t{0}, ::lseek(file.get(), 0, SEEK_END))));
    const ssize_t got = ::pread(file.get(), out.data(), out.size(), 0);
    return got == static_cast<ssize_t>(out.size()) ? out : Bytes{};
  }

 private:
  scmp_filter_ctx context_;
  int error_ = 0;
};

scmp_arg_cmp is(unsigned arg, std::uint64_t value) {
  return {arg, SCMP_CMP_EQ, value, 0};
}
// Memory that can be executed would let a taken-over decoder bring its own code.
scmp_arg_cmp not_executable() {
  return {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
}

void allow_what_decoding_needs(Rules& filter) {
  filter.allow(SCMP_SYS(recvmsg), is(0, kWorkerChannel));
  filter.allow(SCMP_SYS(sendmsg), is(0, kWorkerChannel));
  filter.allow(SCMP_SYS(close));  // the image's memory, once mapped
  filter.allow(SCMP_SYS(mmap), not_executable());
  filter.allow(SCMP_SYS(mprotect), not_executable());
  for (const int call :
       {SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex),
        SCMP_SYS(clock_gettime), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn)}) {
    filter.allow(call);
  }
  // abort(): so that it ends with SIGABRT, which tells more than SIGSYS.
  filter.allow(SCMP_SYS(rt_sigprocmask));
  filter.allow(SCMP_SYS(getpid));
  filter.allow(SCMP_SYS(gettid));
  filter.allow(SCMP_SYS(tgkill), is(0, kOwnPid), is(2, SIGABRT));
  // Last words of a C library go to a standard error that is closed.
  filter.rule(SCMP_ACT_ERRNO(EBADF), SCMP_SYS(write), is(0, STDERR_FILENO));
  filter.rule(SCMP_ACT_ERRNO(EBADF), SCMP_SYS(writev), is(0, STDERR_FILENO));
#ifdef ENTENTE_SANITIZED
  for (const int call : {SCMP_SYS(sched_yield), SCMP_SYS(sigaltstack), SCMP_SYS(getrlimit),
                         SCMP_SYS(prlimit64), SCMP_SYS(rt_sigaction)}) {
    filter.allow(call);
  }
#endif
}

}  // namespace

void close_all_but(std::initializer_list<int> kept) {
  const auto close_between = [](unsigned first, unsigned last) {
    if (first > last) return;
    if (::syscall(SYS_close_range, first, last, 0U) == 0) return;
    // Kernels before 5.9: one by one, up to what this process may have open.
    const auto most = static_cast<unsigned>(::sysconf(_SC_OPEN_MAX));
    for (unsigned fd = first; fd <= last && fd < most; ++fd) ::close(static_cast<int>(fd));
  };
  unsigned next = 0;
  for (const int fd : kept) {
    const auto keep = static_cast<unsigned>(fd);
    if (keep > next) close_between(next, keep - 1);
    next = keep + 1;
  }
  close_between(next, ~0U);
}

Result<Filter> Filter::compile() {
  static_assert(sizeof(Instruction) == sizeof(sock_filter));
  Rules rules;
  allow_what_decoding_needs(rules);
  const Bytes bytes = rules.compile();
  Filter out;
  out.program_.resize(bytes.size() / sizeof(Instruction));
  if (out.program_.empty()) return refused("compiling the seccomp filter");
  std::memcpy(out.program_.data(), bytes.data(), out.program_.size() * sizeof(Instruction));
  return out;
}

Result<void> Filter::load(int pid) const {
  std::vector<Instruction> program = program_;
  for (Instruction& instruction : program) {
    if (instruction.k == kOwnPid) instruction.k = static_cast<std::uint32_t>(pid);
  }
  const sock_fprog loaded{static_cast<unsigned short>(program.size()),
                          reinterpret_cast<sock_filter*>(program.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &loaded) != 0) return refused("seccomp");
  return {};
}

Result<void> confine(const Confinement& how, const Filter& filter) {
  // First of all, so that what goes wrong can be told.
  if (how.channel != kWorkerChannel && ::dup3(how.channel, kWorkerChannel, O_CLOEXEC) < 0) {
    return refused("dup3");
  }
  close_all_but({kWorkerChannel});
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return refused("PR_SET_PDEATHSIG");
  if (::getppid() != how.parent) return fail(Code::kUnavailable, "the keeper ended first");
  offer_to_the_oom_killer();
  ENTENTE_CHECK_OK(set_limits(how));
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return refused("PR_SET_DUMPABLE");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("PR_SET_NO_NEW_PRIVS");
  return filter.load(::getpid());
}

}  // namespace entente::media
