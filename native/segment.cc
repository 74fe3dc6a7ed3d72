#include "segment.h"

#include "checksum.h"

namespace gscip {

bool Segmenter::begin(uint8_t* packet, const PacketRow& row) {
  const int kind = row.kind & kGsoMask;
  if (!(row.kind & kPartialChecksum) || row.gsoSize <= 0 || (kind != kGsoTcp && kind != kGsoUdp)) return false;
  if (!parseSuper(packet, row.length, inner_) || !inner_.mayBePartial()) return false;
  if (inner_.isTcp() != (kind == kGsoTcp) || inner_.l4Offset != row.l4Offset) return false;
  headerLength_ = inner_.headerLength();
  if (headerLength_ != row.headerLength || headerLength_ > kMaxHeader || headerLength_ >= row.length) return false;
  const int payload = row.length - headerLength_;
  size_ = row.gsoSize < payload ? row.gsoSize : payload;
  at_ = packet + headerLength_;
  end_ = packet + row.length;
  takeHeader(packet);
  return true;
}

void Segmenter::takeHeader(uint8_t* packet) {
  first_ = true;
  memcpy(header_, packet, headerLength_);
  pseudoBase_ = pseudoBase(header_, inner_.v6, inner_.protocol);
  if (inner_.isTcp()) sequence_ = load32(header_ + inner_.l4Offset + tcp::kSeq);
  if (inner_.v6) return;
  id_ = load16(header_ + ip4::kId);
  uint8_t* fields = header_;
  storeSum(fields + ip4::kLength, 0);
  storeSum(fields + ip4::kId, 0);
  storeSum(fields + ip4::kChecksum, 0);
  ipBase_ = sumBytes(fields, inner_.l4Offset);
}

Piece Segmenter::next() {
  const int payload = end_ - at_ < size_ ? static_cast<int>(end_ - at_) : size_;
  const int length = headerLength_ + payload, l4Length = length - inner_.l4Offset;
  uint8_t* packet = at_ - headerLength_;
  uint8_t* l4 = packet + inner_.l4Offset;
  at_ += payload;
  memcpy(packet, header_, headerLength_);
  writeIp(packet, length);
  if (inner_.isTcp()) {
    writeTcp(l4, done());
    sequence_ += payload;
  } else {
    writeUdp(l4, l4Length);
  }
  storeSum(l4 + inner_.checksumField(), foldSum(pseudoBase_ + sumWord(l4Length)));
  first_ = false;
  return Piece{packet, length};
}

void Segmenter::writeIp(uint8_t* ip, int length) {
  if (inner_.v6) {
    store16(ip + ip6::kLength, length - ip6::kMin);
    return;
  }
  store16(ip + ip4::kLength, length);
  store16(ip + ip4::kId, id_);
  storeSum(ip + ip4::kChecksum, ~foldSum(ipBase_ + sumWord(length) + sumWord(id_)));
  id_++;
}

void Segmenter::writeTcp(uint8_t* l4, bool last) {
  store32(l4 + tcp::kSeq, sequence_);
  if (!last) l4[tcp::kFlags] &= ~(tcp::kFin | tcp::kPsh);
  if (!first_) l4[tcp::kFlags] &= ~tcp::kCwr;
}

void Segmenter::writeUdp(uint8_t* l4, int l4Length) { store16(l4 + udp::kLength, l4Length); }

}  // namespace gscip
