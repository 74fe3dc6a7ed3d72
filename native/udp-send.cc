#include <errno.h>

#include "devices.h"
#include "udp-segments.h"
#include "udp.h"

namespace gscip {
namespace {

// The sink of sealAndSend: one buffer that stays in the cache, sent whenever the next datagram cannot share the send.
class UdpSink {
 public:
  UdpSink(SegmentSender& sender, UdpScratch& scratch) : sender_(sender), scratch_(scratch) {}

  uint8_t* place(const Path& path, int size) {
    if (size > kMaxSend) return nullptr;
    if (!group_.takes(path, size, sender_.maxSegments())) flush();
    return scratch_.hot + (group_.count() ? group_.bytes() : 0);
  }

  void commit(const Path& path, int size) {
    if (group_.count())
      group_.add(size);
    else
      group_.start(path, size);
  }

  void flush() {
    if (group_.count() == 0) return;
    const Path& path = group_.path();
    SegmentRun run;
    run.parts[0] = iovec{scratch_.hot, static_cast<size_t>(group_.bytes())};
    run.partCount = 1;
    run.segment = group_.segment();
    run.count = group_.count();
    sender_.send(run, path.family, path.address, path.port);
    group_.clear();
  }

 private:
  SegmentSender& sender_;
  UdpScratch& scratch_;
  SendGroup group_;
};

}  // namespace

int sealAndSend(int fd, Arena arena, const PacketRow* packets, int count, UdpScratch& scratch, Counters counters) {
  Device* device = deviceOf(fd);
  if (!device) return -EBADF;
  SegmentSender sender(fd, *device, scratch, counters);
  UdpSink sink(sender, scratch);
  Sealer<UdpSink> sealer(arena, sink, counters);
  for (int i = 0; i < count; i++) sealer.packet(packets[i]);
  sink.flush();
  return sender.sends();
}

int udpSend(int fd, const uint8_t* bytes, int length, const uint8_t* address, int addressLength, int port) {
  const Device* device = deviceOf(fd);
  if (!device) return EBADF;
  if ((addressLength != 4 && addressLength != 16) || port < 1 || port > 65535) return EINVAL;
  sockaddr_in6 to;
  const socklen_t size = destination(device->family, addressLength == 4 ? 4 : 6, address, port, to);
  if (size == 0) return EAFNOSUPPORT;
  Patience patience;
  for (;;) {
    if (sendto(fd, bytes, length, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to), size) >= 0) return 0;
    if (errno != EINTR && (errno != EAGAIN || !patience.wait(fd))) return errno;
  }
}

}  // namespace gscip
