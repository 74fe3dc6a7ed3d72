// What describePacket makes of packets with their virtio-net header: prints one line for each row that comes out otherwise.
#include <stdio.h>

#include "../../native/checksum.h"
#include "../../native/inner.h"
#include "../../native/tun.h"

using namespace gscip;

namespace {

constexpr int kPayload = 1000, kLength = 20 + 20 + kPayload;

struct Row {
  const char* name;
  VnetHeader vnet;
  int protocol;
  // a Counter, or -1 where the packet is taken with this kind and as many segments
  int outcome, kind, segments;
};

constexpr int kTcp = tcp::kProtocol, kUdp = udp::kProtocol, kGre = 47;
constexpr int kTaken = -1, kTcpGso = kGsoTcp | kPartialChecksum, kUdpGso = kGsoUdp | kPartialChecksum;

// flags, type, header length (a hint that must not matter), size, start, offset
const Row kRows[] = {
    {"a finished TCP packet", {0, 0, 0, 0, 0, 0}, kTcp, kTaken, 0, 1},
    {"a partial TCP checksum", {1, 0, 0, 0, 20, 16}, kTcp, kTaken, kPartialChecksum, 1},
    {"a partial UDP checksum", {1, 0, 0, 0, 20, 6}, kUdp, kTaken, kPartialChecksum, 1},
    {"a TCP super-packet", {1, 1, 7, 300, 20, 16}, kTcp, kTaken, kTcpGso, 4},
    {"a TCP super-packet with the ECN bit", {1, 0x81, 40, 300, 20, 16}, kTcp, kTaken, kTcpGso, 4},
    {"a UDP super-packet", {1, 5, 28, 506, 20, 6}, kUdp, kTaken, kUdpGso, 2},
    {"a super-packet of one segment", {1, 1, 40, 1400, 20, 16}, kTcp, kTaken, kTcpGso, 1},
    {"a super-packet with a finished checksum", {0, 1, 40, 300, 20, 16}, kTcp, kBadGso, 0, 0},
    {"a super-packet of segments without size", {1, 1, 40, 0, 20, 16}, kTcp, kBadGso, 0, 0},
    {"a super-packet with the checksum elsewhere", {1, 1, 40, 300, 24, 16}, kTcp, kBadGso, 0, 0},
    {"a super-packet with the field elsewhere", {1, 1, 40, 300, 20, 6}, kTcp, kBadGso, 0, 0},
    {"a TCP super-packet that is UDP", {1, 1, 28, 300, 20, 6}, kUdp, kBadGso, 0, 0},
    {"a UDP super-packet that is TCP", {1, 5, 40, 300, 20, 16}, kTcp, kBadGso, 0, 0},
    {"a UDP super-packet of the old kind", {1, 3, 28, 300, 20, 6}, kUdp, kBadGso, 0, 0},
    {"a super-packet of another protocol", {1, 1, 40, 300, 20, 16}, kGre, kBadGso, 0, 0},
    {"a checksum inside a tunnel", {1, 0, 0, 0, 48, 6}, kGre, kTaken, 0, 1},
    {"a checksum inside a tunnel over TCP", {1, 0, 0, 0, 60, 16}, kTcp, kTaken, 0, 1},
    {"a checksum that starts behind the packet", {1, 0, 0, 0, kLength, 0}, kGre, kBadInnerHeader, 0, 0},
    {"a checksum field half in the packet", {1, 0, 0, 0, kLength - 10, 9}, kGre, kBadInnerHeader, 0, 0},
};

void build(uint8_t* packet, int protocol) {
  for (int i = 0; i < kLength; i++) packet[i] = static_cast<uint8_t>(i * 7);
  packet[0] = 0x45;
  store16(packet + ip4::kLength, kLength);
  store16(packet + ip4::kFragment, 0);
  packet[ip4::kProtocol] = static_cast<uint8_t>(protocol);
  packet[20 + tcp::kDataOffset] = 0x50;
  if (protocol == kUdp) store16(packet + 20 + udp::kLength, kLength - 20);
  writeIp4Checksum(packet, 20);
}

bool holds(const Row& row) {
  uint8_t packet[kLength], before[kLength];
  build(packet, row.protocol);
  memcpy(before, packet, kLength);
  PacketRow out{};
  if (describePacket(&row.vnet, packet, kLength, out) != row.outcome) return false;
  if (row.outcome != kTaken) return true;
  const int header = row.protocol == kTcp ? 40 : row.protocol == kUdp ? 28 : 0;
  if (out.length != kLength || out.kind != row.kind || out.segments != row.segments) return false;
  if (out.headerLength != header || out.l4Offset != (header ? 20 : 0) || out.sa != 0) return false;
  const bool foreign = (row.vnet.flags & 1) && !(row.kind & kPartialChecksum);
  if (!foreign) return memcmp(packet, before, kLength) == 0;
  // The kernel leaves a pseudo-header sum in the field; what is written makes the sum over both come out right.
  uint16_t left;
  const int start = row.vnet.checksumStart;
  memcpy(&left, before + start + row.vnet.checksumOffset, sizeof left);
  return foldSum(sumBytes(packet + start, kLength - start) + left) == 0xffff;
}

}  // namespace

int main() {
  for (const Row& row : kRows)
    if (!holds(row)) puts(row.name);
  return 0;
}
