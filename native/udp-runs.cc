#include <errno.h>

#include "devices.h"
#include "udp-segments.h"
#include "udp.h"

namespace gscip {
namespace {

// Rows among which those to the same end are found.
constexpr int kWindow = 512;

// For each row of a window the next one to the same end, 0 when there is none.
class SameEnd {
 public:
  SameEnd(const RelayRunRow* rows, int count) {
    for (int i = 0; i < count; i++) {
      next_[i] = 0;
      const int place = placeOf(rows, rows[i].end);
      if (last_[place]) next_[last_[place] - 1] = static_cast<int16_t>(i);
      last_[place] = static_cast<int16_t>(i + 1);
    }
  }

  int next(int row) const { return next_[row]; }

 private:
  static constexpr uint32_t kPlaces = 2 * kWindow;

  int placeOf(const RelayRunRow* rows, int32_t end) const {
    uint32_t place = static_cast<uint32_t>(end) * 0x9e3779b1u >> 22;
    while (last_[place] && rows[last_[place] - 1].end != end) place = (place + 1) & (kPlaces - 1);
    return static_cast<int>(place);
  }

  int16_t last_[kPlaces] = {};
  int16_t next_[kWindow];
};

// Datagrams to one end, until the next one cannot share the send.
class RunGroup {
 public:
  RunGroup(SegmentSender& sender, const RelayEndRow& end, int segment) : sender_(sender), end_(end) {
    run_.segment = segment;
    clear();
  }

  // Not behind a shorter datagram: that one ends the send.
  bool takes(const RelayRunRow& row) const {
    if (closed_ || run_.count == 0) return false;
    return row.segment == run_.segment || (row.length <= row.segment && row.length < run_.segment);
  }

  void add(uint8_t* bytes, int length) {
    while (length > 0) {
      const int room = most() - run_.count;
      if (room <= 0 || run_.partCount == kMaxSegments) {
        flush();
        continue;
      }
      const int64_t fits = int64_t{room} * run_.segment;
      const int size = fits < length ? static_cast<int>(fits) : length;
      run_.parts[run_.partCount++] = iovec{bytes, static_cast<size_t>(size)};
      run_.count += (size + run_.segment - 1) / run_.segment;
      closed_ = size % run_.segment != 0;
      bytes += size;
      length -= size;
    }
  }

  void flush() {
    if (run_.count > 0) sender_.send(run_, end_.family, end_.address, end_.port);
    clear();
  }

 private:
  // Datagrams of this size that one send holds; a datagram too large for any is refused by the kernel.
  int most() const {
    const int fit = kMaxSend / run_.segment, allowed = sender_.maxSegments();
    return fit < 1 ? 1 : fit < allowed ? fit : allowed;
  }

  void clear() {
    run_.partCount = run_.count = 0;
    closed_ = false;
  }

  SegmentSender& sender_;
  const RelayEndRow& end_;
  SegmentRun run_;
  bool closed_ = false;
};

bool isSendable(const RelayRunRow& row, Arena arena, int ends) {
  return row.segment > 0 && row.length > 0 && row.end >= 0 && row.end < ends && arena.holds(row.offset, row.length);
}

void sendWindow(SegmentSender& sender, Arena arena, RelayRunRow* rows, int count, Table<const RelayEndRow> ends) {
  const SameEnd same(rows, count);
  for (int i = 0; i < count; i++) {
    const RelayRunRow& row = rows[i];
    if (!isSendable(row, arena, ends.capacity)) continue;
    RunGroup group(sender, ends.rows[row.end], row.segment < row.length ? row.segment : row.length);
    group.add(arena.bytes + row.offset, row.length);
    for (int next = same.next(i); next; next = same.next(next)) {
      RelayRunRow& other = rows[next];
      if (!isSendable(other, arena, ends.capacity) || !group.takes(other)) break;
      group.add(arena.bytes + other.offset, other.length);
      other.segment = 0;
    }
    group.flush();
  }
}

}  // namespace

int udpSendRuns(int fd, Arena arena, Table<RelayRunRow> runs, Table<const RelayEndRow> ends, UdpScratch& scratch,
                Counters counters) {
  Device* device = deviceOf(fd);
  if (!device) return -EBADF;
  SegmentSender sender(fd, *device, scratch, counters);
  for (int first = 0; first < runs.capacity; first += kWindow) {
    const int rest = runs.capacity - first;
    sendWindow(sender, arena, runs.rows + first, rest < kWindow ? rest : kWindow, ends);
  }
  return sender.lost();
}

}  // namespace gscip
