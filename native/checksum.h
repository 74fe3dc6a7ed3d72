// The internet checksum (RFC 1071). Sums are kept in the machine's byte order, as their result is stored.
#pragma once
#include "wire.h"

namespace gscip {

inline uint64_t sumBytes(const uint8_t* p, size_t n) {
  uint64_t sum = 0;
  for (; n >= 4; p += 4, n -= 4) {
    uint32_t word;
    memcpy(&word, p, 4);
    sum += word;
  }
  if (n >= 2) {
    uint16_t half;
    memcpy(&half, p, 2);
    sum += half;
    p += 2;
    n -= 2;
  }
  return n ? sum + *p : sum;
}

inline uint16_t foldSum(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// A 16-bit field's part in a sum.
inline uint64_t sumWord(uint16_t value) { return __builtin_bswap16(value); }

inline void storeSum(uint8_t* p, uint16_t folded) { memcpy(p, &folded, 2); }

inline void writeIp4Checksum(uint8_t* ip, int headerLength) {
  storeSum(ip + ip4::kChecksum, 0);
  storeSum(ip + ip4::kChecksum, static_cast<uint16_t>(~foldSum(sumBytes(ip, headerLength))));
}

// Pseudo-header sum without the length: addresses and protocol.
inline uint64_t pseudoBase(const uint8_t* ip, bool v6, int protocol) {
  return sumBytes(ip + (v6 ? ip6::kSource : ip4::kSource), v6 ? ip6::kAddresses : ip4::kAddresses) + sumWord(protocol);
}

inline uint16_t pseudoSum(const uint8_t* ip, bool v6, int protocol, int l4Length) {
  return foldSum(pseudoBase(ip, v6, protocol) + sumWord(l4Length));
}

}  // namespace gscip
