// Parse and checks of one inner packet (protocol.md 5.5), for both directions.
#pragma once
#include "wire.h"

namespace gscip {

struct Inner {
  bool v6;
  // more fragments, or an offset, or an IPv6 fragment header
  bool fragment;
  // an IPv6 routing header: the pseudo-header's destination is not the one in the header
  bool routed;
  uint8_t protocol;
  uint16_t l4Offset;
  // TCP or UDP header bytes; 0 for other protocols and later fragments
  uint16_t l4Header;

  bool isTcp() const { return protocol == tcp::kProtocol && l4Header != 0; }
  // TCP or UDP whose checksum and ports can be worked with
  bool isWhole() const { return l4Header != 0 && !fragment; }
  bool mayBePartial() const { return isWhole() && !routed; }
  int headerLength() const { return l4Offset + l4Header; }
  int checksumField() const { return isTcp() ? tcp::kChecksum : udp::kChecksum; }
  bool isPlain() const { return l4Offset == (v6 ? ip6::kMin : ip4::kMin); }
};

// False when a length or offset of the packet does not fit its bytes.
bool parseInner(const uint8_t* packet, int length, Inner& out);

// The same for a super-packet, whose UDP length may be that of one segment.
bool parseSuper(const uint8_t* packet, int length, Inner& out);

// The L4 checksum of a whole TCP or UDP packet.
bool checksumHolds(const uint8_t* packet, int length, const Inner& inner);

// Replaces a pseudo-header sum by the finished checksum.
void completeChecksum(uint8_t* packet, int length, int start, int offset);

// Writes the pseudo-header sum for what lies behind the L4 offset.
void writePartialChecksum(uint8_t* packet, int length, const Inner& inner);

// Equal version, protocol, addresses and ports of two whole TCP or UDP packets.
bool sameFlow(const uint8_t* a, const Inner& innerA, const uint8_t* b, const Inner& innerB);

}  // namespace gscip
