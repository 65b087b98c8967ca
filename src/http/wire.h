// SPDX-License-Identifier: Apache-2.0
//
// A Response as the bytes of RFC 9112, and the answers that belong to HTTP itself. The engine owns
// framing and connection headers: a handler's Content-Length, Transfer-Encoding, Connection, Date
// and Server are dropped. Pure.
#pragma once

#include <string>
#include <string_view>

#include "entente/http/api.h"

namespace entente::http {

struct WireOptions {
  std::string_view date;  // IMF-fixdate, see http_date()
  bool keep_alive = true;
  bool streaming =
      false;  // the body follows in pieces and ends with the connection: no Content-Length
};

// Appends status line and header to `out`. False, leaving `out` as it was, when the response could
// not be framed safely: a status outside 200–599, a name that is no token, a value with a control
// character.
bool append_head(const Response& response, const WireOptions& options, std::string& out);

// 1xx, 204 and 304 have none, whatever the handler put there.
bool may_have_body(int status);

// A problem (RFC 9457) for a status that no Code names: 405, 408, 417, 431, 501, 505.
Response protocol_problem(int status, std::string_view name, std::string_view detail);

std::string_view reason_phrase(int status);
bool is_token(std::string_view text);              // RFC 9110 §5.6.2
bool is_field_value(std::string_view text);        // no control character but the tab
std::string http_date(std::int64_t unix_seconds);  // "Sun, 06 Nov 1994 08:49:37 GMT"

// One server-sent event (WHATWG HTML §9.2.6); a line break in `data` starts a new data line, one in
// `event` is dropped.
std::string event_frame(std::uint64_t id, std::string_view event, std::string_view data);

}  // namespace entente::http
