// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/index.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace entente::hamming {

class Index::Impl {
 public:
  mutable std::shared_mutex mutex;
  std::map<std::uint64_t, Pdq> rows;
};

Index::Index(const Options&) : impl_(std::make_unique<Impl>()) {}
Index::Index(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Index::Index(Index&&) noexcept = default;
Index& Index::operator=(Index&&) noexcept = default;
Index::~Index() = default;

Result<Index> Index::build(std::span<const std::uint64_t> ids, std::span<const Pdq> hashes,
                           const Options& options) {
  if (ids.size() != hashes.size()) return fail(Code::kInvalid, "one hash for each id", "hashes");
  Index index(options);
  for (std::size_t i = 0; i < ids.size(); ++i) index.add(ids[i], hashes[i]);
  return index;
}

void Index::add(std::uint64_t id, const Pdq& hash) {
  const std::unique_lock lock(impl_->mutex);
  impl_->rows[id] = hash;
}
bool Index::remove(std::uint64_t id) {
  const std::unique_lock lock(impl_->mutex);
  return impl_->rows.erase(id) == 1;
}

Result<std::vector<Hit>> Index::search(const Pdq& query, int radius) const {
  if (radius < 0 || radius > fingerprint::kPdqBits) {
    return fail(Code::kInvalid, "a search radius is 0 to 256 bits", "radius");
  }
  std::vector<Hit> hits;
  {
    const std::shared_lock lock(impl_->mutex);
    for (const auto& [id, hash] : impl_->rows) {
      const int distance = query.distance(hash);
      if (distance <= radius) hits.push_back({id, distance});
    }
  }
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) {
    return std::pair(a.distance, a.id) < std::pair(b.distance, b.id);
  });
  return hits;
}
Result<std::vector<std::vector<Hit>>> Index::search_batch(std::span<const Pdq> queries,
                                                          int radius) const {
  std::vector<std::vector<Hit>> out;
  for (const Pdq& query : queries) {
    ENTENTE_TRY(hits, search(query, radius));
    out.push_back(std::move(hits));
  }
  return out;
}

std::size_t Index::size() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->rows.size();
}
std::size_t Index::bytes() const {
  return size() * (sizeof(std::pair<std::uint64_t, Pdq>) + 32);
}
void Index::settle() {}

Result<void> Index::save(const std::filesystem::path& path, std::uint64_t watermark) const {
  const std::filesystem::path temporary = path.string() + ".tmp";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    const std::shared_lock lock(impl_->mutex);
    out << "entente.hamming.0 " << watermark << ' ' << impl_->rows.size() << '\n';
    for (const auto& [id, hash] : impl_->rows) out << id << ' ' << hash.hex() << '\n';
    out.flush();
    if (!out) return fail(Code::kInternal, "cannot write the snapshot");
  }
  std::error_code error;
  std::filesystem::rename(temporary, path, error);
  if (error) return fail(Code::kInternal, "cannot rename the snapshot: " + error.message());
  return {};
}

Result<Opened> Index::open(const std::filesystem::path& path, const Options& options) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::kNotFound, "no such snapshot");
  std::string magic;
  std::uint64_t watermark = 0;
  std::uint64_t count = 0;
  if (!(in >> magic >> watermark >> count) || magic != "entente.hamming.0")
    return fail(Code::kUnsupported, "not a snapshot of this version");
  Index index(options);
  std::string hex;
  for (std::uint64_t i = 0, id = 0; i < count; ++i) {
    if (!(in >> id >> hex)) return fail(Code::kCorrupt, "the snapshot is truncated");
    ENTENTE_TRY(hash, Pdq::parse(hex));
    index.add(id, hash);
  }
  return Opened{std::move(index), watermark};
}

}  // namespace entente::hamming
