#include "inner.h"

#include "checksum.h"

namespace gscip {
namespace {

constexpr int kHopByHop = 0, kRouting = 43, kFragment = 44, kAuthentication = 51, kDestination = 60;
// protocol.md sets no number; each costs a turn of the loop on bytes that a peer chose.
constexpr int kMaxExtensions = 8;

bool parseIp4(const uint8_t* p, int length, Inner& out, bool& later) {
  if (length < ip4::kMin) return false;
  const int header = (p[0] & 15) * 4;
  if (header < ip4::kMin || header > length || load16(p + ip4::kLength) != length) return false;
  if (foldSum(sumBytes(p, header)) != 0xffff) return false;
  const uint16_t fragment = load16(p + ip4::kFragment);
  later = (fragment & ip4::kOffset) != 0;
  out.fragment = later || (fragment & ip4::kMore);
  out.protocol = p[ip4::kProtocol];
  out.l4Offset = static_cast<uint16_t>(header);
  return true;
}

bool isExtension(int next) {
  return next == kHopByHop || next == kRouting || next == kFragment || next == kAuthentication || next == kDestination;
}

bool parseIp6(const uint8_t* p, int length, Inner& out, bool& later) {
  if (length < ip6::kMin || load16(p + ip6::kLength) + ip6::kMin != length) return false;
  int next = p[ip6::kNext], at = ip6::kMin;
  for (int count = 0; isExtension(next) && !later; count++) {
    if (count == kMaxExtensions || at + 8 > length || (next == kHopByHop && count > 0)) return false;
    const int size = next == kFragment ? 8 : next == kAuthentication ? (p[at + 1] + 2) * 4 : (p[at + 1] + 1) * 8;
    if (at + size > length) return false;
    if (next == kRouting) out.routed = true;
    if (next == kFragment) {
      out.fragment = true;
      later = (load16(p + at + 2) & 0xfff8) != 0;
    }
    next = p[at];
    at += size;
  }
  out.protocol = static_cast<uint8_t>(next);
  out.l4Offset = static_cast<uint16_t>(at);
  return true;
}

bool parseTcp(const uint8_t* l4, int length, Inner& out) {
  if (length < tcp::kMin) return false;
  const int header = (l4[tcp::kDataOffset] >> 4) * 4;
  out.l4Header = static_cast<uint16_t>(header);
  return header >= tcp::kMin && header <= length;
}

bool parseUdp(const uint8_t* l4, int length, Inner& out, bool exact) {
  if (length < udp::kSize) return false;
  out.l4Header = udp::kSize;
  return out.fragment || !exact || load16(l4 + udp::kLength) == length;
}

bool parse(const uint8_t* packet, int length, Inner& out, bool exactUdp) {
  out = Inner{};
  if (length < 1) return false;
  const int version = packet[0] >> 4;
  bool later = false;
  out.v6 = version == 6;
  const bool sound = version == 4   ? parseIp4(packet, length, out, later)
                     : version == 6 ? parseIp6(packet, length, out, later)
                                    : false;
  if (!sound) return false;
  if (later) return true;
  const uint8_t* l4 = packet + out.l4Offset;
  const int rest = length - out.l4Offset;
  if (out.protocol == tcp::kProtocol) return parseTcp(l4, rest, out);
  if (out.protocol == udp::kProtocol) return parseUdp(l4, rest, out, exactUdp);
  return true;
}

}  // namespace

bool parseInner(const uint8_t* packet, int length, Inner& out) { return parse(packet, length, out, true); }

bool parseSuper(const uint8_t* packet, int length, Inner& out) { return parse(packet, length, out, false); }

bool checksumHolds(const uint8_t* packet, int length, const Inner& inner) {
  const uint8_t* l4 = packet + inner.l4Offset;
  const int l4Length = length - inner.l4Offset;
  const bool none = inner.protocol == udp::kProtocol && load16(l4 + udp::kChecksum) == 0;
  if (none) return true;
  return foldSum(pseudoBase(packet, inner.v6, inner.protocol) + sumWord(l4Length) + sumBytes(l4, l4Length)) == 0xffff;
}

void completeChecksum(uint8_t* packet, int length, int start, int offset) {
  uint16_t sum = static_cast<uint16_t>(~foldSum(sumBytes(packet + start, length - start)));
  // To UDP 0 means that there is none. TCP, whose field lies elsewhere, sends 0 as it is.
  storeSum(packet + start + offset, sum || offset != udp::kChecksum ? sum : 0xffff);
}

void writePartialChecksum(uint8_t* packet, int length, const Inner& inner) {
  storeSum(packet + inner.l4Offset + inner.checksumField(),
           pseudoSum(packet, inner.v6, inner.protocol, length - inner.l4Offset));
}

bool sameFlow(const uint8_t* a, const Inner& innerA, const uint8_t* b, const Inner& innerB) {
  if (innerA.v6 != innerB.v6 || innerA.protocol != innerB.protocol) return false;
  const int source = innerA.v6 ? ip6::kSource : ip4::kSource;
  const int size = innerA.v6 ? ip6::kAddresses : ip4::kAddresses;
  return memcmp(a + source, b + source, size) == 0 && memcmp(a + innerA.l4Offset, b + innerB.l4Offset, 4) == 0;
}

}  // namespace gscip
