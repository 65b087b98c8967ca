// SPDX-License-Identifier: Apache-2.0
#include "entente/hamming/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "entente/hamming/crc32c.h"
#include "entente/hamming/snapshot_format.h"

namespace entente::hamming {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "blocks are written as they are");

// Checking is done at memory's speed by a few; more would only wait for it.
constexpr unsigned kMostCheckers = 4;

Unexpected io_failure(const char* what) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return fail(full ? Code::kTooLarge : Code::kInternal,
              std::string(what) + ": " + std::strerror(error));
}

Unexpected corrupt(const char* why) {
  return fail(Code::kCorrupt, std::string("the snapshot is damaged: ") + why);
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::uint64_t next_page(std::uint64_t at) {
  return (at + kPage - 1) / kPage * kPage;
}

template <class T>
ByteView bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};
}

// Writes in order and keeps the checksum of each MiB.
class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {}

  Result<void> put(ByteView bytes) {
    while (!bytes.empty()) {
      const std::size_t room = kChecked - static_cast<std::size_t>(at_ - kPage) % kChecked;
      const ByteView part = bytes.first(std::min(bytes.size(), room));
      ENTENTE_CHECK_OK(write(part));
      if ((at_ - kPage) % kChecked == 0) checks_.push_back(0);
      checks_.back() = crc32c(part, checks_.back());
      at_ += part.size();
      bytes = bytes.subspan(part.size());
    }
    return {};
  }
  Result<void> to_page() { return put(Bytes(next_page(at_) - at_)); }

  Result<void> write(ByteView bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return io_failure("cannot write the snapshot");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }

  std::uint64_t at() const { return at_; }
  const std::vector<std::uint32_t>& checks() const { return checks_; }

 private:
  int fd_;
  std::uint64_t at_ = kPage;
  std::vector<std::uint32_t> checks_;
};

SegmentRecord record_of(const Shape& shape) {
  SegmentRecord record;
  record.rows = shape.rows;
  record.distinct = shape.distinct;
  record.id_base = shape.id_base;
  record.id_bytes = shape.id_bytes;
  record.row_bytes = shape.row_bytes;
  record.bands = static_cast<std::uint8_t>(shape.plan.size());
  for (std::size_t i = 0; i < shape.plan.size(); ++i) {
    record.widths[i] = shape.plan[i].width;
    record.groups[i] = shape.plan[i].group;
    record.lines[i] = shape.lines[i];
  }
  return record;
}

Result<void> write_parts(int fd, const Saved& saved) {
  Header header;
  header.mark = kMark;
  header.version = kVersion;
  header.byte_order = kByteOrder;
  header.watermark = saved.watermark;
  Writer writer(fd);
  ENTENTE_CHECK_OK(writer.write(Bytes(kPage)));  // its place is kept
  for (const SavedSegment& part : saved.segments) {
    SegmentRecord record = record_of(part.segment->shape());
    record.block = writer.at();
    ENTENTE_CHECK_OK(writer.put(part.segment->block()));
    ENTENTE_CHECK_OK(writer.to_page());
    record.dead = writer.at();
    ENTENTE_CHECK_OK(writer.put(bytes_of(part.dead)));
    ENTENTE_CHECK_OK(writer.to_page());
    header.segment[header.segments++] = record;
  }
  header.tail = writer.at();
  header.tail_rows = saved.tail.size();
  std::vector<std::uint64_t> tail;
  for (const Entry& entry : saved.tail) {
    tail.push_back(entry.id);
    tail.insert(tail.end(), entry.hash.words.begin(), entry.hash.words.end());
  }
  ENTENTE_CHECK_OK(writer.put(bytes_of(tail)));
  ENTENTE_CHECK_OK(writer.to_page());
  header.checks = writer.at();
  const ByteView checks = bytes_of(writer.checks());
  header.checks_crc = crc32c(checks);
  header.length = header.checks + checks.size();
  ENTENTE_CHECK_OK(writer.write(checks));
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
  header.crc = crc32c({bytes, offsetof(Header, crc)});
  if (::pwrite(fd, bytes, kPage, 0) != static_cast<ssize_t>(kPage))
    return io_failure("cannot write the snapshot's header");
  return {};
}

Result<Header> header_of(ByteView file) {
  if (file.size() < kPage) return corrupt("too short for a header");
  Header header;
  std::memcpy(static_cast<void*>(&header), file.data(), kPage);
  if (header.mark != kMark) return fail(Code::kUnsupported, "not a snapshot of fingerprints");
  if (header.byte_order != kByteOrder || header.version != kVersion)
    return fail(Code::kUnsupported, "a snapshot of another version or byte order");
  if (header.crc != crc32c(file.first(offsetof(Header, crc))))
    return corrupt("its header does not agree with its checksum");
  if (header.length != file.size()) return corrupt("it is not as long as it says");
  if (header.segments > kMaxSegments || header.tail_rows > kMaxTailRows)
    return corrupt("more parts than there can be");
  return header;
}

Result<void> check_bytes(ByteView file, const Header& header) {
  if (header.checks < kPage || header.checks > file.size() || header.checks % kPage != 0)
    return corrupt("its checksums lie outside it");
  const ByteView body = file.subspan(kPage, static_cast<std::size_t>(header.checks) - kPage);
  const ByteView checks = file.subspan(static_cast<std::size_t>(header.checks));
  const std::size_t count = (body.size() + kChecked - 1) / kChecked;
  if (checks.size() != count * sizeof(std::uint32_t) || crc32c(checks) != header.checks_crc)
    return corrupt("its list of checksums is not whole");
  std::atomic<std::size_t> next{0};
  std::atomic<bool> ok{true};
  const auto work = [&] {
    for (std::size_t i = next++; i < count && ok; i = next++) {
      const std::size_t at = i * kChecked;
      std::uint32_t expected = 0;
      std::memcpy(&expected, checks.data() + i * sizeof expected, sizeof expected);
      if (crc32c(body.subspan(at, std::min(kChecked, body.size() - at))) != expected) ok = false;
    }
  };
  std::vector<std::thread> helpers;
  const unsigned wanted = std::min(kMostCheckers, std::thread::hardware_concurrency());
  for (unsigned i = 1; i < wanted && i < count; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  if (!ok) return corrupt("a part does not agree with its checksum");
  return {};
}

Result<Shape> shape_of(const SegmentRecord& record) {
  Shape shape;
  shape.rows = record.rows;
  shape.distinct = record.distinct;
  shape.id_base = record.id_base;
  shape.id_bytes = record.id_bytes;
  shape.row_bytes = record.row_bytes;
  if (record.bands > kMaxBands) return corrupt("more bands than there can be");
  unsigned offset = 0;
  for (std::size_t i = 0; i < record.bands; ++i) {
    shape.plan.push_back({static_cast<std::uint16_t>(offset), record.widths[i], record.groups[i],
                          record.lines[i] != 0});
    shape.lines.push_back(record.lines[i]);
    offset += record.widths[i];
  }
  return shape;
}

Result<void> take_dead(Segment& segment, ByteView body, std::uint64_t at) {
  const std::size_t words = (segment.rows() + 63) / 64;
  if (at > body.size() || words * 8 > body.size() - at) return corrupt("a part lies outside it");
  for (std::size_t i = 0; i < words; ++i) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, body.data() + at + 8 * i, sizeof bits);
    for (; bits != 0; bits &= bits - 1) {
      const std::size_t row = 64 * i + static_cast<std::size_t>(std::countr_zero(bits));
      if (row >= segment.rows()) return corrupt("it marks rows that are not there");
      segment.kill(row);
    }
  }
  return {};
}

}  // namespace

Result<Loaded> parse_snapshot(std::shared_ptr<const Memory> file) {
  ENTENTE_TRY(header, header_of(file->view()));
  ENTENTE_CHECK_OK(check_bytes(file->view(), header));
  // Nothing of a part may lie among the checksums or in the header.
  const ByteView body = file->view().first(static_cast<std::size_t>(header.checks));
  Loaded loaded;
  loaded.watermark = header.watermark;
  for (std::size_t i = 0; i < header.segments; ++i) {
    const SegmentRecord& record = header.segment[i];
    if (record.block < kPage || record.dead < kPage) return corrupt("a part lies in its header");
    ENTENTE_TRY(shape, shape_of(record));
    ENTENTE_TRY(segment, Segment::attach(std::move(shape), file, record.block));
    ENTENTE_CHECK_OK(take_dead(*segment, body, record.dead));
    loaded.segments.push_back(std::move(segment));
  }
  const std::uint64_t tail_bytes = header.tail_rows * kTailEntryBytes;
  if (header.tail < kPage || header.tail > body.size() || tail_bytes > body.size() - header.tail)
    return corrupt("its tail lies outside it");
  for (std::uint64_t i = 0; i < header.tail_rows; ++i) {
    Entry entry;
    const std::uint8_t* at = body.data() + header.tail + kTailEntryBytes * i;
    std::memcpy(&entry.id, at, sizeof entry.id);
    std::memcpy(entry.hash.words.data(), at + sizeof entry.id, sizeof entry.hash.words);
    loaded.tail.push_back(entry);
  }
  return loaded;
}

Result<Loaded> read_snapshot(const fs::path& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) {
    if (errno == ENOENT) return fail(Code::kNotFound, "no such snapshot");
    return io_failure("cannot open the snapshot");
  }
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return io_failure("cannot stat the snapshot");
  if (!S_ISREG(info.st_mode)) return fail(Code::kUnsupported, "a snapshot is a file");
  if (info.st_size < static_cast<off_t>(kPage)) return corrupt("too short for a header");
  ENTENTE_TRY(memory, Memory::map_file(file.fd(), static_cast<std::size_t>(info.st_size)));
  return parse_snapshot(std::move(memory));
}

Result<void> write_snapshot(const fs::path& path, const Saved& saved) {
  if (saved.segments.size() > kMaxSegments || saved.tail.size() > kMaxTailRows)
    return fail(Code::kTooLarge, "too many parts for a snapshot: settle() first");
  // One name, so that a crash leaves at most one file behind and the next save overwrites it.
  fs::path temporary = path;
  temporary += ".tmp";
  {
    const File file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.fd() < 0) return io_failure("cannot create the snapshot");
    ENTENTE_CHECK_OK(write_parts(file.fd(), saved));
    if (::fsync(file.fd()) != 0) return io_failure("cannot flush the snapshot");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return io_failure("cannot rename the snapshot");
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const File directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd() < 0 || ::fsync(directory.fd()) != 0)
    return io_failure("cannot flush the snapshot's folder");
  return {};
}

}  // namespace entente::hamming
