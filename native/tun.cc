#include "tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "checksum.h"
#include "coalesce.h"
#include "devices.h"

// Younger than the headers of Debian 12.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace gscip {
namespace {

constexpr int kMaxPacket = 65535, kAlign = 16;

// Offloads from the most to the least that a kernel may know.
struct Offer {
  unsigned flags;
  bool tso, uso;
};
constexpr unsigned kTso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
constexpr Offer kOffers[] = {
    {kTso | TUN_F_USO4 | TUN_F_USO6, true, true},
    {kTso, true, false},
    {TUN_F_CSUM, false, false},
    {0, false, false},
};

void setOffload(TunResult& tun) {
  // A persistent device may have been left with the longer header.
  int headerSize = sizeof(VnetHeader);
  ioctl(tun.fd, TUNSETVNETHDRSZ, &headerSize);
  for (const Offer& offer : kOffers) {
    if (ioctl(tun.fd, TUNSETOFFLOAD, offer.flags) != 0) continue;
    tun.tso = offer.tso;
    tun.uso = offer.uso;
    return;
  }
}

int attach(int fd, const char* name, int flags, TunResult& tun) {
  ifreq request{};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | flags);
  if (ioctl(fd, TUNSETIFF, &request) != 0) return errno;
  memcpy(tun.name, request.ifr_name, IFNAMSIZ);
  tun.vnet = flags & IFF_VNET_HDR;
  return 0;
}

int gsoOf(uint8_t type) {
  switch (type & ~kVnetGsoEcn) {
    case kVnetGsoTcp4:
    case kVnetGsoTcp6:
      return kGsoTcp;
    case kVnetGsoUdp:
      return kGsoUdp;
    default:
      return kGsoNone;
  }
}

// Finishes a checksum that is not the packet's own TCP or UDP one, such as that of a tunnel inside: the far end cannot.
bool completeForeign(const VnetHeader& header, uint8_t* packet, int length) {
  const int start = header.checksumStart, field = start + header.checksumOffset;
  if (start >= length || field + 2 > length) return false;
  completeChecksum(packet, length, start, header.checksumOffset);
  return true;
}

class TunSink {
 public:
  TunSink(int fd, bool vnet, Counters counters) : fd_(fd), vnet_(vnet), counters_(counters) {}

  void write(const VnetHeader& header, iovec* parts, int count, int) {
    VnetHeader copy = header;
    parts[0] = iovec{&copy, sizeof copy};
    const int skip = vnet_ ? 0 : 1;
    ssize_t written;
    do written = writev(fd_, parts + skip, count + 1 - skip);
    while (written < 0 && errno == EINTR);
    counters_.add(written < 0 ? kTunWriteFailed : kTunWrites);
    if (written < 0) failures_++;
  }

  int failures() const { return failures_; }

 private:
  int fd_;
  bool vnet_;
  Counters counters_;
  int failures_ = 0;
};

}  // namespace

TunResult tunOpen(const char* name, bool offload, bool multiQueue) {
  TunResult tun{};
  tun.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tun.fd < 0) {
    tun.error = errno;
    return tun;
  }
  const int queue = multiQueue ? IFF_MULTI_QUEUE : 0;
  tun.error = attach(tun.fd, name, queue | (offload ? IFF_VNET_HDR : 0), tun);
  if (tun.error == EINVAL && offload) tun.error = attach(tun.fd, name, queue, tun);
  if (!tun.error && tun.vnet) setOffload(tun);
  Device* device = tun.error ? nullptr : deviceEnter(tun.fd);
  if (!device) {
    close(tun.fd);
    if (!tun.error) tun.error = EMFILE;
    return tun;
  }
  device->uso = tun.uso;
  return tun;
}

int describePacket(const VnetHeader* header, uint8_t* packet, int length, PacketRow& row) {
  const int kind = header ? gsoOf(header->gsoType) : kGsoNone;
  if (header && kind == kGsoNone && (header->gsoType & ~kVnetGsoEcn) != kVnetGsoNone) return kBadGso;
  Inner inner;
  if (kind == kGsoNone && !parseInner(packet, length, inner)) return kBadInnerHeader;
  if (kind != kGsoNone && !parseSuper(packet, length, inner)) return kBadGso;
  row = PacketRow{};
  row.length = length;
  row.segments = 1;
  if (inner.isWhole()) {
    row.headerLength = inner.headerLength();
    row.l4Offset = inner.l4Offset;
  }
  if (!header || !(header->flags & kVnetNeedsChecksum)) return kind == kGsoNone ? -1 : kBadGso;
  const bool own = inner.mayBePartial() && header->checksumStart == inner.l4Offset &&
                   header->checksumOffset == inner.checksumField();
  if (!own && kind != kGsoNone) return kBadGso;
  if (!own) return completeForeign(*header, packet, length) ? -1 : kBadInnerHeader;
  row.kind = kind | kPartialChecksum;
  if (kind == kGsoNone) return -1;
  const int payload = length - inner.headerLength();
  if ((kind == kGsoTcp) != inner.isTcp() || header->gsoSize == 0 || payload <= 0) return kBadGso;
  row.gsoSize = header->gsoSize;
  row.segments = (payload + header->gsoSize - 1) / header->gsoSize;
  return -1;
}

int tunReadBatch(int fd, bool vnet, Arena arena, Table<PacketRow> packets, Counters counters) {
  const int headroom = vnet ? kAlign : 0, skip = vnet ? static_cast<int>(sizeof(VnetHeader)) : 0;
  int64_t at = 0;
  int count = 0;
  while (count < packets.capacity && arena.holds(at, headroom + kMaxPacket)) {
    uint8_t* packet = arena.bytes + at + headroom;
    const ssize_t got = read(fd, packet - skip, skip + kMaxPacket);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return count || errno == EAGAIN ? count : -errno;
    counters.add(kTunReads);
    VnetHeader header;
    if (vnet) memcpy(&header, packet - skip, sizeof header);
    PacketRow& row = packets.rows[count];
    const int length = static_cast<int>(got) - skip;
    const int why = length <= 0 ? kBadInnerHeader : describePacket(vnet ? &header : nullptr, packet, length, row);
    if (why >= 0) {
      counters.add(static_cast<Counter>(why));
      continue;
    }
    row.offset = static_cast<int32_t>(at + headroom);
    count++;
    at = (at + headroom + row.length + kAlign - 1) / kAlign * kAlign;
  }
  return count;
}

int deliver(int fd, bool vnet, Arena arena, Table<const RecordRow> records, const RunRow* runs, int count,
            Counters counters) {
  const Device* device = deviceOf(fd);
  TunSink sink(fd, vnet, counters);
  Coalescer<TunSink> coalescer(arena, records, vnet, device && device->uso, sink, counters);
  for (int i = 0; i < count; i++) coalescer.run(runs[i]);
  coalescer.flush();
  return sink.failures();
}

}  // namespace gscip
