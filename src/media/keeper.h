// SPDX-License-Identifier: Apache-2.0
//
// Inside sandbox.h: the keeper process, which forks workers and ends them, and the worker itself.
//
// The keeper is forked once, while the node is small and has one thread, so that a worker never
// holds a copy of what the node learned later. It alone reaps its workers, so it never signals a
// process id that was given to another process. It keeps as many workers as it was asked for; those
// nobody has taken yet wait, confined, in `fresh`. It ends when `asks` closes, hence with the node
// however that ends, and its workers with it.
#pragma once

#include <sys/types.h>

#include "entente/media/channel.h"
#include "entente/media/sandbox.h"

namespace entente::media {

// Node to keeper, on `asks`: end worker `end` (0: none) and start a fresh one.
struct KeeperAsk {
  pid_t end = 0;
  std::int32_t report = 0;  // 1: and answer, on `asks`, with a KeeperReport
};
struct KeeperReport {
  int ended = 0;  // wait status of the ended worker
};
// Keeper to node, on `fresh`: a worker that gets ready, its channel beside it.
struct FreshWorker {
  pid_t pid = 0;  // 0: it could not be started
  int error = 0;  // then, errno
};

// Node to worker, with the file after it or, above kMaxInlineBytes, in a sealed memory file of that
// size beside it.
struct WorkerAsk {
  std::uint64_t size = 0;
};
struct Keeper {
  pid_t pid = 0;
  Fd asks;
  Fd fresh;
};
// Forks the keeper. The child never returns from it.
Result<Keeper> start_keeper(const SandboxOptions& options, const FileJob& job);

}  // namespace entente::media
