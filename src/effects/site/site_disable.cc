// SPDX-License-Identifier: Apache-2.0
//
// Site::disable: from served to sealed, blocked and withdrawn. The order of the steps is the
// contract of site.h.
#include "entente/effects/site/site_impl.h"

namespace entente::effects::site {

namespace {

constexpr int kBlockedStatus = 451;

std::string sealed_name(const PublicUrl& url, std::string_view sha256) {
  return hex_hash(as_bytes(url.canonical)) + "-" + std::string(sha256) + ".age";
}

}  // namespace

Result<Holder> Site::Impl::seal(std::string_view key, const PublicUrl& url,
                                std::string_view record_url, const Found& found) const {
  ENTENTE_TRY(plain, read_content(found));
  Holder out;
  out.key = std::string(key);
  out.record = std::string(record_url);
  out.sha256 = hex_hash(plain);
  out.size = plain.size();
  out.sealed = sealed_name(url, out.sha256);
  out.traits = found.traits();
  if (unseal(out)) {  // kept for an earlier order, or sealed before a crash
    ENTENTE_CHECK_OK(note_found(key, "sealed", url.canonical));
    return out;
  }
  const crypto::AgeRecipient recipient = identity.recipient();
  ENTENTE_TRY(sealed, crypto::age_encrypt({&recipient, 1}, plain, random));
  ENTENTE_CHECK_OK(write_whole(records.sealed_path(out.sealed), sealed, 0600));
  // A copy that does not open is no copy: read it back before the original may go.
  ENTENTE_CHECK_OK(unseal(out));
  point("disable.sealed");
  ENTENTE_CHECK_OK(note(key, "sealed", url.canonical));
  return out;
}

// Puts `key` among the holders, and the record on disk.
Result<void> Site::Impl::take_hold(Record& record, std::string_view key, const PublicUrl& url,
                                   std::string_view record_url) {
  Holder* owner = record.owner();
  if (owner != nullptr && record.phase != Phase::kRestoring) {
    Holder joined = *owner;
    joined.key = std::string(key);
    joined.record = std::string(record_url);
    record.holders.push_back(std::move(joined));
    return records.save(record);
  }
  ENTENTE_TRY(found, look_up(url));
  Holder fresh;
  if (found) {
    ENTENTE_TRY(sealed, seal(key, url, record_url, *found));
    fresh = std::move(sealed);
  } else if (owner != nullptr) {
    // On its way back when this order came: its copy is this order's copy.
    fresh = *owner;
    fresh.key = std::string(key);
    fresh.record = std::string(record_url);
  } else {
    return fail(Code::kNotFound, "there is no such file on the site", "url");
  }
  // The restore that was under way has its end: the address is held by this order alone now.
  if (owner != nullptr) owner->held = false;
  record.holders.push_back(std::move(fresh));
  record.phase = Phase::kDisabling;
  return records.save(record);
}

Result<void> Site::Impl::finish_disabling(Record& record, const PublicUrl& url) {
  Holder& owner = *record.owner();
  ENTENTE_TRY(found, look_up(url));
  if (found) {
    ENTENTE_TRY(plain, read_content(*found));
    if (hex_hash(plain) != owner.sha256) {
      // Replaced between sealing and now: what is withdrawn must be what is kept.
      ENTENTE_TRY(again, seal(owner.key, url, owner.record, *found));
      for (Holder& holder : record.holders) {
        if (!holder.held) continue;
        holder.sha256 = again.sha256;
        holder.size = again.size;
        holder.sealed = again.sealed;
        holder.traits = again.traits;
        holder.erased = false;
      }
      ENTENTE_CHECK_OK(records.save(record));
    }
    ENTENTE_CHECK_OK(withdraw(*found));
    point("disable.withdrawn");
    ENTENTE_CHECK_OK(note(owner.key, "withdrawn", url.canonical));
  } else {
    ENTENTE_CHECK_OK(note_found(owner.key, "withdrawn", url.canonical));
  }
  record.phase = Phase::kDisabled;
  return records.save(record);
}

Result<Disabled> Site::Impl::disable(std::string_view key, const PublicUrl& url,
                                     std::string_view record_url) {
  ENTENTE_TRY(known, records.load(url.canonical));
  Record record = known ? *std::move(known) : Record{url.canonical, Phase::kPublic, {}};
  const Holder* mine = record.find(key);
  if (mine != nullptr && (!mine->held || record.phase == Phase::kRestoring)) {
    return fail(Code::kConflict, "this order's block was lifted; a new block needs a new key",
                "key");
  }
  if (mine == nullptr) ENTENTE_CHECK_OK(take_hold(record, key, url, record_url));
  point("disable.recorded");

  const std::string owner = record.owner()->key;
  ENTENTE_TRY(changed, publish_until(url, kBlockedStatus, "disable"));
  if (changed) {
    ENTENTE_CHECK_OK(note(owner, "blocked", url.canonical));
  } else {
    ENTENTE_CHECK_OK(note_found(owner, "blocked", url.canonical));
  }
  point("disable.blocked");
  if (record.phase == Phase::kDisabling) ENTENTE_CHECK_OK(finish_disabling(record, url));
  point("disable.done");

  ENTENTE_TRY(seen, outside.wait_for(url.canonical, kBlockedStatus, options.public_wait, kAtOnce));
  ENTENTE_CHECK_OK(check_451(seen, options.platform_url, record.owner()->record));
  const Holder& held = *record.find(key);
  return Disabled{held.sha256, held.size, seen.status, clock.now(), held.sealed};
}

}  // namespace entente::effects::site
