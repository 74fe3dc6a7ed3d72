// Byte order, the data header (protocol.md 4.1) and the IP, TCP and UDP fields that the packet code touches.
#pragma once
#include <stdint.h>
#include <string.h>

namespace gscip {

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the tables and the virtio-net header are written for little-endian machines"
#endif

inline uint16_t load16(const uint8_t* p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return __builtin_bswap16(v);
}
inline uint32_t load32(const uint8_t* p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
inline void store16(uint8_t* p, uint16_t v) {
  v = __builtin_bswap16(v);
  memcpy(p, &v, 2);
}
inline void store32(uint8_t* p, uint32_t v) {
  v = __builtin_bswap32(v);
  memcpy(p, &v, 4);
}
inline uint64_t load64le(const uint8_t* p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}
inline void store64le(uint8_t* p, uint64_t v) { memcpy(p, &v, 8); }

// type 1 | flags 1 | zero 2 | receiver index 4 (big-endian) | counter 8 (little-endian)
namespace data_header {
constexpr int kSize = 16, kFlags = 1, kZero = 2, kIndex = 4, kCounter = 8;
constexpr uint8_t kType = 0x10, kPartial = 0x01;
}  // namespace data_header
constexpr int kTag = 16, kOverhead = data_header::kSize + kTag, kPrefix = 8;

namespace ip4 {
constexpr int kMin = 20, kLength = 2, kId = 4, kFragment = 6, kProtocol = 9, kChecksum = 10, kSource = 12;
constexpr int kAddresses = 8;
constexpr uint16_t kReserved = 0x8000, kMore = 0x2000, kOffset = 0x1fff;
}  // namespace ip4

namespace ip6 {
constexpr int kMin = 40, kLength = 4, kNext = 6, kSource = 8, kAddresses = 32;
}  // namespace ip6

namespace tcp {
constexpr int kProtocol = 6, kMin = 20, kSeq = 4, kAck = 8, kDataOffset = 12, kFlags = 13, kWindow = 14;
constexpr int kChecksum = 16, kUrgent = 18;
constexpr uint8_t kFin = 0x01, kPsh = 0x08, kAckFlag = 0x10, kCwr = 0x80;
}  // namespace tcp

namespace udp {
constexpr int kProtocol = 17, kSize = 8, kLength = 4, kChecksum = 6;
}  // namespace udp

// struct virtio_net_hdr; linux/virtio_net.h does not compile as C++.
struct VnetHeader {
  uint8_t flags, gsoType;
  uint16_t headerLength, gsoSize, checksumStart, checksumOffset;
};
static_assert(sizeof(VnetHeader) == 10, "virtio-net header");
constexpr uint8_t kVnetNeedsChecksum = 1;
constexpr uint8_t kVnetGsoNone = 0, kVnetGsoTcp4 = 1, kVnetGsoTcp6 = 4, kVnetGsoUdp = 5, kVnetGsoEcn = 0x80;

}  // namespace gscip
