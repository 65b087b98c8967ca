// SPDX-License-Identifier: Apache-2.0
#include "entente/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace entente::http {
namespace {

struct V4Range {
  std::uint32_t network;
  unsigned bits;
};

constexpr std::array<V4Range, 16> kNotPublic = {{
    {0x00000000, 8},   // 0.0.0.0/8 this network
    {0x0a000000, 8},   // 10.0.0.0/8 private
    {0x64400000, 10},  // 100.64.0.0/10 carrier-grade NAT
    {0x7f000000, 8},   // 127.0.0.0/8 loopback
    {0xa9fe0000, 16},  // 169.254.0.0/16 link-local
    {0xac100000, 12},  // 172.16.0.0/12 private
    {0xc0000000, 24},  // 192.0.0.0/24 protocol assignments
    {0xc0000200, 24},  // 192.0.2.0/24 documentation
    {0xc0586300, 24},  // 192.88.99.0/24 6to4 relays
    {0xc0a80000, 16},  // 192.168.0.0/16 private
    {0xc6120000, 15},  // 198.18.0.0/15 benchmarks
    {0xc6336400, 24},  // 198.51.100.0/24 documentation
    {0xcb007100, 24},  // 203.0.113.0/24 documentation
    {0xe0000000, 4},   // 224.0.0.0/4 multicast
    {0xf0000000, 4},   // 240.0.0.0/4 reserved, broadcast
    {0xffffffff, 32},
}};

using V6 = std::array<std::uint8_t, 16>;

bool has_prefix(const V6& address, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

std::uint32_t v4_at(const V6& address, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) out = (out << 8) | address[at + i];
  return out;
}

}  // namespace

bool is_public_v4(std::uint32_t host_order) {
  return std::none_of(kNotPublic.begin(), kNotPublic.end(), [&](const V4Range& range) {
    const std::uint32_t mask = ~std::uint32_t{0} << (32 - range.bits);
    return (host_order & mask) == range.network;
  });
}

bool is_public_v6(const V6& a) {
  if (has_prefix(a, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}))  // ::ffff:0:0/96 mapped
    return is_public_v4(v4_at(a, 12));
  if (has_prefix(a, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))  // 64:ff9b::/96 NAT64
    return is_public_v4(v4_at(a, 12));
  if (has_prefix(a, {0x20, 0x02})) return is_public_v4(v4_at(a, 2));  // 2002::/16 6to4
  if ((a[0] & 0xe0) != 0x20) return false;                            // only 2000::/3 is assigned
  if (has_prefix(a, {0x20, 0x01}) && a[2] < 0x02) return false;       // 2001::/23, Teredo included
  if (has_prefix(a, {0x20, 0x01, 0x0d, 0xb8})) return false;          // 2001:db8::/32 documentation
  if (has_prefix(a, {0x3f, 0xff}) && a[2] < 0x10) return false;       // 3fff::/20 documentation
  return true;
}

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    V6 bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return is_public_v6(bytes);
  }
  return false;
}

}  // namespace entente::http
