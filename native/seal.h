// Packets → datagrams → sends. The sink says where the next datagram goes:
//   uint8_t* place(const Path&, int size)  room for it, or null; the open send may be finished for that
//   void commit(const Path&, int size)     it was written there
#pragma once
#include "paths.h"
#include "segment.h"
#include "slots.h"
#include "tables.h"

namespace gscip {

// Which datagrams may share one UDP_SEGMENT send: equal sizes to one path, a smaller one ends it.
class SendGroup {
 public:
  bool takes(const Path& path, int size, int maxSegments) const {
    return count_ > 0 && !closed_ && size <= segment_ && count_ < maxSegments && bytes_ + size <= kMaxSend &&
           path_.same(path);
  }
  void start(const Path& path, int size) {
    path_ = path;
    segment_ = bytes_ = size;
    count_ = 1;
    closed_ = false;
  }
  void add(int size) {
    bytes_ += size;
    count_++;
    closed_ = size < segment_;
  }
  void clear() { count_ = 0; }

  const Path& path() const { return path_; }
  int segment() const { return segment_; }
  int bytes() const { return bytes_; }
  int count() const { return count_; }

 private:
  Path path_;
  int segment_ = 0, bytes_ = 0, count_ = 0;
  bool closed_ = false;
};

// The sink of sealBatch: an arena and a table.
class ArenaSink {
 public:
  ArenaSink(Arena out, Table<SendRow> sends, Counters counters) : out_(out), sends_(sends), counters_(counters) {}

  uint8_t* place(const Path& path, int size) {
    if (size > kMaxSend || !out_.holds(used_, size)) return nullptr;
    if (!group_.takes(path, size, kMaxSegments) && count_ == sends_.capacity) return nullptr;
    return out_.bytes + used_;
  }

  void commit(const Path& path, int size) {
    if (group_.takes(path, size, kMaxSegments)) {
      group_.add(size);
    } else {
      group_.start(path, size);
      sends_.rows[count_++] = SendRow{static_cast<int32_t>(used_), 0, size, path.number, 0, 0};
      counters_.add(kSends);
    }
    sends_.rows[count_ - 1].length = group_.bytes();
    sends_.rows[count_ - 1].count = group_.count();
    used_ += size;
  }

  int count() const { return count_; }

 private:
  Arena out_;
  Table<SendRow> sends_;
  Counters counters_;
  SendGroup group_;
  int64_t used_ = 0;
  int count_ = 0;
};

template <class Sink>
class Sealer {
 public:
  Sealer(Arena arena, Sink& sink, Counters counters) : arena_(arena), sink_(sink), counters_(counters) {}

  void packet(const PacketRow& row) {
    if (row.sa == 0) return;
    if (!arena_.holds(row.offset, row.length) || row.length == 0) return counters_.add(kBadGso);
    if (!take(static_cast<uint32_t>(row.sa))) return counters_.add(kNoSa);
    uint8_t* bytes = arena_.bytes + row.offset;
    if ((row.kind & kGsoMask) == kGsoNone) {
      if (datagram(Piece{bytes, row.length}, row.kind & kPartialChecksum ? data_header::kPartial : 0) == kNoRoom)
        counters_.add(kSendFailed);
      return;
    }
    super(bytes, row);
  }

 private:
  enum Outcome { kDone, kNoRoom, kRefused };

  bool take(uint32_t index) {
    if (!hold_.holds(index) && !hold_.take(index)) return false;
    if (!hold_.half().aead.loaded()) return false;
    const int number = hold_.half().path;
    return (path_.family != 0 && path_.number == number) || pathLoad(number, path_);
  }

  void super(uint8_t* bytes, const PacketRow& row) {
    if (!segmenter_.begin(bytes, row)) return counters_.add(kBadGso);
    while (!segmenter_.done()) {
      const int left = segmenter_.left();
      const Outcome outcome = datagram(segmenter_.next(), data_header::kPartial);
      if (outcome == kDone) continue;
      if (outcome == kNoRoom) counters_.add(kSendFailed, left);
      return;
    }
  }

  Outcome datagram(Piece inner, uint8_t flags) {
    TxHalf& tx = hold_.half();
    if (tx.exhausted(inner.length)) {
      counters_.add(kCounterExhausted);
      return kRefused;
    }
    const int size = path_.prefixLength + inner.length + kOverhead;
    uint8_t* out = sink_.place(path_, size);
    if (!out) return kNoRoom;
    memcpy(out, path_.prefix, path_.prefixLength);
    if (!tx.seal(flags, inner.bytes, inner.length, out + path_.prefixLength)) return kRefused;
    sink_.commit(path_, size);
    counters_.add(kSealed);
    return kDone;
  }

  Arena arena_;
  Sink& sink_;
  Counters counters_;
  TxHold hold_;
  Path path_{};
  Segmenter segmenter_;
};

// sealOne: returns the bytes written, 0 when refused.
int sealOne(uint32_t index, const uint8_t* plain, int length, int flags, Arena out, Counters counters);

}  // namespace gscip
