#include "coalesce.h"

namespace gscip {
namespace {

constexpr int kMaxTotal = 65535;
constexpr uint8_t kAckOnly = tcp::kAckFlag, kAckPsh = tcp::kAckFlag | tcp::kPsh;

bool sameTcp(const uint8_t* a, const uint8_t* b, int headerLength) {
  return memcmp(a, b, 4) == 0 && memcmp(a + tcp::kAck, b + tcp::kAck, 5) == 0 &&
         ((a[tcp::kFlags] ^ b[tcp::kFlags]) & ~tcp::kPsh) == 0 && memcmp(a + tcp::kWindow, b + tcp::kWindow, 2) == 0 &&
         memcmp(a + tcp::kUrgent, b + tcp::kUrgent, headerLength - tcp::kUrgent) == 0;
}

bool sameIp(const uint8_t* a, const uint8_t* b, bool v6) {
  if (v6) return memcmp(a, b, 4) == 0 && memcmp(a + ip6::kNext, b + ip6::kNext, ip6::kMin - ip6::kNext) == 0;
  return memcmp(a, b, 2) == 0 && memcmp(a + ip4::kFragment, b + ip4::kFragment, 4) == 0 &&
         memcmp(a + ip4::kSource, b + ip4::kSource, ip4::kAddresses) == 0;
}

// Needs the checksum that the pseudo-header sum, which is in place, begins.
void needChecksum(const Inner& inner, VnetHeader& header) {
  header.flags = kVnetNeedsChecksum;
  header.checksumStart = inner.l4Offset;
  header.checksumOffset = static_cast<uint16_t>(inner.checksumField());
}

void writeSuperLengths(uint8_t* packet, int length, const Inner& inner) {
  if (inner.v6) {
    store16(packet + ip6::kLength, length - ip6::kMin);
  } else {
    store16(packet + ip4::kLength, length);
    writeIp4Checksum(packet, inner.l4Offset);
  }
  if (!inner.isTcp()) store16(packet + inner.l4Offset + udp::kLength, length - inner.l4Offset);
}

}  // namespace

bool isCandidate(const uint8_t* packet, int length, bool partial, const Inner& inner) {
  if (!inner.isWhole() || !inner.isPlain() || length <= inner.headerLength()) return false;
  if (!inner.v6 && (load16(packet + ip4::kFragment) & ip4::kReserved)) return false;
  const uint8_t* l4 = packet + inner.l4Offset;
  if (!inner.isTcp()) return partial || load16(l4 + udp::kChecksum) != 0;
  return (l4[tcp::kFlags] == kAckOnly || l4[tcp::kFlags] == kAckPsh) && (l4[tcp::kDataOffset] & 15) == 0;
}

bool sameHeader(const uint8_t* a, const uint8_t* b, const Inner& inner) {
  if (!sameIp(a, b, inner.v6)) return false;
  const uint8_t *l4a = a + inner.l4Offset, *l4b = b + inner.l4Offset;
  return inner.isTcp() ? sameTcp(l4a, l4b, inner.l4Header) : memcmp(l4a, l4b, 4) == 0;
}

void Group::start(uint8_t* packet, int length, bool partial, uint32_t sa, const Inner& inner) {
  packet_ = packet;
  inner_ = inner;
  sa_ = sa;
  partial_ = partial;
  closed_ = false;
  count_ = partCount_ = 1;
  length_ = length;
  gsoSize_ = length - inner.headerLength();
  parts_[1] = iovec{packet, static_cast<size_t>(length)};
  if (inner.isTcp()) nextSequence_ = load32(packet + inner.l4Offset + tcp::kSeq);
  noteEnd(packet, gsoSize_);
}

bool Group::join(uint8_t* packet, int length, uint32_t sa, const Inner& inner) {
  const int payload = length - inner.headerLength();
  if (!isOpen() || !takes(packet, payload, sa, inner)) return false;
  parts_[++partCount_] = iovec{packet + inner.headerLength(), static_cast<size_t>(payload)};
  count_++;
  length_ += payload;
  noteEnd(packet, payload);
  return true;
}

bool Group::takes(const uint8_t* packet, int payload, uint32_t sa, const Inner& inner) const {
  if (closed_ || count_ == kMaxSegments || payload > gsoSize_) return false;
  if (inner_.isTcp() && gsoSize_ < kMinTcpGsoSize) return false;
  if (length_ + payload > kMaxTotal) return false;
  if (sa != sa_ || inner.v6 != inner_.v6 || inner.protocol != inner_.protocol || inner.l4Header != inner_.l4Header)
    return false;
  if (inner.isTcp() && load32(packet + inner.l4Offset + tcp::kSeq) != nextSequence_) return false;
  return sameHeader(packet_, packet, inner_);
}

void Group::noteEnd(const uint8_t* packet, int payload) {
  closed_ = payload < gsoSize_;
  if (!inner_.isTcp()) return;
  nextSequence_ += payload;
  const uint8_t flags = packet[inner_.l4Offset + tcp::kFlags];
  packet_[inner_.l4Offset + tcp::kFlags] |= flags & tcp::kPsh;
  closed_ |= (flags & tcp::kPsh) != 0;
}

void Group::finish(VnetHeader& header) {
  const int count = count_;
  count_ = 0;
  if (count == 1) return finishAlone(packet_, length_, partial_, true, inner_, header);
  writeSuperLengths(packet_, length_, inner_);
  writePartialChecksum(packet_, length_, inner_);
  needChecksum(inner_, header);
  header.gsoType = !inner_.isTcp() ? kVnetGsoUdp : inner_.v6 ? kVnetGsoTcp6 : kVnetGsoTcp4;
  header.headerLength = static_cast<uint16_t>(inner_.headerLength());
  header.gsoSize = static_cast<uint16_t>(gsoSize_);
}

void finishAlone(uint8_t* packet, int length, bool partial, bool vnet, const Inner& inner, VnetHeader& header) {
  if (!partial) return;
  writePartialChecksum(packet, length, inner);
  if (vnet)
    needChecksum(inner, header);
  else
    completeChecksum(packet, length, inner.l4Offset, inner.checksumField());
}

void PieceSink::write(const VnetHeader& header, iovec* parts, int count, int length) {
  const uint32_t follows = length + (vnet_ ? sizeof header : 0);
  if (!out_.holds(used_, 4 + int64_t{follows})) return counters_.add(kTunWriteFailed);
  uint8_t* at = out_.bytes + used_;
  used_ += 4 + follows;
  memcpy(at, &follows, 4);
  at += 4;
  if (vnet_) {
    memcpy(at, &header, sizeof header);
    at += sizeof header;
  }
  for (int i = 1; i <= count; i++) {
    memcpy(at, parts[i].iov_base, parts[i].iov_len);
    at += parts[i].iov_len;
  }
  counters_.add(kTunWrites);
}

}  // namespace gscip
