// Runs → super-packets for TUN (protocol.md 5.5). The sink takes one piece at a time:
//   void write(const VnetHeader&, const iovec* parts, int count, int length)
// parts[0] is left free for the header; the packet is parts[1] to parts[count].
#pragma once
#include <sys/uio.h>

#include "checksum.h"
#include "inner.h"
#include "tables.h"

namespace gscip {

// protocol.md 5.5: smaller segments are not joined.
constexpr int kMinTcpGsoSize = 256;

// Whether a packet is one of those that may be joined at all.
bool isCandidate(const uint8_t* packet, int length, bool partial, const Inner& inner);

// Equal headers but for what segmentation writes anew: lengths, id, checksums, TCP sequence number and PSH.
bool sameHeader(const uint8_t* a, const uint8_t* b, const Inner& inner);

// The super-packet that is being collected.
class Group {
 public:
  bool isOpen() const { return count_ > 0; }
  // A candidate as the first packet.
  void start(uint8_t* packet, int length, bool partial, uint32_t sa, const Inner& inner);
  // True when the candidate was joined.
  bool join(uint8_t* packet, int length, uint32_t sa, const Inner& inner);
  // Finishes the headers; the group is empty afterwards, its parts stay until the next start.
  void finish(VnetHeader& header);

  iovec* parts() { return parts_; }
  int partCount() const { return partCount_; }
  int length() const { return length_; }

 private:
  bool takes(const uint8_t* packet, int payload, uint32_t sa, const Inner& inner) const;
  void noteEnd(const uint8_t* packet, int payload);

  iovec parts_[1 + kMaxSegments];
  uint8_t* packet_ = nullptr;
  Inner inner_{};
  uint32_t sa_ = 0, nextSequence_ = 0;
  int count_ = 0, partCount_ = 0, length_ = 0, gsoSize_ = 0;
  bool partial_ = false, closed_ = false;
};

// The virtio-net header of a packet alone; rewrites its pseudo-header sum, or completes the checksum without `vnet`.
void finishAlone(uint8_t* packet, int length, bool partial, bool vnet, const Inner& inner, VnetHeader& header);

template <class Sink>
class Coalescer {
 public:
  Coalescer(Arena arena, Table<const RecordRow> records, bool vnet, bool joinUdp, Sink& sink, Counters counters)
      : arena_(arena), records_(records), vnet_(vnet), joinUdp_(joinUdp), sink_(sink), counters_(counters) {}

  void run(const RunRow& row) {
    if (row.broken) flush();
    if (row.kind != kRunPackets || row.verdict != kVerdictDeliver) return flush();
    if (row.firstRecord < 0 || row.count < 0 || row.firstRecord > records_.capacity - row.count) return flush();
    for (int i = 0; i < row.count; i++) record(records_.rows[row.firstRecord + i], static_cast<uint32_t>(row.sa));
  }

  void flush() {
    if (!group_.isOpen()) return;
    VnetHeader header{};
    group_.finish(header);
    sink_.write(header, group_.parts(), group_.partCount(), group_.length());
  }

 private:
  void record(const RecordRow& row, uint32_t sa) {
    Inner inner;
    uint8_t* packet = arena_.holds(row.offset, row.length) ? arena_.bytes + row.offset : nullptr;
    const bool partial = row.flags & data_header::kPartial;
    if (!packet || !parseInner(packet, row.length, inner) || (partial && !inner.mayBePartial())) {
      counters_.add(kBadInnerHeader);
      return flush();
    }
    const bool candidate = vnet_ && (joinUdp_ || inner.isTcp()) && isCandidate(packet, row.length, partial, inner);
    if (candidate && group_.join(packet, row.length, sa, inner)) return;
    flush();
    if (candidate) return group_.start(packet, row.length, partial, sa, inner);
    VnetHeader header{};
    finishAlone(packet, row.length, partial, vnet_, inner, header);
    iovec parts[2] = {{nullptr, 0}, {packet, static_cast<size_t>(row.length)}};
    sink_.write(header, parts, 1, row.length);
  }

  Arena arena_;
  Table<const RecordRow> records_;
  bool vnet_, joinUdp_;
  Sink& sink_;
  Counters counters_;
  Group group_;
};

// The sink of coalesceBatch.
class PieceSink {
 public:
  PieceSink(Arena out, bool vnet, Counters counters) : out_(out), vnet_(vnet), counters_(counters) {}
  void write(const VnetHeader& header, iovec* parts, int count, int length);
  int64_t used() const { return used_; }

 private:
  Arena out_;
  bool vnet_;
  Counters counters_;
  int64_t used_ = 0;
};

}  // namespace gscip
