// SPDX-License-Identifier: Apache-2.0
//
// Workers that do the worst an image could make them do. The width of the image picks the deed,
// because a job is fixed when its pool is made; every deed must end in a clear error, and the next
// image must be served.
#include "entente/media/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "entente/media/test_images.h"

namespace entente::media {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ENTENTE_TEST_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(ENTENTE_TEST_ASAN)
// An allocation that fails ends a process under AddressSanitizer, rather than throw.
constexpr bool kAsan = true;
#else
constexpr bool kAsan = false;
#endif

// Encoders used by tests in this process start threads, which leave memory arenas behind; a node
// has had none when it creates its pool.
[[maybe_unused]] const int one_arena = ::mallopt(M_ARENA_MAX, 1);

enum Deed : int {
  kGood = 20,
  kSegfault,
  kAbort,
  kLoop,
  kBalloon,
  kOpen,
  kSocket,
  kFork,
  kExec,
  kKillParent,
  kExecutableMemory,
  kMakeMemoryExecutable,
  kTrace,
  kReadOtherProcess,
  kWriteStdout,
  kThrow,
  kEndQuietly,
  kCloseEverythingAndLoop,
  kHugeAnswer,
  kOwnError,
  kOddError,
};

[[noreturn]] void loop_for_ever() {
  volatile bool for_ever = true;
  while (for_ever) {
  }
  std::abort();
}

std::string try_call(long result) {
  return "it returned " + std::to_string(result);
}

Result<std::string> misbehave(const Image& image) {
  switch (image.width) {
    case kSegfault:
      return std::to_string(*reinterpret_cast<volatile int*>(std::uintptr_t{8}));
    case kAbort:
      std::abort();
    case kLoop:
      loop_for_ever();
    case kBalloon: {
      std::vector<Bytes> all;
      while (true) all.emplace_back(std::size_t{8} << 20, std::uint8_t{1});
    }
    case kOpen:
      return try_call(::open("/etc/passwd", O_RDONLY));
    case kSocket:
      return try_call(::socket(AF_INET, SOCK_STREAM, 0));
    case kFork:
      return try_call(::fork());
    case kExec:
      return try_call(::execl("/bin/true", "true", nullptr));
    case kKillParent:
      return try_call(::kill(::getpid() - 1, SIGKILL));
    case kExecutableMemory:
      return try_call(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    case kMakeMemoryExecutable: {
      void* at = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      return try_call(::mprotect(at, 4096, PROT_READ | PROT_EXEC));
    }
    case kTrace:
      return try_call(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
    case kReadOtherProcess:
      return try_call(::syscall(SYS_process_vm_readv, 1, 0, 0, 0, 0, 0));
    case kWriteStdout:
      return try_call(::write(STDOUT_FILENO, "x", 1));
    case kThrow:
      throw std::runtime_error("no");
    case kEndQuietly:
      ::_exit(0);
    case kCloseEverythingAndLoop:
      for (int fd = 0; fd < 64; ++fd) ::close(fd);
      loop_for_ever();
    case kHugeAnswer:
      return std::string(kMaxAnswerBytes + 1, 'x');
    case kOwnError:
      return fail(Code::kUnsupported, "not this one");
    case kOddError:
      return fail(Code::kForbidden, "red \x1b[31m\n alert");
    default:
      break;
  }
  return std::to_string(image.width) + "x" + std::to_string(image.height) + " " + image.media_type;
}

Bytes image_for(int deed) {
  return write_png(drawn(deed, 10), deed, 10);
}

std::unique_ptr<DecoderPool> make_pool(SandboxOptions options = {}) {
  options.memory_limit_bytes = std::size_t{256} << 20;
  auto pool = DecoderPool::create(options, misbehave);
  EXPECT_TRUE(pool.has_value()) << to_string(pool.error());
  return std::move(*pool);
}

void expect_serves(DecoderPool& pool) {
  const auto answer = pool.run(image_for(kGood));
  ASSERT_TRUE(answer.has_value()) << to_string(answer.error());
  EXPECT_EQ(*answer, "20x10 image/png");
}

TEST(DecoderPool, RefusesOptionsOutOfRange) {
  const auto field = [](const SandboxOptions& options, Job job) {
    const auto pool = DecoderPool::create(options, std::move(job));
    EXPECT_FALSE(pool.has_value());
    return pool ? std::string() : pool.error().field;
  };
  EXPECT_EQ(field({.workers = 0}, misbehave), "workers");
  EXPECT_EQ(field({.workers = 100'000}, misbehave), "workers");
  EXPECT_EQ(field({.time_limit = std::chrono::milliseconds{0}}, misbehave), "time_limit");
  EXPECT_EQ(field({.memory_limit_bytes = 4096}, misbehave), "memory_limit_bytes");
  EXPECT_EQ(field({.max_waiting = -1}, misbehave), "max_waiting");
  EXPECT_EQ(field({.images_per_worker = 0}, misbehave), "images_per_worker");
  EXPECT_EQ(field({.images_per_worker = 1'000'000}, misbehave), "images_per_worker");
  EXPECT_EQ(field({}, nullptr), "job");
}

TEST(DecoderPool, HostileFilesGetTheDecodersErrors) {
  const auto pool = make_pool();
  const Bytes jpeg = write_jpeg(drawn(160, 120), 160, 120);
  const Bytes half(jpeg.begin(), jpeg.begin() + static_cast<std::ptrdiff_t>(jpeg.size() / 2));
  const std::vector<std::pair<Bytes, Code>> cases{
      {{}, Code::kInvalid},
      {Bytes(1000, 0), Code::kUnsupported},
      {to_bytes("GIF89a"), Code::kInvalid},
      {to_bytes("BM1234567"), Code::kUnsupported},
      {half, Code::kInvalid},
      {to_bytes("\xff\xd8\xff"), Code::kInvalid},
      {forged_png(60'000, 60'000, {0x78, 0x9c}), Code::kTooLarge},
      {forged_png(30'000, 30'000, {0x78, 0x9c}), Code::kTooLarge},
      {Bytes(kMaxInputBytes + 1, 0xff), Code::kTooLarge},
  };
  for (const auto& [file, code] : cases) {
    const auto answer = pool->run(file);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, code) << to_string(answer.error());
    EXPECT_FALSE(answer.error().detail.empty());
    expect_serves(*pool);
  }
  EXPECT_NE(pool->run(cases[6].first).error().detail.find("60000×60000"), std::string::npos);
}

TEST(DecoderPool, EveryFormatIsDecodedUnderTheFilter) {
  const auto pool = make_pool();
  const Bytes pixels = drawn(64, 48);
  const Bytes still = write_webp(Bytes(4 * 64 * 48, 200), 64, 48);
  const std::vector<std::pair<Bytes, std::string>> cases{
      {write_jpeg(pixels, 64, 48), "image/jpeg"},
      {write_png(pixels, 64, 48, {.interlaced = true}), "image/png"},
      {still, "image/webp"},
      {write_webp_animation({still, still}, 64, 48), "image/webp"},
      {write_gif(64, 48, {{.width = 64, .height = 48, .pixels = Bytes(64 * 48, 3)}}), "image/gif"},
      {write_heif(pixels, 64, 48, HeifKind::kAvif), "image/avif"},
      {write_heif(pixels, 64, 48, HeifKind::kHeic), "image/heic"},
  };
  for (const auto& [file, type] : cases) {
    const auto answer = pool->run(file);
    ASSERT_TRUE(answer.has_value()) << type << ": " << to_string(answer.error());
    EXPECT_EQ(*answer, "64x48 " + type);
  }
}

TEST(DecoderPool, AFileTooLargeForAMessageArrivesWhole) {
  auto pool = DecoderPool::create({.workers = 1}, [](ByteView file) -> Result<std::string> {
    std::uint64_t sum = 0;
    for (const std::uint8_t byte : file) sum = sum * 31 + byte;
    return std::to_string(sum);
  });
  ASSERT_TRUE(pool.has_value());
  const Bytes jpeg = write_jpeg(drawn(32, 32), 32, 32);
  for (const std::size_t size : {jpeg.size(), std::size_t{131'071}, std::size_t{131'072},
                                 std::size_t{131'073}, std::size_t{5'000'000}, kMaxInputBytes}) {
    Bytes file = jpeg;
    file.resize(size, 7);
    std::uint64_t sum = 0;
    for (const std::uint8_t byte : file) sum = sum * 31 + byte;
    EXPECT_EQ((*pool)->run(file).value(), std::to_string(sum)) << size;
  }
}

TEST(DecoderPool, ACrashIsAnErrorAndTheNextImageIsServed) {
  const auto pool = make_pool({.workers = 1});
  for (const int deed : {kSegfault, kAbort, kEndQuietly, kCloseEverythingAndLoop}) {
    const auto answer = pool->run(image_for(deed));
    ASSERT_FALSE(answer.has_value()) << deed;
    EXPECT_EQ(answer.error().code, Code::kUnavailable);
    EXPECT_NE(answer.error().detail.find("crashed"), std::string::npos)
        << to_string(answer.error());
    expect_serves(*pool);
  }
}

TEST(DecoderPool, WhatAWorkerMayNotDoEndsIt) {
  const auto pool = make_pool({.workers = 1});
  for (const int deed : {kOpen, kSocket, kFork, kExec, kKillParent, kExecutableMemory,
                         kMakeMemoryExecutable, kTrace, kReadOtherProcess, kWriteStdout}) {
    const auto answer = pool->run(image_for(deed));
    ASSERT_FALSE(answer.has_value()) << "deed " << deed << ": " << *answer;
    EXPECT_EQ(answer.error().code, Code::kUnavailable) << "deed " << deed;
    EXPECT_NE(answer.error().detail.find("may not"), std::string::npos)
        << "deed " << deed << ": " << to_string(answer.error());
    expect_serves(*pool);
  }
}

TEST(DecoderPool, AHangIsEndedAtTheTimeLimit) {
  const auto pool = make_pool({.workers = 1, .time_limit = std::chrono::milliseconds{200}});
  for (int i = 0; i < 3; ++i) {
    const auto answer = pool->run(image_for(kLoop));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Code::kTimeout);
    EXPECT_NE(answer.error().detail.find("longer than 200 ms"), std::string::npos);
  }
}

TEST(DecoderPool, ABalloonIsStoppedAtTheMemoryLimit) {
  const auto pool = make_pool({.workers = 1, .time_limit = std::chrono::seconds{60}});
  const auto answer = pool->run(image_for(kBalloon));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, kAsan ? Code::kUnavailable : Code::kTooLarge);
  if (!kAsan) {
    EXPECT_NE(answer.error().detail.find("256 MiB"), std::string::npos);
  }
  expect_serves(*pool);
}

TEST(DecoderPool, AnImageOfTheLargestSizeFitsItsDefaults) {
  auto pool =
      DecoderPool::create({.workers = 1, .time_limit = std::chrono::seconds{60}}, misbehave);
  ASSERT_TRUE(pool.has_value());
  // 64 Mpx of one colour are a few kilobytes as PNG.
  const auto answer = (*pool)->run(
      write_png(Bytes(1'000 * 8'000, 0), 8'000, 8'000, {.colour_type = 0, .depth = 1}));
  ASSERT_TRUE(answer.has_value()) << to_string(answer.error());
  EXPECT_EQ(*answer, "8000x8000 image/png");
}

TEST(DecoderPool, ErrorsOfTheJobComeBackTame) {
  const auto pool = make_pool();
  EXPECT_EQ(pool->run(image_for(kOwnError)).error(),
            (Error{Code::kUnsupported, "not this one", {}, {}, {}}));
  EXPECT_EQ(pool->run(image_for(kOddError)).error(),
            (Error{Code::kInternal, "red ?[31m? alert", {}, {}, {}}));
  EXPECT_EQ(pool->run(image_for(kThrow)).error().code, Code::kInternal);
  EXPECT_EQ(pool->run(image_for(kHugeAnswer)).error().code, Code::kInternal);
  expect_serves(*pool);
}

// The job tells how many images its worker has seen; it refuses images 21 wide.
std::unique_ptr<DecoderPool> counting_pool(int images_per_worker) {
  auto count = std::make_shared<int>(0);
  auto pool = DecoderPool::create({.workers = 1, .images_per_worker = images_per_worker},
                                  [count](const Image& image) -> Result<std::string> {
                                    ++*count;
                                    if (image.width == 21) return fail(Code::kInvalid, "no");
                                    return std::to_string(*count);
                                  });
  EXPECT_TRUE(pool.has_value());
  return std::move(*pool);
}
Bytes jpeg_of(int width, JpegKind kind = JpegKind::kPlain) {
  return write_jpeg(drawn(width, 10), width, 10, kind);
}

TEST(DecoderPool, NothingOfOneImageIsLeftForTheNext) {
  const auto pool = counting_pool(100);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(pool->run(image_for(kGood)).value(), "1");
    EXPECT_EQ(pool->run(jpeg_of(20, JpegKind::kProgressive)).value(), "1");
  }
  const auto strict = counting_pool(1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(strict->run(jpeg_of(20)).value(), "1");
}

TEST(DecoderPool, PlainJpegsShareAWorkerAmongThemselvesOnly) {
  const auto pool = counting_pool(3);
  for (const std::string_view expected : {"1", "2", "3", "1", "2"}) {
    EXPECT_EQ(pool->run(jpeg_of(20)).value(), expected);
    EXPECT_EQ(pool->run(image_for(kGood)).value(), "1");
  }
}

TEST(DecoderPool, AJpegThatFailsEndsItsWorker) {
  const auto pool = counting_pool(100);
  EXPECT_EQ(pool->run(jpeg_of(20)).value(), "1");
  EXPECT_EQ(pool->run(jpeg_of(20)).value(), "2");
  EXPECT_FALSE(pool->run(jpeg_of(21)).has_value());
  EXPECT_EQ(pool->run(jpeg_of(20)).value(), "1");
}

TEST(PlainJpeg, IsOneBaselineScanOfAtMostAMebibyte) {
  const Bytes plain = jpeg_of(64);
  EXPECT_TRUE(is_plain_jpeg(plain));
  EXPECT_TRUE(is_plain_jpeg(write_jpeg(Bytes(640, 9), 64, 10, JpegKind::kGrey)));
  EXPECT_FALSE(is_plain_jpeg(jpeg_of(64, JpegKind::kProgressive)));
  EXPECT_FALSE(is_plain_jpeg(write_jpeg(Bytes(4 * 640, 9), 64, 10, JpegKind::kInks)));
  EXPECT_FALSE(is_plain_jpeg(image_for(kGood)));
  Bytes large = plain;
  large.resize(kMaxPlainJpegBytes);
  EXPECT_TRUE(is_plain_jpeg(large));
  large.push_back(0);
  EXPECT_FALSE(is_plain_jpeg(large));
}

TEST(PlainJpeg, OneOddMarkerIsEnoughToRefuse) {
  const Bytes plain = jpeg_of(64);
  const std::size_t frame = as_text(plain).find("\xff\xc0");
  const std::size_t scan = as_text(plain).find("\xff\xda");
  for (std::size_t size = 0; size < scan + 4; ++size) {
    EXPECT_FALSE(is_plain_jpeg(ByteView(plain).first(size))) << size;
  }
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes out = plain;
    out[at] = value;
    return out;
  };
  EXPECT_FALSE(is_plain_jpeg(with(frame + 1, 0xc1)));  // extended
  EXPECT_FALSE(is_plain_jpeg(with(frame + 1, 0xc9)));  // arithmetic
  EXPECT_FALSE(is_plain_jpeg(with(frame + 4, 12)));    // bits
  EXPECT_FALSE(is_plain_jpeg(with(frame + 9, 2)));     // components
  EXPECT_FALSE(is_plain_jpeg(with(scan + 4, 1)));      // of three in the first scan
  EXPECT_FALSE(is_plain_jpeg(with(2, 0x00)));          // bytes between markers
  Bytes two = plain;
  two.insert(two.begin() + static_cast<std::ptrdiff_t>(frame),
             plain.begin() + static_cast<std::ptrdiff_t>(frame),
             plain.begin() + static_cast<std::ptrdiff_t>(frame + 19));
  EXPECT_FALSE(is_plain_jpeg(two));
}

// Shared between this process and its workers, which can say nothing but their answers.
std::atomic<pid_t>& shared_pid() {
  static void* const at = ::mmap(nullptr, sizeof(std::atomic<pid_t>), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  static auto* const pid = new (at) std::atomic<pid_t>(0);
  return *pid;
}

TEST(DecoderPool, AWorkerKilledMidImageIsAnErrorAndTheNextImageIsServed) {
  shared_pid() = 0;
  auto pool = DecoderPool::create({.workers = 1, .time_limit = std::chrono::minutes{5}},
                                  [](const Image& image) -> Result<std::string> {
                                    shared_pid() = ::getpid();
                                    if (image.width == kLoop) loop_for_ever();
                                    return "fine";
                                  });
  ASSERT_TRUE(pool.has_value());
  for (const Bytes& file : {image_for(kLoop), jpeg_of(kLoop)}) {
    shared_pid() = 0;
    std::thread killer([] {
      while (shared_pid() == 0) std::this_thread::yield();
      ::kill(shared_pid(), SIGKILL);
    });
    const auto answer = (*pool)->run(file);
    killer.join();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Code::kUnavailable);
    EXPECT_NE(answer.error().detail.find("signal 9"), std::string::npos)
        << to_string(answer.error());
    EXPECT_EQ((*pool)->run(jpeg_of(kGood)).value(), "fine");
  }
}

TEST(DecoderPool, AWorkerKilledWhileItWaitsIsNotNoticed) {
  auto pool = DecoderPool::create({.workers = 1}, [](const Image&) -> Result<std::string> {
    return std::to_string(::getpid());
  });
  ASSERT_TRUE(pool.has_value());
  const std::string first = (*pool)->run(jpeg_of(20)).value();
  ASSERT_EQ((*pool)->run(jpeg_of(20)).value(), first);  // it waits for more
  const pid_t worker = std::stoi(first);
  ASSERT_EQ(::kill(worker, SIGKILL), 0);
  // A zombie has closed what it had open. "pid (name) state".
  std::string pid;
  std::string name;
  char state = 0;
  while (state != 'Z') {
    std::ifstream file("/proc/" + first + "/stat");
    if (!(file >> pid >> name >> state)) break;
  }
  const auto answer = (*pool)->run(jpeg_of(20));
  ASSERT_TRUE(answer.has_value()) << to_string(answer.error());
  EXPECT_NE(*answer, first);
}

TEST(DecoderPool, ManyCallersShareFewWorkers) {
  const auto pool = make_pool({.workers = 2,
                               .time_limit = std::chrono::seconds{60},
                               .queue_limit = std::chrono::seconds{60}});
  std::atomic<int> served{0};
  std::atomic<int> crashed{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 10; ++i) {
        const bool bad = (caller + i) % 3 == 0;
        const auto answer = pool->run(image_for(bad ? kAbort : kGood));
        if (answer) ++served;
        if (!answer && answer.error().code == Code::kUnavailable) ++crashed;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(served + crashed, 80);
  EXPECT_EQ(crashed, 27);
}

// One caller holds the only worker until its time limit; meanwhile the other must be turned away.
void expect_busy(const SandboxOptions& options, std::string_view words) {
  const auto pool = make_pool(options);
  std::atomic<bool> done{false};
  std::thread hog([&] {
    while (true) {
      const auto answer = pool->run(image_for(kLoop));
      ASSERT_FALSE(answer.has_value());
      if (answer.error().code != Code::kBusy) break;  // it was turned away itself: again
    }
    done = true;
  });
  bool turned_away = false;
  while (!done && !turned_away) {
    const auto answer = pool->run(image_for(kGood));
    if (answer) continue;
    turned_away = true;
    EXPECT_EQ(answer.error().code, Code::kBusy);
    EXPECT_NE(answer.error().detail.find(words), std::string::npos) << to_string(answer.error());
  }
  hog.join();
  EXPECT_TRUE(turned_away);
}

TEST(DecoderPool, CallersBeyondTheQueueAreTurnedAway) {
  expect_busy({.workers = 1, .time_limit = std::chrono::seconds{2}, .max_waiting = 0}, "too many");
}

TEST(DecoderPool, WaitingEndsAtTheQueueLimit) {
  expect_busy({.workers = 1,
               .time_limit = std::chrono::seconds{2},
               .max_waiting = 10,
               .queue_limit = std::chrono::milliseconds{20}},
              "in time");
}

TEST(DecoderPool, AWaitThatWouldBeTooLongIsRefusedAtOnceWithAHint) {
  // Images take 1.2 s, callers wait one at most.
  const auto pool = make_pool({.workers = 1,
                               .time_limit = std::chrono::milliseconds{1'200},
                               .queue_limit = std::chrono::seconds{1}});
  EXPECT_EQ(pool->retry_after(), std::chrono::seconds{1});
  EXPECT_EQ(pool->run(image_for(kLoop)).error().code, Code::kTimeout);
  std::atomic<bool> done{false};
  std::thread hog([&] {
    EXPECT_EQ(pool->run(image_for(kLoop)).error().code, Code::kTimeout);
    done = true;
  });
  while (!done && pool->retry_after() == std::chrono::seconds{1}) std::this_thread::yield();
  EXPECT_EQ(pool->retry_after(), std::chrono::seconds{2});
  const auto answer = pool->run(image_for(kGood));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Code::kBusy);
  EXPECT_NE(answer.error().detail.find("would be free"), std::string::npos);
  hog.join();
  expect_serves(*pool);
}

TEST(DecoderPool, LeavesNoProcessBehind) {
  { expect_serves(*make_pool()); }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// Whatever ends the node, its decoders end with it: orphans come to this process, which waits for
// all of them.
TEST(DecoderPool, DecodersEndWithAKilledNode) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t node = ::fork();
  ASSERT_GE(node, 0);
  if (node == 0) {
    const auto pool = make_pool();
    if (::write(ready[1], "r", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(node, SIGKILL);
  ::alarm(60);  // a decoder that stays would otherwise hold this test for ever
  int ended = 0;
  while (::waitpid(-1, nullptr, 0) > 0) ++ended;
  ::alarm(0);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_GE(ended, 2);  // the node and the keeper, which reaps the workers unless it ends first
  ::close(ready[0]);
  ::close(ready[1]);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

}  // namespace
}  // namespace entente::media
