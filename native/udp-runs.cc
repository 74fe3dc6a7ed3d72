#include <errno.h>

#include "devices.h"
#include "udp-segments.h"
#include "udp.h"

namespace gscip {
namespace {

// How far ahead rows are looked at for more to the same end.
constexpr int kLookAhead = 64;

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
      run_.bytes += size;
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
    run_.partCount = run_.count = run_.bytes = 0;
    closed_ = false;
  }

  SegmentSender& sender_;
  const RelayEndRow& end_;
  SegmentRun run_;
  bool closed_ = false;
};

}  // namespace

int udpSendRuns(int fd, Arena arena, Table<RelayRunRow> runs, Table<const RelayEndRow> ends, UdpScratch& scratch,
                Counters counters) {
  Device* device = deviceOf(fd);
  if (!device) return -EBADF;
  SegmentSender sender(fd, *device, scratch, counters);
  for (int i = 0; i < runs.capacity; i++) {
    RelayRunRow& row = runs.rows[i];
    if (row.segment <= 0 || row.length <= 0 || !arena.holds(row.offset, row.length)) continue;
    if (row.end < 0 || row.end >= ends.capacity) continue;
    RunGroup group(sender, ends.rows[row.end], row.segment < row.length ? row.segment : row.length);
    group.add(arena.bytes + row.offset, row.length);
    const int last = i + kLookAhead < runs.capacity ? i + kLookAhead : runs.capacity - 1;
    for (int next = i + 1; next <= last; next++) {
      RelayRunRow& other = runs.rows[next];
      if (other.end != row.end || other.segment <= 0) continue;
      if (other.length <= 0 || !arena.holds(other.offset, other.length) || !group.takes(other)) break;
      group.add(arena.bytes + other.offset, other.length);
      other.segment = 0;
    }
    group.flush();
  }
  return sender.lost();
}

}  // namespace gscip
