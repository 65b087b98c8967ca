// SPDX-License-Identifier: Apache-2.0
//
// Site::restore and Site::erase: the exact reverse, and the end of the preserved copy.
#include <unistd.h>

#include <cerrno>

#include "entente/effects/site/site_impl.h"

namespace entente::effects::site {

namespace {

constexpr int kBlockedStatus = 451;
constexpr int kPublicStatus = 200;

}  // namespace

// The file is where it was; the block still stands.
Result<void> Site::Impl::bring_back(Record& record, Holder& holder, const PublicUrl& url) {
  ENTENTE_TRY(plain, unseal(holder));
  ENTENTE_TRY(found, look_up(url));
  if (found) {
    ENTENTE_TRY(there, read_content(*found));
    if (hex_hash(there) != holder.sha256) {
      return fail(Error{Code::kConflict,
                        "another file has this address by now",
                        "url",
                        {},
                        "move that file away, then repeat; the preserved copy is safe"});
    }
    // Either it was put back before a crash, or the order never came to withdraw it.
    if (record.phase == Phase::kRestoring)
      ENTENTE_CHECK_OK(note_found(holder.key, "put_back", url.canonical));
    return {};
  }
  record.phase = Phase::kRestoring;
  ENTENTE_CHECK_OK(records.save(record));
  point("restore.recorded");
  ENTENTE_CHECK_OK(put_back(options.content_root, url.segments, plain, holder.traits,
                            [this] { point("restore.half_way"); }));
  point("restore.put_back");
  return note(holder.key, "put_back", url.canonical);
}

// The last order lets go.
Result<Restored> Site::Impl::let_go(Record& record, Holder& holder, const PublicUrl& url) {
  ENTENTE_CHECK_OK(bring_back(record, holder, url));
  holder.held = false;
  record.phase = Phase::kPublic;
  ENTENTE_CHECK_OK(records.save(record));
  point("restore.released");
  return report(record, holder, url);
}

// What the public sees of an address that this holder has released.
Result<Restored> Site::Impl::report(Record& record, const Holder& holder, const PublicUrl& url) {
  if (record.held() > 0) {
    ENTENTE_CHECK_OK(publish_until(url, kBlockedStatus, "restore"));
    ENTENTE_TRY(seen,
                outside.wait_for(url.canonical, kBlockedStatus, options.public_wait, kAtOnce));
    ENTENTE_CHECK_OK(check_451(seen, options.platform_url, record.owner()->record));
    return Restored{holder.sha256, seen.status, clock.now(), true};
  }
  // A file that its user has changed or deleted since the restore is the user's business: then the
  // map alone counts.
  ENTENTE_TRY(found, look_up(url));
  const int expected = found ? kPublicStatus : 404;
  ENTENTE_TRY(changed, publish_until(url, expected, "restore"));
  if (changed) {
    ENTENTE_CHECK_OK(note(holder.key, "unblocked", url.canonical));
  } else {
    ENTENTE_CHECK_OK(note_found(holder.key, "unblocked", url.canonical));
  }
  point("restore.done");
  ENTENTE_TRY(seen, outside.wait_for(url.canonical, expected, options.public_wait, kAtOnce));
  if (found) {
    ENTENTE_TRY(there, read_content(*found));
    if (hex_hash(there) != hex_hash(as_bytes(seen.body))) {
      return fail(Code::kUnavailable, "the public side does not give the bytes that are on disk");
    }
  }
  return Restored{hex_hash(as_bytes(seen.body)), seen.status, clock.now(), false};
}

Result<Restored> Site::Impl::restore(std::string_view key, const PublicUrl& url) {
  ENTENTE_TRY(known, records.load(url.canonical));
  Holder* mine = known ? known->find(key) : nullptr;
  if (mine == nullptr)
    return fail(Code::kNotFound, "this order holds nothing at this address", "key");
  Record& record = *known;
  if (!mine->held) return report(record, *mine, url);
  if (record.held() == 1) return let_go(record, *mine, url);
  mine->held = false;
  // An order that has not come to withdraw the file yet still has to: the next holder's repeat
  // finishes that.
  ENTENTE_CHECK_OK(records.save(record));
  point("restore.released");
  return report(record, *mine, url);
}

Result<void> Site::Impl::erase(std::string_view key, const PublicUrl& url) {
  ENTENTE_TRY(known, records.load(url.canonical));
  Holder* mine = known ? known->find(key) : nullptr;
  if (mine == nullptr)
    return fail(Code::kNotFound, "this order preserved nothing at this address", "key");
  if (mine->held && known->phase != Phase::kDisabled) {
    return fail(Code::kConflict, "the work on this address is not finished", "key");
  }
  mine->erased = true;
  ENTENTE_CHECK_OK(records.save(*known));
  point("erase.recorded");
  for (const Holder& other : known->holders) {
    if (!other.erased && other.sealed == mine->sealed) return {};
  }
  const std::filesystem::path path = records.sealed_path(mine->sealed);
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return note_found(key, "erased", url.canonical);
    return fail(system_error("erase the preserved copy", errno));
  }
  ENTENTE_CHECK_OK(sync_folder(path.parent_path()));
  point("erase.unlinked");
  return note(key, "erased", url.canonical);
}

}  // namespace entente::effects::site
