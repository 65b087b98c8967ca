// SPDX-License-Identifier: Apache-2.0
//
// Inside effects/site: what disable and restore share. Callers hold the lock.
#pragma once

#include <optional>
#include <string>

#include "entente/crypto/age.h"
#include "entente/effects/site/content.h"
#include "entente/effects/site/public_side.h"
#include "entente/effects/site/public_url.h"
#include "entente/effects/site/records.h"
#include "entente/effects/site/site.h"

namespace entente::effects::site {

struct Site::Impl {
  SiteOptions options;
  PublicBase base;
  crypto::AgeIdentity identity;
  Records records;
  Random& random;
  const Clock& clock;
  mutable PublicSide outside;

  void point(std::string_view name) const {
    if (options.at_point) options.at_point(name);
  }
  Result<void> note(std::string_view key, std::string_view effect, const std::string& url,
                    bool found = false) const;
  // For a step that turned out to be done: written down unless it is already.
  Result<void> note_found(std::string_view key, std::string_view effect,
                          const std::string& url) const;

  // The file as it is now; nothing when there is none.
  Result<std::optional<Found>> look_up(const PublicUrl& url) const;
  Result<Bytes> unseal(const Holder& holder) const;

  // Makes the map say what the records say, and nginx read it. True when it said something else
  // before.
  Result<bool> publish_map() const;
  // publish_map, then until a stranger gets `status`.
  Result<bool> publish_until(const PublicUrl& url, int status, std::string_view points);

  // site_disable.cc
  Result<Holder> seal(std::string_view key, const PublicUrl& url, std::string_view record_url,
                      const Found& found) const;
  Result<void> take_hold(Record& record, std::string_view key, const PublicUrl& url,
                         std::string_view record_url);
  Result<void> finish_disabling(Record& record, const PublicUrl& url);
  Result<Disabled> disable(std::string_view key, const PublicUrl& url, std::string_view record_url);

  // site_restore.cc
  Result<void> bring_back(Record& record, Holder& holder, const PublicUrl& url);
  Result<Restored> let_go(Record& record, Holder& holder, const PublicUrl& url);
  Result<Restored> report(Record& record, const Holder& holder, const PublicUrl& url);
  Result<Restored> restore(std::string_view key, const PublicUrl& url);
  Result<void> erase(std::string_view key, const PublicUrl& url);
};

}  // namespace entente::effects::site
