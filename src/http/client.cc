// SPDX-License-Identifier: Apache-2.0
#include "entente/http/client.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <string_view>

#include "entente/http/address.h"
#include "entente/http/wire.h"

namespace entente::http {
namespace {

constexpr std::size_t kMaxPooled = 16;  // idle handles kept, each with its own connections
constexpr long kMaxConnectionsPerHandle = 4;
constexpr std::size_t kMaxHeaderBytes = std::size_t{64} * 1024;  // of an answer
constexpr long kConnectMs = 5'000;  // a node that does not accept within this is down
constexpr std::size_t kMaxUrl = std::size_t{8} * 1024;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

// What the callbacks of one transfer share.
struct Transfer {
  bool allow_private = false;
  std::size_t max_body = 0;
  ClientResponse response;
  std::size_t header_bytes = 0;
  bool too_large = false;
  bool refused_address = false;
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Called after name resolution, with the very address that would be connected to: a name that
// resolves differently a moment later changes nothing.
curl_socket_t open_socket(void* context, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (!transfer.allow_private && !is_public_address(address->addr)) {
    transfer.refused_address = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t n = size * count;
  if (n > transfer.max_body - transfer.response.body.size()) {
    transfer.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.response.body.append(data, n);
  return n;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view line(data, size * count);
  transfer.header_bytes += line.size();
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.too_large = true;
    return 0;
  }
  if (line.starts_with("HTTP/")) {  // a new header block: what a 1xx said before does not count
    transfer.response.headers.clear();
    return line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon != line.npos)
    transfer.response.headers[lower(line.substr(0, colon))].emplace_back(
        trim(line.substr(colon + 1)));
  return line.size();
}

Result<void> check_url(const std::string& text, const ClientOptions& options) {
  if (text.size() > kMaxUrl) return fail(Code::kInvalid, "the URL is too long", "url");
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != 0)
    return fail(Code::kInvalid, "this is not an absolute URL", "url");
  char* raw = nullptr;
  if (curl_url_get(url.get(), CURLUPART_SCHEME, &raw, 0) != 0)
    return fail(Code::kInvalid, "the URL has no scheme", "url");
  const std::string scheme = lower(raw);
  curl_free(raw);
  raw = nullptr;
  if (curl_url_get(url.get(), CURLUPART_USER, &raw, 0) == 0) {
    curl_free(raw);
    return fail(Code::kInvalid, "a user name or password in the URL", "url");
  }
  if (scheme == "https" || (scheme == "http" && options.allow_plain_http)) return {};
  return fail(Code::kForbidden, "the scheme of the URL is not allowed", "url");
}

Result<HeaderList> header_list(const ClientRequest& request) {
  HeaderList out;
  const auto append = [&](const std::string& line) {
    curl_slist* next = curl_slist_append(out.get(), line.c_str());
    if (next == nullptr) return false;
    static_cast<void>(out.release());
    out.reset(next);
    return true;
  };
  // Neither curl's one-second wait for 100 Continue nor its guess of a form are wanted.
  bool ok = append("Expect:");
  bool typed = false;
  for (const auto& header : request.headers) {
    if (!is_token(header.first) || !is_field_value(header.second))
      return fail(Code::kInvalid, "a header with a control character", "headers");
    typed = typed || lower(header.first) == "content-type";
    // "Name;" is how curl writes a header without a value.
    ok = ok &&
         append(header.second.empty() ? header.first + ";" : header.first + ": " + header.second);
  }
  if (!typed) ok = ok && append("Content-Type:");
  if (!ok) return fail(Code::kInternal, "no memory for the request header");
  return out;
}

Error error_of(CURLcode code, const Transfer& transfer, const char* text) {
  const auto make = [](Code kind, std::string detail) {
    return Error{kind, std::move(detail), "", "", ""};
  };
  if (transfer.too_large) return make(Code::kTooLarge, "the answer is too large");
  if (code == CURLE_OPERATION_TIMEDOUT)
    return make(Code::kTimeout, "the other side did not answer in time");
  if (transfer.refused_address)
    return make(Code::kForbidden, "the address is not on the public internet");
  if (code == CURLE_URL_MALFORMAT) return make(Code::kInvalid, "the URL is malformed");
  if (code == CURLE_UNSUPPORTED_PROTOCOL)
    return make(Code::kForbidden, "the scheme of the URL is not allowed");
  const std::string why = *text != '\0' ? text : curl_easy_strerror(code);
  return make(Code::kUnavailable, "the other side could not be reached: " + why);
}

}  // namespace

struct Client::Impl {
  explicit Impl(ClientOptions o) : options(o) {}

  Handle take() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        Handle out = std::move(idle.back());
        idle.pop_back();
        return out;
      }
    }
    return Handle(curl_easy_init());
  }

  void give(Handle handle) {
    curl_easy_reset(handle.get());  // forgets the options, keeps the connections
    const std::lock_guard lock(mutex);
    if (idle.size() < kMaxPooled) idle.push_back(std::move(handle));
  }

  const ClientOptions options;
  std::mutex mutex;  // guards idle
  std::vector<Handle> idle;
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(options)) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

Client::~Client() = default;

namespace {

// How every transfer behaves, whatever it carries.
void set_policy(CURL* handle, const ClientOptions& options, Transfer& transfer) {
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR,
                   options.allow_plain_http ? "http,https" : "https");
  // An http_proxy variable would reach private addresses in our stead.
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle, CURLOPT_MAXCONNECTS, kMaxConnectionsPerHandle);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
}

void set_request(CURL* handle, const ClientRequest& request, curl_slist* headers) {
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  const long total = std::max<long>(1, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, total);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, std::min(total, kConnectMs));
  if (request.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!request.body.empty() || (request.method != "GET" && request.method != "DELETE")) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

}  // namespace

Result<ClientResponse> Client::send(const ClientRequest& request) {
  ENTENTE_CHECK_OK(check_url(request.url, impl_->options));
  if (!is_token(request.method)) return fail(Code::kInvalid, "not a method", "method");
  ENTENTE_TRY(headers, header_list(request));
  Handle handle = impl_->take();
  if (!handle) return fail(Code::kInternal, "no memory for a transfer");

  Transfer transfer;
  transfer.allow_private = impl_->options.allow_private_addresses;
  transfer.max_body = request.max_body;
  char text[CURL_ERROR_SIZE] = "";
  set_policy(handle.get(), impl_->options, transfer);
  set_request(handle.get(), request, headers.get());
  curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, text);
  const CURLcode code = curl_easy_perform(handle.get());
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  impl_->give(std::move(handle));
  if (code != CURLE_OK) return fail(error_of(code, transfer, text));
  transfer.response.status = static_cast<int>(status);
  return std::move(transfer.response);
}

}  // namespace entente::http
