#include "relay.h"

#include <string.h>

#include "wire.h"

namespace gscip {
namespace {

constexpr int kFrame = 8;
constexpr uint8_t kFrameKind = 0x20, kBindKind = 0x3c;

// protocol.md N4: DPRP 01 to 07 and data 10.
bool isRelayable(uint8_t kind) { return (kind >= 0x01 && kind <= 0x07) || kind == data_header::kType; }

// The channel of the frame that lies here, if it may be forwarded; else 0.
uint32_t channelAt(const uint8_t* bytes, int64_t length) {
  if (length <= kFrame || bytes[0] != kFrameKind || (bytes[1] | bytes[2] | bytes[3]) != 0) return 0;
  return isRelayable(bytes[kFrame]) ? load32(bytes + 4) : 0;
}

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

class Walk {
 public:
  Walk(const RelayTable& table, Arena arena, Table<RelayRunRow> runs, RelayCursor& cursor)
      : table_(table), arena_(arena), runs_(runs), cursor_(cursor) {}

  // False when the walk stops in this message.
  bool message(const MessageRow& row) {
    if (row.offset < 0 || row.segment <= 0 || row.offset > arena_.length - row.length) return true;
    const int64_t start = row.offset, end = start + row.length, segment = row.segment;
    for (int64_t from = start + cursor_.offset, until; from < end; from = until) {
      const uint32_t channel = channelAt(arena_.bytes + from, least(segment, end - from));
      int64_t to = from + segment;
      while (to < end && channel && channelAt(arena_.bytes + to, least(segment, end - to)) == channel) to += segment;
      until = least(to, end);
      if (channel && count_ == runs_.capacity) return false;
      cursor_.offset = static_cast<int32_t>(until - start);
      const int32_t at = static_cast<int32_t>(from), bytes = static_cast<int32_t>(until - from);
      if (channel ? frames(row, channel, at, bytes) : isBind(at, bytes)) return false;
    }
    return true;
  }

  int count() const { return count_; }

 private:
  bool isBind(int32_t from, int32_t length) {
    const uint8_t kind = arena_.bytes[from];
    if (kind != kBindKind) {
      return drop(kind == kFrameKind ? kRelayFrame : kRelayKind, 1);
    }
    return stop(from, length, 0);
  }

  bool stop(int32_t from, int32_t length, int32_t early) {
    cursor_.stop = from;
    cursor_.stopLength = length;
    cursor_.early = early;
    return true;
  }

  // Frames of one channel, one after the other. True where the first of them is to be kept for its end.
  bool frames(const MessageRow& row, uint32_t channel, int32_t from, int32_t length) {
    const int datagrams = static_cast<int>((int64_t{length} + row.segment - 1) / row.segment);
    const int sender = senderOf(row, static_cast<int32_t>(channel));
    if (sender < 0) return drop(kRelayUnbound, datagrams);
    if (sender < table_.heardAt.capacity) table_.heardAt.rows[sender] = table_.numbers->now;
    const int receiver = sender ^ 1;
    const bool isHandshake = arena_.bytes[from + kFrame] != data_header::kType;
    const bool isEarly = isHandshake && table_.ends.rows[receiver].early != 0;
    const int32_t first = static_cast<int32_t>(least(row.segment, length));
    if (table_.ends.rows[receiver].family == 0) {
      drop(kRelayPeerUnbound, datagrams);
      return isEarly && stop(from, first, receiver + 1);
    }
    if (isAt(receiver, row)) return drop(kRelayToItself, datagrams);
    const int refusal = take(table_.ends.rows[sender].share, length);
    if (refusal >= 0) return drop(static_cast<RelayDrop>(refusal), datagrams);
    table_.numbers->datagrams += datagrams;
    table_.numbers->bytes += length;
    runs_.rows[count_++] = RelayRunRow{from, length, row.segment, receiver};
    return isEarly && stop(from, first, receiver + 1);
  }

  // The row of the end that the message was sent from; -1 when the channel is unknown or bound elsewhere.
  int senderOf(const MessageRow& row, int32_t channel) const {
    const int number = rowOf(channel);
    if (number < 0 || number >= table_.ends.capacity / 2) return -1;
    if (isAt(2 * number, row)) return 2 * number;
    return isAt(2 * number + 1, row) ? 2 * number + 1 : -1;
  }

  bool isAt(int number, const MessageRow& row) const {
    const RelayEndRow& end = table_.ends.rows[number];
    return end.family != 0 && end.family == row.family && end.port == row.port &&
           memcmp(end.address, row.address, sizeof end.address) == 0;
  }

  int rowOf(int32_t channel) const {
    const uint32_t slots = static_cast<uint32_t>(table_.slots.capacity);
    uint32_t at = (static_cast<uint32_t>(channel) * 0x9e3779b1u >> 7) & (slots - 1);
    for (uint32_t turns = 0; turns < slots; turns++, at = (at + 1) & (slots - 1)) {
      const RelaySlotRow& slot = table_.slots.rows[at];
      if (slot.row == 0) return -1;
      if (slot.channel == channel) return slot.row - 1;
    }
    return -1;
  }

  // May these bytes of a node pass? A RelayDrop when not, else -1.
  int take(int number, int bytes) {
    if (number < 0 || number >= table_.shares.capacity) return kRelayQuota;
    RelayShare& share = table_.shares.rows[number];
    RelayNumbers& numbers = *table_.numbers;
    share.offered += bytes;
    const double used = share.used + bytes, all = numbers.used + bytes;
    if (used > numbers.perNode) return kRelayQuota;
    if (used > numbers.level || all > numbers.total) return kRelayShare;
    share.used = used;
    numbers.used = all;
    return -1;
  }

  // Nothing to stop for.
  bool drop(RelayDrop why, int datagrams) {
    table_.numbers->drops[why] += datagrams;
    return false;
  }

  const RelayTable& table_;
  Arena arena_;
  Table<RelayRunRow> runs_;
  RelayCursor& cursor_;
  int count_ = 0;
};

}  // namespace

int relayWalk(const RelayTable& table, Arena arena, Table<const MessageRow> messages, Table<RelayRunRow> runs,
              RelayCursor& cursor) {
  cursor.stopLength = cursor.early = 0;
  Walk walk(table, arena, runs, cursor);
  if (cursor.message < 0 || cursor.offset < 0) return 0;
  while (cursor.message < messages.capacity && walk.message(messages.rows[cursor.message])) {
    cursor.message++;
    cursor.offset = 0;
  }
  return walk.count();
}

}  // namespace gscip
