// SPDX-License-Identifier: Apache-2.0
#include "entente/matching/labels.h"

#include "entente/json/json.h"
#include "matching_files.h"

namespace entente::matching {

namespace {

bool good_name(std::string_view name) {
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

Result<Label> read_label(const json::Value& value, const std::string& path) {
  if (!value.is_object()) return fail(Code::kInvalid, "a label is an object", path);
  json::Reader r(value.get_object(), path);
  Label out;
  out.name = r.text("name", {.max = kMaxLabelName});
  out.family = r.text("family", {.max = kMaxLabelName});
  out.en = r.text("en", {.max = 200});
  out.fr = r.text("fr", {.max = 200});
  out.context = r.flag("context");
  if (!good_name(out.name)) r.fault("name", "a label is of a-z, 0-9 and -");
  ENTENTE_CHECK_OK(r.done());
  return out;
}

}  // namespace

Result<Labels> Labels::parse(std::string_view text) {
  ENTENTE_TRY(document, json::parse_object(text));
  json::Reader r(document);
  const std::string form = r.text("labels");
  if (form != "entente-labels/1") r.fault("labels", "must be entente-labels/1");
  const json::Array& items = r.array("items", kMaxLabels);
  ENTENTE_CHECK_OK(r.done());
  Labels out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string path = "/items/" + std::to_string(i);
    ENTENTE_TRY(label, read_label(items[i], path));
    if (!out.by_name_.emplace(label.name, i).second)
      return fail(Code::kInvalid, "a label of this name is on the list", path + "/name");
    out.labels_.push_back(std::move(label));
  }
  return out;
}

Labels Labels::standard() {
  for (const auto& file : matching_files::files()) {
    if (file.name != "labels.json") continue;
    auto parsed = parse(file.text);
    check(parsed.has_value(), parsed ? "" : to_string(parsed.error()));
    return *std::move(parsed);
  }
  check(false, "the list of labels is not in this program");
  return {};
}

const Label* Labels::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &labels_[found->second];
}

bool Labels::in_context_only(std::string_view name) const {
  const Label* label = find(name);
  return label == nullptr || label->context;
}

}  // namespace entente::matching
