// SPDX-License-Identifier: Apache-2.0
#include "entente/effects/site/site.h"

#include <algorithm>

#include "entente/effects/site/blocked_map.h"
#include "entente/effects/site/site_impl.h"

namespace entente::effects::site {

namespace {

// 100 000 entries of the longest kind stay below; larger is not ours.
constexpr std::size_t kMaxMapBytes = std::size_t{512} << 20;
// Idempotency keys are "kind:act:target:step": a longer one is an attack on the journal.
constexpr std::size_t kMaxKeyBytes = 1024;
// age adds about 200 bytes and 16 for each 64 KiB.
constexpr std::size_t kMaxSealedBytes = kMaxContentBytes + (1 << 20);

Result<void> check_key(std::string_view key) {
  if (key.empty() || key.size() > kMaxKeyBytes)
    return fail(Code::kInvalid, "a key has 1 to 1024 bytes", "key");
  return {};
}

}  // namespace

Site::Site(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Site::~Site() = default;

Result<std::unique_ptr<Site>> Site::open(SiteOptions options, Random& random, const Clock& clock) {
  ENTENTE_TRY(base, parse_base(options.public_base));
  ENTENTE_CHECK_OK(check_plain_url(options.platform_url, "platform_url"));
  if (!std::filesystem::is_directory(options.content_root)) {
    return fail(Code::kInvalid, "the content root is no folder", "content_root");
  }
  ENTENTE_TRY(identity, crypto::AgeIdentity::load(options.seal_identity));
  ENTENTE_TRY(records, Records::open(options.sealed_dir));
  std::unique_ptr<Impl> impl(new Impl{std::move(options), base, std::move(identity),
                                      std::move(records), random, clock, PublicSide()});
  ENTENTE_TRY(lock, FolderLock::take(impl->records.lock_path()));
  if (!std::filesystem::exists(impl->options.blocked_map)) {
    ENTENTE_CHECK_OK(
        write_whole(impl->options.blocked_map, as_bytes("# Nothing is blocked.\n"), 0644));
  }
  return std::unique_ptr<Site>(new Site(std::move(impl)));
}

Result<Located> Site::locate(std::string_view url) const {
  ENTENTE_TRY(at, parse_public_url(impl_->base, url));
  ENTENTE_TRY(record, impl_->records.load(at.canonical));
  ENTENTE_TRY(found, impl_->look_up(at));
  if (found) return Located{at.canonical, found->size(), false};
  if (!record || record->owner() == nullptr)
    return fail(Code::kNotFound, "there is no such file on the site", "url");
  return Located{at.canonical, record->owner()->size, true};
}

Result<Bytes> Site::read(std::string_view url) const {
  ENTENTE_TRY(at, parse_public_url(impl_->base, url));
  ENTENTE_TRY(found, impl_->look_up(at));
  if (found) return read_content(*found);
  ENTENTE_TRY(record, impl_->records.load(at.canonical));
  if (!record || record->owner() == nullptr)
    return fail(Code::kNotFound, "there is no such file on the site", "url");
  return impl_->unseal(*record->owner());
}

Result<Disabled> Site::disable(std::string_view key, std::string_view url,
                               std::string_view record_url) {
  ENTENTE_CHECK_OK(check_key(key));
  ENTENTE_CHECK_OK(check_plain_url(record_url, "record_url"));
  ENTENTE_TRY(at, parse_public_url(impl_->base, url));
  ENTENTE_CHECK_OK(check_fits({at.host, at.path, std::string(record_url)}));
  ENTENTE_TRY(lock, FolderLock::take(impl_->records.lock_path()));
  return impl_->disable(key, at, record_url);
}

Result<Restored> Site::restore(std::string_view key, std::string_view url) {
  ENTENTE_CHECK_OK(check_key(key));
  ENTENTE_TRY(at, parse_public_url(impl_->base, url));
  ENTENTE_TRY(lock, FolderLock::take(impl_->records.lock_path()));
  return impl_->restore(key, at);
}

Result<void> Site::erase(std::string_view key, std::string_view url) {
  ENTENTE_CHECK_OK(check_key(key));
  ENTENTE_TRY(at, parse_public_url(impl_->base, url));
  ENTENTE_TRY(lock, FolderLock::take(impl_->records.lock_path()));
  return impl_->erase(key, at);
}

Result<std::vector<Done>> Site::journal(std::string_view key) const {
  ENTENTE_TRY(lines, impl_->records.journal(key));
  std::vector<Done> out;
  out.reserve(lines.size());
  for (JournalLine& line : lines)
    out.push_back({std::move(line.effect), std::move(line.url), line.at, line.found});
  return out;
}

Result<void> Site::Impl::note(std::string_view key, std::string_view effect, const std::string& url,
                              bool found) const {
  return records.note(key, {std::string(effect), url, clock.now(), found});
}

Result<void> Site::Impl::note_found(std::string_view key, std::string_view effect,
                                    const std::string& url) const {
  ENTENTE_TRY(lines, records.journal(key));
  const bool known = std::any_of(lines.begin(), lines.end(), [&](const JournalLine& line) {
    return line.effect == effect && line.url == url;
  });
  if (known) return {};
  return note(key, effect, url, true);
}

Result<std::optional<Found>> Site::Impl::look_up(const PublicUrl& url) const {
  auto found = open_content(options.content_root, url.segments);
  if (found) return std::optional<Found>(*std::move(found));
  if (found.error().code == Code::kNotFound) return std::optional<Found>();
  return fail(found.error());
}

Result<Bytes> Site::Impl::unseal(const Holder& holder) const {
  if (holder.erased) return fail(Code::kGone, "the preserved copy was erased", "url");
  const auto sealed = read_whole(records.sealed_path(holder.sealed), kMaxSealedBytes);
  if (!sealed)
    return fail(Code::kCorrupt, "the preserved copy cannot be read: " + sealed.error().detail);
  ENTENTE_TRY(plain, crypto::age_decrypt(identity, *sealed));
  if (hex_hash(plain) != holder.sha256)
    return fail(Code::kCorrupt, "the preserved copy is not what was preserved");
  return plain;
}

Result<bool> Site::Impl::publish_map() const {
  ENTENTE_TRY(all, records.all());
  std::vector<Blocked> blocked;
  for (Record& record : all) {
    const Holder* owner = record.owner();
    if (record.phase == Phase::kPublic || owner == nullptr) continue;
    ENTENTE_TRY(url, parse_public_url(base, record.url));
    blocked.push_back({url.host, url.path, owner->record});
  }
  ENTENTE_TRY(text, render_map(std::move(blocked)));
  const auto before = read_whole(options.blocked_map, kMaxMapBytes);
  if (before && as_text(*before) == text) return false;
  ENTENTE_CHECK_OK(write_whole(options.blocked_map, as_bytes(text), 0644));
  return true;
}

Result<bool> Site::Impl::publish_until(const PublicUrl& url, int status, std::string_view points) {
  ENTENTE_TRY(changed, publish_map());
  point(std::string(points) + ".mapped");
  if (!changed) {
    // The map was right already; nginx has read it too unless a crash came between.
    const auto seen = outside.look(url.canonical);
    if (seen && seen->status == status) {
      // A crash may have come a moment ago: a worker of before the reload may still answer beside
      // the new one.
      ENTENTE_CHECK_OK(outside.wait_for(url.canonical, status, options.public_wait));
      return false;
    }
  }
  ENTENTE_CHECK_OK(reload_nginx(options.nginx_pid));
  point(std::string(points) + ".reloaded");
  ENTENTE_CHECK_OK(outside.wait_for(url.canonical, status, options.public_wait));
  return changed;
}

}  // namespace entente::effects::site
