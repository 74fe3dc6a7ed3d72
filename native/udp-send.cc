#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "devices.h"
#include "udp.h"

namespace gscip {
namespace {

// The segments that every kernel with UDP_SEGMENT takes; 128 from Linux 6.9 on.
constexpr int kOldMaxSegments = 64;
constexpr int64_t kPatience = 2'000'000;

int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

// How long a batch may wait for a full socket, over all its sends.
class Patience {
 public:
  // False when none is left.
  bool wait(int fd) {
    const int64_t now = nanoseconds();
    if (!deadline_) deadline_ = now + kPatience;
    if (now >= deadline_) return false;
    const timespec rest{0, static_cast<long>(deadline_ - now)};
    pollfd watched{fd, POLLOUT, 0};
    ppoll(&watched, 1, &rest, nullptr);
    return true;
  }

 private:
  int64_t deadline_ = 0;
};

// 0 when the socket cannot reach the family.
socklen_t destination(int socketFamily, int family, const uint8_t* address, int port, sockaddr_in6& out) {
  out = sockaddr_in6{};
  if (socketFamily == 4) {
    sockaddr_in& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(port));
    memcpy(&v4.sin_addr, address, 4);
    return family == 4 ? sizeof v4 : 0;
  }
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(static_cast<uint16_t>(port));
  if (family == 6) {
    memcpy(&out.sin6_addr, address, 16);
  } else {
    out.sin6_addr.s6_addr[10] = out.sin6_addr.s6_addr[11] = 0xff;
    memcpy(out.sin6_addr.s6_addr + 12, address, 4);
  }
  return sizeof out;
}

// The sink of sealAndSend: one buffer that stays in the cache, sent whenever the next datagram cannot share the send.
class UdpSink {
 public:
  UdpSink(int fd, Device& device, UdpScratch& scratch, Counters counters)
      : fd_(fd), device_(device), scratch_(scratch), counters_(counters), maxSegments_(device.maxSegments) {}

  uint8_t* place(const Path& path, int size) {
    if (size > kMaxSend) return nullptr;
    if (!group_.takes(path, size, maxSegments_)) flush();
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
    const socklen_t size = destination(device_.family, path.family, path.address, path.port, to_);
    if (size == 0)
      lost(EAFNOSUPPORT, group_.count());
    else
      send(size);
    group_.clear();
  }

  int sends() const { return sends_; }

 private:
  void send(socklen_t toSize) {
    if (group_.count() > 1 && device_.gso) {
      const int error = sendSegments(toSize, 0, group_.count());
      if (!error || !sendSmaller(error, toSize)) return;
    } else {
      sendEach(toSize, 0);
    }
  }

  // After a refused UDP_SEGMENT: what the kernel takes instead. False when it was lost for another reason.
  bool sendSmaller(int error, socklen_t toSize) {
    if (error != EINVAL && error != EIO && error != EMSGSIZE) {
      lost(error, group_.count());
      return false;
    }
    int first = 0;
    if (error == EINVAL && group_.count() > kOldMaxSegments && sendSegments(toSize, 0, kOldMaxSegments) == 0) {
      device_.maxSegments = maxSegments_ = kOldMaxSegments;
      first = kOldMaxSegments;
      if (sendSegments(toSize, first, group_.count() - first) == 0) return true;
    }
    // EINVAL also means datagrams above the interface's MTU: only if they pass alone is it UDP_SEGMENT that is refused.
    if (sendEach(toSize, first) && error != EMSGSIZE && first == 0) device_.gso = false;
    return true;
  }

  int sendSegments(socklen_t toSize, int first, int count) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {};
    const int from = first * group_.segment(), rest = group_.bytes() - from, most = count * group_.segment();
    iovec part{scratch_.hot + from, static_cast<size_t>(rest < most ? rest : most)};
    msghdr header{};
    header.msg_name = &to_;
    header.msg_namelen = toSize;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* segment = CMSG_FIRSTHDR(&header);
    segment->cmsg_level = SOL_UDP;
    segment->cmsg_type = UDP_SEGMENT;
    segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const uint16_t size = static_cast<uint16_t>(group_.segment());
    memcpy(CMSG_DATA(segment), &size, sizeof size);
    for (;;) {
      if (sendmsg(fd_, &header, MSG_DONTWAIT) >= 0) {
        sent();
        return 0;
      }
      if (errno != EINTR && (errno != EAGAIN || !patience_.wait(fd_))) return errno;
    }
  }

  // Datagram by datagram from `first` on. True when one was sent.
  bool sendEach(socklen_t toSize, int first) {
    const int count = group_.count();
    for (int i = first; i < count; i++) {
      const int from = i * group_.segment(), rest = group_.bytes() - from;
      const int size = rest < group_.segment() ? rest : group_.segment();
      scratch_.parts[i] = iovec{scratch_.hot + from, static_cast<size_t>(size)};
      msghdr& header = scratch_.headers[i].msg_hdr;
      header = msghdr{};
      header.msg_name = &to_;
      header.msg_namelen = toSize;
      header.msg_iov = &scratch_.parts[i];
      header.msg_iovlen = 1;
    }
    bool any = false;
    for (int at = first; at < count;) {
      const int done = sendmmsg(fd_, scratch_.headers + at, count - at, MSG_DONTWAIT);
      if (done > 0) {
        at += done;
        any = true;
        sent();
      } else if (errno == EAGAIN) {
        if (patience_.wait(fd_)) continue;
        lost(EAGAIN, count - at);
        break;
      } else if (errno != EINTR) {
        lost(errno, 1);
        at++;
      }
    }
    return any;
  }

  void sent() {
    sends_++;
    counters_.add(kSends);
  }

  void lost(int error, int datagrams) {
    device_.lastError = error;
    counters_.add(error == EAGAIN ? kSendWouldBlock : kSendFailed, datagrams);
  }

  int fd_;
  Device& device_;
  UdpScratch& scratch_;
  Counters counters_;
  SendGroup group_;
  Patience patience_;
  sockaddr_in6 to_{};
  int maxSegments_, sends_ = 0;
};

}  // namespace

int sealAndSend(int fd, Arena arena, const PacketRow* packets, int count, UdpScratch& scratch, Counters counters) {
  Device* device = deviceOf(fd);
  if (!device) return -EBADF;
  UdpSink sink(fd, *device, scratch, counters);
  Sealer<UdpSink> sealer(arena, sink, counters);
  for (int i = 0; i < count; i++) sealer.packet(packets[i]);
  sink.flush();
  return sink.sends();
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
