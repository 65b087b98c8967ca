// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/picture_job.h"

#include <charconv>

#include "entente/fingerprint/pdq_rows.h"

namespace entente::matching {

namespace {

constexpr std::size_t kTurns = std::tuple_size_v<fingerprint::Dihedral>;

// The first frame's rows into PDQ; with `keep`, RGB rows are kept for the published steps.
class PdqSink final : public media::RowSink {
 public:
  explicit PdqSink(bool keep) : keep_(keep) {}
  Result<void> begin(const media::Frame& frame) override {
    width_ = frame.width;
    height_ = frame.height;
    if (keep_) {
      kept_.clear();
      kept_.reserve(std::size_t{3} * static_cast<std::size_t>(width_) *
                    static_cast<std::size_t>(height_));
    }
    fingerprint::PdqRowsOptions options;
    options.pixels = frame.luma ? fingerprint::Pixels::kLuma : fingerprint::Pixels::kRgb;
    options.scale = frame.scale;
    ENTENTE_TRY(rows, fingerprint::PdqRows::create(frame.width, frame.height, options));
    rows_.emplace(std::move(rows));
    return {};
  }
  Result<void> row(ByteView pixels) override {
    if (keep_) kept_.insert(kept_.end(), pixels.begin(), pixels.end());
    return rows_->add_row(pixels);
  }
  Result<void> end() override {
    ENTENTE_TRY(seen, rows_->finish_dihedral());
    seen_ = seen;
    if (!keep_ || seen_->settled) return {};
    // The picture as it is decides whether its bits are the reference's: what the turned pictures
    // would hash to is an estimate by nature.
    ENTENTE_TRY(upright, rows_->finish());
    seen_->settled = upright.settled;
    return {};
  }
  const std::optional<fingerprint::PdqRowsDihedralResult>& seen() const { return seen_; }
  Result<fingerprint::PdqDihedralResult> published() const {
    return fingerprint::pdq_dihedral_from_rgb(kept_, width_, height_);
  }

 private:
  const bool keep_;
  int width_ = 0;
  int height_ = 0;
  Bytes kept_;
  std::optional<fingerprint::PdqRows> rows_;
  std::optional<fingerprint::PdqRowsDihedralResult> seen_;
};

std::string answer_text(const fingerprint::PdqDihedralResult& result) {
  std::string out;
  out.reserve(kTurns * fingerprint::kPdqHexDigits + 4);
  for (const fingerprint::Pdq& hash : result.hashes) out += hash.hex();
  return out + " " + std::to_string(result.quality);
}

Result<std::string> hash_file(ByteView file, Exactness exactness) {
  media::DecodeOptions options;
  options.strict = exactness == Exactness::kStrict;
  if (exactness == Exactness::kFull) options.min_side = 0;
  PdqSink sink(options.strict);
  ENTENTE_CHECK_OK(media::decode_rows(file, options, sink));
  if (!sink.seen()) return fail(Code::kInvalid, "the file holds no picture");
  if (!options.strict || sink.seen()->settled) return answer_text(sink.seen()->pdq);
  // Rounding could decide a bit: only the published steps over the whole picture can tell.
  ENTENTE_TRY(result, sink.published());
  return answer_text(result);
}

// What is set up at its first use is set up here, before workers are forked and confined: the
// choice of instructions, the linker's lazy bindings, and under UBSan its notes on virtual calls,
// which it takes with system calls that a worker has not.
void rehearse() {
  constexpr int kSide = 8;
  PdqSink sink(true);
  media::RowSink& rows = sink;
  media::Frame frame;
  frame.width = kSide;
  frame.height = kSide;
  const Bytes row(std::size_t{3} * kSide, 128);
  bool done = rows.begin(frame).has_value();
  for (int y = 0; y < kSide; ++y) done = done && rows.row(row).has_value();
  check(done && rows.end().has_value(), "an eight by eight grey picture has a fingerprint");
}

}  // namespace

media::FileJob picture_job(Exactness exactness) {
  rehearse();
  return [exactness](ByteView file) { return hash_file(file, exactness); };
}

Result<Fingerprint> parse_picture_answer(std::string_view text) {
  constexpr std::size_t kHex = fingerprint::kPdqHexDigits;
  constexpr std::size_t kAll = kTurns * kHex;
  const auto broken = [] {
    return fail(Code::kUnavailable, "the picture's worker gave no fingerprint");
  };
  if (text.size() < kAll + 2 || text.size() > kAll + 4 || text[kAll] != ' ') return broken();
  Fingerprint out;
  out.turned.emplace();
  for (std::size_t i = 0; i < kTurns; ++i) {
    const auto pdq = fingerprint::Pdq::parse(text.substr(i * kHex, kHex));
    if (!pdq) return broken();
    (*out.turned)[i] = *pdq;
  }
  out.pdq = (*out.turned)[0];
  out.quality = -1;
  const std::string_view digits = text.substr(kAll + 1);
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), out.quality);
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size() || out.quality < 0 ||
      out.quality > 100) {
    return broken();
  }
  return out;
}

}  // namespace entente::matching
