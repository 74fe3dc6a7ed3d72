#include "udp-segments.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <time.h>

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

// The parts of `count` datagrams from `first` on, in `out`; returns how many.
int slice(const SegmentRun& run, int first, int count, iovec* out) {
  size_t skip = size_t(first) * run.segment, take = size_t(count) * run.segment;
  int parts = 0;
  for (int i = 0; i < run.partCount && take > 0; i++) {
    const iovec& part = run.parts[i];
    if (skip >= part.iov_len) {
      skip -= part.iov_len;
      continue;
    }
    const size_t rest = part.iov_len - skip, size = rest < take ? rest : take;
    out[parts++] = iovec{static_cast<uint8_t*>(part.iov_base) + skip, size};
    take -= size;
    skip = 0;
  }
  return parts;
}

}  // namespace

bool Patience::wait(int fd) {
  const int64_t now = nanoseconds();
  if (!deadline_) deadline_ = now + kPatience;
  if (now >= deadline_) return false;
  const timespec rest{0, static_cast<long>(deadline_ - now)};
  pollfd watched{fd, POLLOUT, 0};
  ppoll(&watched, 1, &rest, nullptr);
  return true;
}

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

void SegmentSender::send(const SegmentRun& run, int family, const uint8_t* address, int port) {
  toSize_ = destination(device_.family, family, address, port, to_);
  if (toSize_ == 0) return lose(EAFNOSUPPORT, run.count);
  if (run.count > 1 && device_.gso) {
    const int error = sendSegments(run, 0, run.count);
    if (error && !sendSmaller(run, error)) lose(error, run.count);
  } else {
    sendEach(run, 0);
  }
}

// After a refused UDP_SEGMENT: what the kernel takes instead. False when it was refused for another reason.
bool SegmentSender::sendSmaller(const SegmentRun& run, int error) {
  if (error != EINVAL && error != EIO && error != EMSGSIZE) return false;
  int first = 0;
  if (error == EINVAL && run.count > kOldMaxSegments && sendSegments(run, 0, kOldMaxSegments) == 0) {
    device_.maxSegments = maxSegments_ = kOldMaxSegments;
    first = kOldMaxSegments;
    if (sendSegments(run, first, run.count - first) == 0) return true;
  }
  // EINVAL also means datagrams above the interface's MTU: only if they pass alone is it UDP_SEGMENT that is refused.
  if (sendEach(run, first) && error != EMSGSIZE && first == 0) device_.gso = false;
  return true;
}

// An errno, 0 when sent.
int SegmentSender::sendSegments(const SegmentRun& run, int first, int count) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = {};
  msghdr header{};
  header.msg_name = &to_;
  header.msg_namelen = toSize_;
  header.msg_iov = scratch_.parts;
  header.msg_iovlen = slice(run, first, count, scratch_.parts);
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  cmsghdr* segment = CMSG_FIRSTHDR(&header);
  segment->cmsg_level = SOL_UDP;
  segment->cmsg_type = UDP_SEGMENT;
  segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t size = static_cast<uint16_t>(run.segment);
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
bool SegmentSender::sendEach(const SegmentRun& run, int first) {
  int count = first;
  for (int i = 0, number = 0; i < run.partCount; i++) {
    uint8_t* bytes = static_cast<uint8_t*>(run.parts[i].iov_base);
    for (size_t at = 0; at < run.parts[i].iov_len; at += run.segment, number++) {
      if (number < first) continue;
      const size_t rest = run.parts[i].iov_len - at, most = run.segment;
      scratch_.parts[count] = iovec{bytes + at, rest < most ? rest : most};
      msghdr& header = scratch_.headers[count].msg_hdr;
      header = msghdr{};
      header.msg_name = &to_;
      header.msg_namelen = toSize_;
      header.msg_iov = &scratch_.parts[count++];
      header.msg_iovlen = 1;
    }
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
      lose(EAGAIN, count - at);
      break;
    } else if (errno != EINTR) {
      lose(errno, 1);
      at++;
    }
  }
  return any;
}

void SegmentSender::sent() {
  sends_++;
  counters_.add(kSends);
}

void SegmentSender::lose(int error, int datagrams) {
  device_.lastError = error;
  lost_ += datagrams;
  counters_.add(error == EAGAIN ? kSendWouldBlock : kSendFailed, datagrams);
}

}  // namespace gscip
