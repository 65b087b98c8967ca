// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/index.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "entente/hamming/index_impl.h"
#include "entente/hamming/snapshot.h"

namespace entente::hamming {
namespace {

Result<void> check_radius(int radius) {
  if (radius >= 0 && radius <= fingerprint::kPdqBits) return {};
  return fail(Code::kInvalid, "a search radius is 0 to 256 bits", "radius");
}

Options sane(Options options) {
  options.radius = std::clamp(options.radius, 0, fingerprint::kPdqBits);
  return options;
}

// Of each id the last place it stands at, in order of ids.
std::vector<std::size_t> last_of_each(std::span<const std::uint64_t> ids) {
  std::vector<std::size_t> places(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) places[i] = i;
  std::sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(ids[a], a) < std::pair(ids[b], b);
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (i + 1 < places.size() && ids[places[i]] == ids[places[i + 1]]) continue;
    places[kept++] = places[i];
  }
  places.resize(kept);
  return places;
}

std::shared_ptr<Segment> segment_of(std::span<const std::uint64_t> ids, std::span<const Pdq> hashes,
                                    const Options& options) {
  const SegmentOptions to{options.radius, options.bytes_per_entry, options.free_bytes};
  if (std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end())
    return Segment::build(ids, hashes, to);
  std::vector<std::uint64_t> kept_ids;
  std::vector<Pdq> kept_hashes;
  for (const std::size_t place : last_of_each(ids)) {
    kept_ids.push_back(ids[place]);
    kept_hashes.push_back(hashes[place]);
  }
  return Segment::build(kept_ids, kept_hashes, to);
}

}  // namespace

Index::Index(const Options& options)
    : impl_(std::make_unique<Impl>(sane(options), View{{}, std::make_shared<Chunk>()})) {}
Index::Index(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Index::Index(Index&&) noexcept = default;
Index& Index::operator=(Index&&) noexcept = default;
Index::~Index() = default;

Result<Index> Index::build(std::span<const std::uint64_t> ids, std::span<const Pdq> hashes,
                           const Options& options) {
  if (ids.size() != hashes.size()) return fail(Code::kInvalid, "one hash for each id", "hashes");
  if (ids.size() > kMaxRows)
    return fail(Code::kTooLarge, "more entries than an index holds", "ids");
  ENTENTE_CHECK_OK(check_radius(options.radius));
  View view{{}, std::make_shared<Chunk>()};
  if (!ids.empty()) view.segments.push_back(segment_of(ids, hashes, options));
  return Index(std::make_unique<Impl>(options, std::move(view)));
}

void Index::add(std::uint64_t id, const Pdq& hash) {
  impl_->add(id, hash);
}
bool Index::remove(std::uint64_t id) {
  return impl_->remove(id);
}

Result<std::vector<Hit>> Index::search(const Pdq& query, int radius) const {
  ENTENTE_CHECK_OK(check_radius(radius));
  return impl_->search(query, radius);
}
Result<std::vector<std::vector<Hit>>> Index::search_batch(std::span<const Pdq> queries,
                                                          int radius) const {
  ENTENTE_CHECK_OK(check_radius(radius));
  return impl_->search_batch(queries, radius);
}

std::size_t Index::size() const {
  return impl_->size();
}
std::size_t Index::bytes() const {
  return impl_->bytes();
}
void Index::settle() {
  impl_->settle();
}

Result<void> Index::save(const std::filesystem::path& path, std::uint64_t watermark) const {
  return impl_->save(path, watermark);
}

Result<Opened> Index::open(const std::filesystem::path& path, const Options& options) {
  ENTENTE_CHECK_OK(check_radius(options.radius));
  ENTENTE_TRY(loaded, read_snapshot(path));
  View view{std::move(loaded.segments), std::make_shared<Chunk>()};
  Index index(std::make_unique<Impl>(options, std::move(view)));
  for (const Entry& entry : loaded.tail) index.add(entry.id, entry.hash);
  return Opened{std::move(index), loaded.watermark};
}

}  // namespace entente::hamming
