#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "udp.h"

namespace gscip {
namespace {

constexpr int kBuffer = 7 << 20;

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

int set(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

socklen_t sizeOf(const Address& address) {
  return address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6;
}

bool parseAddress(const UdpRequest& request, Address& out) {
  memset(&out, 0, sizeof out);
  const uint16_t port = htons(static_cast<uint16_t>(request.port));
  if (!request.address) {
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = port;
    return true;
  }
  if (inet_pton(AF_INET, request.address, &out.v4.sin_addr) == 1) {
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = port;
    return true;
  }
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = port;
  return inet_pton(AF_INET6, request.address, &out.v6.sin6_addr) == 1;
}

// DF on all that is sent, and no path MTU that an ICMP message from outside could have lowered (protocol.md 6.4, 6.5).
void setMtuDiscovery(int fd, bool v6) {
  set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (!v6) return;
  set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
}

void setBuffers(int fd) {
  // Beyond the system's limit with CAP_NET_ADMIN, up to it without.
  if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, kBuffer) != 0) set(fd, SOL_SOCKET, SO_RCVBUF, kBuffer);
  if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, kBuffer) != 0) set(fd, SOL_SOCKET, SO_SNDBUF, kBuffer);
}

bool knowsSegment(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &size) == 0;
}

int bindSocket(const UdpRequest& request, const Address& address, UdpResult& out) {
  const bool v6 = address.any.sa_family == AF_INET6;
  out.fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (out.fd < 0) return errno;
  if (v6) set(out.fd, IPPROTO_IPV6, IPV6_V6ONLY, request.address ? 1 : 0);
  if (request.reusePort && set(out.fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0) return errno;
  // a program without CAP_NET_ADMIN has no mark: filters then take it for any other
  if (request.mark > 0) set(out.fd, SOL_SOCKET, SO_MARK, request.mark);
  setBuffers(out.fd);
  setMtuDiscovery(out.fd, v6);
  set(out.fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
  if (bind(out.fd, &address.any, sizeOf(address)) != 0) return errno;
  Address bound;
  socklen_t size = sizeof bound;
  if (getsockname(out.fd, &bound.any, &size) != 0) return errno;
  out.family = v6 ? 6 : 4;
  out.port = ntohs(v6 ? bound.v6.sin6_port : bound.v4.sin_port);
  out.gro = request.gro && set(out.fd, SOL_UDP, UDP_GRO, 1) == 0;
  out.gso = request.gso && knowsSegment(out.fd);
  return 0;
}

int openOnce(const UdpRequest& request, const Address& address, UdpResult& out) {
  const int error = bindSocket(request, address, out);
  if (error && out.fd >= 0) close(out.fd);
  return error;
}

bool meansNoIpv6(int error) { return error == EAFNOSUPPORT || error == EADDRNOTAVAIL; }

}  // namespace

UdpResult udpOpen(const UdpRequest& request) {
  UdpResult out{};
  Address address;
  if (request.port < 0 || request.port > 65535 || !parseAddress(request, address)) {
    out.error = EINVAL;
    return out;
  }
  out.error = openOnce(request, address, out);
  if (!request.address && meansNoIpv6(out.error)) {
    UdpRequest any = request;
    any.address = "0.0.0.0";
    parseAddress(any, address);
    out.error = openOnce(any, address, out);
  }
  if (out.error) return out;
  Device* device = deviceEnter(out.fd);
  if (!device) {
    close(out.fd);
    out.error = EMFILE;
    return out;
  }
  device->family = out.family;
  device->gso = out.gso;
  device->maxSegments = kMaxSegments;
  return out;
}

}  // namespace gscip
