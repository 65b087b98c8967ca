// SPDX-License-Identifier: Apache-2.0
#include "entente/media/heif_references.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace entente::media {
namespace {

// Lists longer than what a picture may unfold to need not be kept whole.
constexpr std::size_t kMaxKept = static_cast<std::size_t>(kMaxUnfoldedItems) + 1;

std::uint64_t number(ByteView bytes) {
  std::uint64_t out = 0;
  for (const std::uint8_t byte : bytes) out = out << 8 | byte;
  return out;
}

// Takes a number of `size` bytes from the front.
std::optional<std::uint64_t> take(ByteView& rest, std::size_t size) {
  if (rest.size() < size) return std::nullopt;
  const std::uint64_t out = number(rest.first(size));
  rest = rest.subspan(size);
  return out;
}

struct Box {
  std::string_view type;
  ByteView body;
};

// Takes a box from the front; nothing when none is whole there.
std::optional<Box> take_box(ByteView& rest) {
  constexpr std::size_t kHeader = 8;
  constexpr std::size_t kLongHeader = 16;
  if (rest.size() < kHeader) return std::nullopt;
  std::uint64_t size = number(rest.first(4));
  std::size_t header = kHeader;
  if (size == 0) size = rest.size();  // to the end
  if (size == 1) {
    if (rest.size() < kLongHeader) return std::nullopt;
    size = number(rest.subspan(kHeader, 8));
    header = kLongHeader;
  }
  if (size < header || size > rest.size()) return std::nullopt;
  const auto whole = static_cast<std::size_t>(size);
  const Box out{as_text(rest.subspan(4, 4)), rest.subspan(header, whole - header)};
  rest = rest.subspan(whole);
  return out;
}

// What a file says about its items.
struct Items {
  std::set<std::uint64_t> pictures;
  // Item → the items it is put together from.
  std::map<std::uint64_t, std::vector<std::uint64_t>> parts;
};

bool is_picture(std::string_view type) {
  constexpr std::array<std::string_view, 5> kTypes = {"hvc1", "av01", "grid", "iden", "iovl"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

// `body` is a version byte and three of flags, a count, then a box for each item.
void read_items(ByteView body, Items& out) {
  if (body.size() < 4) return;
  const std::size_t count_size = body[0] == 0 ? 2 : 4;
  if (body.size() < 4 + count_size) return;
  ByteView rest = body.subspan(4 + count_size);
  while (auto box = take_box(rest)) {
    const auto version = take(box->body, 1);
    if (box->type != "infe" || !version || *version < 2 || !take(box->body, 3)) continue;
    const auto id = take(box->body, *version == 2 ? 2 : 4);
    if (!id || !take(box->body, 2) || box->body.size() < 4) continue;
    if (is_picture(as_text(box->body.first(4)))) out.pictures.insert(*id);
  }
}

// `body` is a version byte and three of flags, then a box for each item that refers.
void read_references(ByteView body, Items& out) {
  if (body.size() < 4) return;
  const std::size_t width = body[0] == 0 ? 2 : 4;
  ByteView rest = body.subspan(4);
  while (auto box = take_box(rest)) {
    const bool parts = box->type == "dimg";
    const bool alpha = box->type == "auxl";  // stands at the alpha: it belongs to the others
    const auto from = take(box->body, width);
    const auto count = take(box->body, 2);
    if (!from || !count || (!parts && !alpha)) continue;
    for (std::uint64_t i = 0; i < *count; ++i) {
      const auto to = take(box->body, width);
      if (!to) break;
      std::vector<std::uint64_t>& list = out.parts[parts ? *from : *to];
      if (list.size() < kMaxKept) list.push_back(parts ? *to : *from);
    }
  }
}

class Unfolding {
 public:
  explicit Unfolding(const Items& items) : items_(items) {}

  struct Size {
    std::int64_t items = 1;  // itself included
    int height = 1;
  };
  Result<Size> of(std::uint64_t item, int depth = 1) {
    if (!items_.pictures.contains(item)) {
      return fail(Code::kInvalid, "HEIF: a picture is made of what is no picture");
    }
    const auto parts = items_.parts.find(item);
    if (parts == items_.parts.end()) return Size{};
    if (const auto known = known_.find(item); known != known_.end()) return known->second;
    Size out;
    for (const std::uint64_t part : parts->second) {
      // An item that contains itself is met again at every depth.
      if (depth > kMaxReferenceDepth) return too_deep();
      ENTENTE_TRY(more, of(part, depth + 1));
      out.items += more.items;
      out.height = std::max(out.height, more.height + 1);
      if (out.items > kMaxUnfoldedItems) {
        return fail(Code::kTooLarge, "HEIF: more tiles or layers than a picture has");
      }
    }
    if (out.height > kMaxReferenceDepth) return too_deep();
    known_[item] = out;
    return out;
  }

 private:
  static Unexpected too_deep() {
    return fail(Code::kInvalid, "HEIF: a picture contains itself, or is nested too deeply");
  }

  const Items& items_;
  std::map<std::uint64_t, Size> known_;
};

}  // namespace

Result<void> check_references(ByteView file) {
  Items items;
  while (const auto top = take_box(file)) {
    if (top->type != "meta" || top->body.size() < 4) continue;
    ByteView rest = top->body.subspan(4);
    while (const auto box = take_box(rest)) {
      if (box->type == "iref") read_references(box->body, items);
      if (box->type == "iinf") read_items(box->body, items);
    }
  }
  Unfolding unfolding(items);
  for (const auto& [item, parts] : items.parts) {
    // Who is no picture itself, say a text about some, is never put together.
    if (items.pictures.contains(item)) ENTENTE_CHECK_OK(unfolding.of(item));
  }
  return {};
}

}  // namespace entente::media
