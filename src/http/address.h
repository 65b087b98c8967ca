// SPDX-License-Identifier: Apache-2.0
//
// Which addresses belong to the public internet. Pure.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>

namespace entente::http {

// False for everything in the IANA special-purpose registries (RFC 6890 and updates): private,
// loopback, link-local (cloud metadata services live there), shared, documentation, multicast,
// reserved. An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4) is what the inner one
// is. False for other families.
bool is_public_address(const sockaddr& address);

bool is_public_v4(std::uint32_t host_order);
bool is_public_v6(const std::array<std::uint8_t, 16>& address);

}  // namespace entente::http
