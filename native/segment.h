// Cuts a super-packet from TUN into the packets that it stands for, in place.
#pragma once
#include "inner.h"
#include "tables.h"

namespace gscip {

struct Piece {
  uint8_t* bytes;
  int length;
};

class Segmenter {
 public:
  // False when the row does not describe the packet, judged by our own parse.
  bool begin(uint8_t* packet, const PacketRow& row);
  bool done() const { return at_ == end_; }
  // Segments that are left.
  int left() const { return (static_cast<int>(end_ - at_) + size_ - 1) / size_; }
  // The next segment with its headers. They are written over the end of the one before, which must be sealed by now.
  Piece next();

 private:
  static constexpr int kMaxHeader = 512;

  void takeHeader(uint8_t* packet);
  void writeIp(uint8_t* ip, int length);
  void writeTcp(uint8_t* tcp, bool last);
  void writeUdp(uint8_t* udp, int l4Length);

  Inner inner_;
  uint8_t header_[kMaxHeader];
  int headerLength_, size_;
  uint8_t *at_, *end_;
  uint32_t sequence_;
  uint16_t id_;
  uint64_t ipBase_, pseudoBase_;
  bool first_;
};

}  // namespace gscip
