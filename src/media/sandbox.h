// SPDX-License-Identifier: Apache-2.0
//
// Looks at hostile images in processes that can do nothing else. A worker does the pool's job on an
// image (say, its fingerprint) and answers in a short text. Even a worker taken over by its image
// has:
//   no files, no network, no new process or thread: a seccomp allow-list kills it at the first
//   other system call; no descriptors but its channel, no privileges to gain, no core dump, limits
//   on memory, CPU and files; no more time than `time_limit`: then it is killed.
//
//   auto pool = DecoderPool::create({}, fingerprint_job);  // in main, before threads and before
//   keys are read Result<std::string> answer = (*pool)->run(upload);
//
// What an image could do to the next (docs/decisions/0020): a worker that looked at anything but a
// plain JPEG, or gave anything but an answer, ends with it. Up to `images_per_worker` plain JPEGs
// (is_plain_jpeg) share a worker: one that takes over libjpeg-turbo's baseline decoder could lie
// about at most those that follow it there. With images_per_worker = 1 nothing is shared.
//
// Workers are forked ahead from a keeper, itself forked by create(), so they hold a copy of the
// memory create() was called with: call it early, before threads start and before keys are read.
// The keeper and all workers end when the pool or the node ends; they ignore SIGINT, SIGTERM and
// SIGHUP, so that a stopping node can finish what it is looking at.
//
// Only Linux on 64 bits. run() and retry_after() are thread-safe; create() is not.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "entente/core/bytes.h"
#include "entente/media/decode.h"

namespace entente::media {

// Runs inside the worker: no files, no sockets, no threads. The answer is at most kMaxAnswerBytes
// and comes from a process that its image may have taken over: parse it as strictly as any input.
// A FileJob decodes the file itself, with decode_rows(); a Job gets the first frame decoded.
using FileJob = std::function<Result<std::string>(ByteView file)>;
using Job = std::function<Result<std::string>(const Image&)>;

inline constexpr std::size_t kMaxAnswerBytes = 16U << 10;

struct SandboxOptions {
  // Images looked at side by side; each may cost a core and memory_limit_bytes.
  int workers = 2;
  // Wall-clock time for one image; also its CPU time, rounded up to seconds plus one. 12 Mpx take
  // about 0.2 s.
  std::chrono::milliseconds time_limit{5'000};
  // What a worker may map beyond what it started with: 64 Mpx of RGB (192 MB), a progressive JPEG's
  // coefficients (384 MB), and the job's own needs.
  std::size_t memory_limit_bytes = std::size_t{768} << 20;
  // Callers that may wait for a worker, and for how long, before they are told kBusy; at once when
  // by the time recent images took it would be longer.
  int max_waiting = 64;
  std::chrono::milliseconds queue_limit{10'000};
  // Plain JPEGs one worker may look at, one after the other. Starting a worker costs about as much
  // as decoding a small one; at 16 that is spread thin enough.
  int images_per_worker = 16;
};

class DecoderPool {
 public:
  // kInvalid: an option out of range. kUnavailable: the system refused a process, a socket or
  // seccomp.
  static Result<std::unique_ptr<DecoderPool>> create(const SandboxOptions& options, FileJob job);
  static Result<std::unique_ptr<DecoderPool>> create(const SandboxOptions& options, Job job);
  virtual ~DecoderPool() = default;

  // The job's answer about the image in `file`. Errors of decode() and of the job as they are, and
  //   kTooLarge     above kMaxInputBytes, or memory_limit_bytes was not enough
  //   kTimeout      not done within time_limit
  //   kUnavailable  the worker crashed, was killed or tried what it may not
  //   kBusy         max_waiting callers wait already, or the wait is or would be above queue_limit
  // After any of them the next image is served as if nothing had happened.
  virtual Result<std::string> run(ByteView file) = 0;

  // When one who was told kBusy may come again: by then those who wait now should be served. Whole
  // seconds, 1 to kMaxRetryAfter.
  static constexpr std::chrono::seconds kMaxRetryAfter{60};
  virtual std::chrono::seconds retry_after() const { return std::chrono::seconds{1}; }
};

// An ordinary photograph as most are uploaded: one baseline scan, 8 bits, grey or three components,
// and at most kMaxPlainJpegBytes. Reads markers only. Files of this kind alone may share a worker,
// because their decoder is the smallest and the most tried.
inline constexpr std::size_t kMaxPlainJpegBytes = std::size_t{1} << 20;
bool is_plain_jpeg(ByteView file);

}  // namespace entente::media
