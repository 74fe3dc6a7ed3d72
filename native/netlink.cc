#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices.h"

namespace gscip {
namespace {

constexpr uint32_t kGroups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
// Datagrams of one call: what is left calls back, after others had their turn.
constexpr int kMostDatagrams = 64;
// A default route, or the halves that a VPN puts in front of it. Longer ones are of no interest, and a router has many.
constexpr int kLongestDefault = 1;

int routeBits(const uint8_t* payload, size_t length) {
  rtmsg route;
  if (length < sizeof route) return 0;
  memcpy(&route, payload, sizeof route);
  const bool leadsOut = route.rtm_dst_len <= kLongestDefault && !(route.rtm_flags & RTM_F_CLONED);
  return leadsOut && route.rtm_type != RTN_LOCAL && route.rtm_type != RTN_MULTICAST ? kRoutesChanged : 0;
}

int messageBits(int type, const uint8_t* payload, size_t length) {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return kLinksChanged;
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return kAddressesChanged;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return routeBits(payload, length);
    case NLMSG_OVERRUN:
      return kChangesLost;
    default:
      return 0;
  }
}

}  // namespace

NetlinkResult netlinkOpen() {
  NetlinkResult out{};
  out.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (out.fd < 0) {
    out.error = errno;
    return out;
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kGroups;
  if (bind(out.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    out.error = errno;
  else if (!deviceEnter(out.fd))
    out.error = EMFILE;
  if (out.error) close(out.fd);
  return out;
}

int netlinkDrain(int fd) {
  if (!deviceOf(fd)) return -EBADF;
  uint8_t bytes[16384];
  int bits = 0;
  for (int i = 0; i < kMostDatagrams; i++) {
    sockaddr_nl source{};
    iovec part{bytes, sizeof bytes};
    msghdr header{};
    header.msg_name = &source;
    header.msg_namelen = sizeof source;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    const ssize_t length = recvmsg(fd, &header, 0);
    if (length < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return bits;
      if (errno != ENOBUFS) return -errno;
      bits |= kChangesLost;
      continue;
    }
    // Other programs may send here, too.
    if (source.nl_pid != 0) continue;
    if (header.msg_flags & MSG_TRUNC) bits |= kChangesLost;
    bits |= netlinkBits(bytes, static_cast<size_t>(length));
  }
  return bits;
}

int netlinkBits(const uint8_t* bytes, size_t length) {
  int bits = 0;
  while (length >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    memcpy(&header, bytes, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > length) return bits;
    bits |= messageBits(header.nlmsg_type, bytes + sizeof header, header.nlmsg_len - sizeof header);
    const size_t step = (static_cast<size_t>(header.nlmsg_len) + 3) & ~static_cast<size_t>(3);
    if (step >= length) return bits;
    bytes += step;
    length -= step;
  }
  return bits;
}

}  // namespace gscip
