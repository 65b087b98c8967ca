// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "entente/http/api.h"

namespace entente::http {
namespace {

// Deeper paths than any of ours are not looked up: it bounds the walk.
constexpr std::size_t kMaxSegments = 32;

struct Endpoint {
  std::string pattern;
  std::vector<std::string> names;  // of the captured segments, in order
  Handler handler;
  RouteOptions options;
};

using Endpoints = std::map<std::string, Endpoint, std::less<>>;  // by method
using Segments = std::vector<std::string_view>;

Segments split(std::string_view path) {
  Segments out;
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == path.npos || out.size() > kMaxSegments) return out;
    path.remove_prefix(slash + 1);
  }
}

const Endpoint* endpoint_for(const Endpoints& endpoints, std::string_view method) {
  auto it = endpoints.find(method);
  if (it == endpoints.end() && method == "HEAD") it = endpoints.find("GET");
  return it == endpoints.end() ? nullptr : &it->second;
}

}  // namespace

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> one;  // {name}
  Endpoints here;
  Endpoints rest;  // {name...}
};

namespace {

// One walk over the tree. Alternatives are tried from the most to the least specific; those whose
// path fits but whose method does not are remembered for Allow.
template <class Node>
struct Walk {
  std::string_view method;
  const Segments& segments;
  std::vector<std::string> captured;
  std::set<std::string> allowed;
  const Endpoint* found = nullptr;

  bool try_here(const Endpoints& endpoints) {
    found = endpoint_for(endpoints, method);
    if (found != nullptr) return true;
    for (const auto& entry : endpoints) allowed.insert(entry.first);
    return false;
  }

  bool visit(const Node& node, std::size_t at) {
    if (at == segments.size()) return try_here(node.here);
    const auto literal = node.literals.find(segments[at]);
    if (literal != node.literals.end() && visit(*literal->second, at + 1)) return true;
    if (node.one && !segments[at].empty()) {
      captured.emplace_back(segments[at]);
      if (visit(*node.one, at + 1)) return true;
      captured.pop_back();
    }
    if (node.rest.empty()) return false;
    const char* begin = segments[at].data();
    captured.emplace_back(begin, segments.back().data() + segments.back().size());
    if (try_here(node.rest)) return true;
    captured.pop_back();
    return false;
  }
};

template <class Node>
void collect(const Node& node, std::vector<std::pair<std::string, std::string>>& out) {
  for (const auto* endpoints : {&node.here, &node.rest})
    for (const auto& entry : *endpoints) out.emplace_back(entry.first, entry.second.pattern);
  for (const auto& literal : node.literals) collect(*literal.second, out);
  if (node.one) collect(*node.one, out);
}

}  // namespace

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(std::string_view method, std::string_view pattern, Handler handler,
                 RouteOptions options) {
  const std::string name(pattern);
  check(pattern.starts_with('/'), "route pattern must start with '/': " + name);
  check(handler != nullptr, "route without a handler: " + name);
  Endpoint endpoint{name, {}, std::move(handler), options};
  Node* node = root_.get();
  bool rest = false;
  const Segments segments = split(pattern);
  check(segments.size() <= kMaxSegments, "route pattern too deep: " + name);
  for (const std::string_view segment : segments) {
    check(!rest, "{name...} must be the last segment: " + name);
    const bool braces = segment.starts_with('{') && segment.ends_with('}');
    check(braces || segment.find_first_of("{}") == segment.npos, "half a brace: " + name);
    if (!braces) {
      auto& child = node->literals[std::string(segment)];
      if (!child) child = std::make_unique<Node>();
      node = child.get();
      continue;
    }
    std::string_view param = segment.substr(1, segment.size() - 2);
    rest = param.ends_with("...");
    if (rest) param.remove_suffix(3);
    check(!param.empty(), "parameter without a name: " + name);
    check(std::find(endpoint.names.begin(), endpoint.names.end(), param) == endpoint.names.end(),
          "one parameter name twice: " + name);
    endpoint.names.emplace_back(param);
    if (rest) continue;
    if (!node->one) node->one = std::make_unique<Node>();
    node = node->one.get();
  }
  Endpoints& endpoints = rest ? node->rest : node->here;
  const bool added = endpoints.emplace(std::string(method), std::move(endpoint)).second;
  check(added, "route registered twice: " + std::string(method) + " " + name);
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const Segments segments = split(path);
  if (segments.size() > kMaxSegments) return match;
  Walk<Node> walk{method, segments, {}, {}, nullptr};
  if (walk.visit(*root_, 0)) {
    match.handler = &walk.found->handler;
    match.options = walk.found->options;
    match.pattern = walk.found->pattern;
    for (std::size_t i = 0; i < walk.found->names.size(); ++i)
      match.params.emplace(walk.found->names[i], std::move(walk.captured[i]));
    return match;
  }
  if (walk.allowed.empty()) return match;
  if (walk.allowed.count("GET") > 0) walk.allowed.insert("HEAD");
  walk.allowed.insert("OPTIONS");
  match.allowed.assign(walk.allowed.begin(), walk.allowed.end());
  return match;
}

std::vector<std::pair<std::string, std::string>> Router::routes() const {
  std::vector<std::pair<std::string, std::string>> out;
  collect(*root_, out);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace entente::http
