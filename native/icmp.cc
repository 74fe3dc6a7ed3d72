#include "icmp.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices.h"

namespace gscip {
namespace {

// <linux/icmp.h> does not go together with <netinet/ip_icmp.h>.
constexpr int kIcmpFilter = 1;
// Hints: a flood of them is lost rather than kept.
constexpr int kBuffer = 32 << 10;

bool letIn4(int fd) {
  const uint32_t blocked = ~(uint32_t{1} << ICMP_DEST_UNREACH);
  return setsockopt(fd, SOL_RAW, kIcmpFilter, &blocked, sizeof blocked) == 0;
}

bool letIn6(int fd) {
  icmp6_filter filter;
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &filter);
  return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) == 0;
}

}  // namespace

IcmpResult icmpOpen(int family) {
  IcmpResult out{};
  const bool v6 = family == 6;
  out.fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, v6 ? +IPPROTO_ICMPV6 : +IPPROTO_ICMP);
  if (out.fd < 0) {
    out.error = errno;
    return out;
  }
  setsockopt(out.fd, SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer);
  if (!(v6 ? letIn6(out.fd) : letIn4(out.fd)))
    out.error = errno;
  else if (!deviceEnter(out.fd))
    out.error = EMFILE;
  if (out.error) close(out.fd);
  return out;
}

int icmpRead(int fd, uint8_t* bytes, int length) {
  if (!deviceOf(fd)) return -EBADF;
  for (;;) {
    const ssize_t got = recv(fd, bytes, static_cast<size_t>(length), 0);
    if (got >= 0) return static_cast<int>(got);
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace gscip
