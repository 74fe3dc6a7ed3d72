#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gscip {
namespace {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

bool parseAddress(const TcpRequest& request, Address& out) {
  memset(&out, 0, sizeof out);
  const uint16_t port = htons(static_cast<uint16_t>(request.port));
  if (request.address && inet_pton(AF_INET, request.address, &out.v4.sin_addr) == 1) {
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = port;
    return true;
  }
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = port;
  return !request.address || inet_pton(AF_INET6, request.address, &out.v6.sin6_addr) == 1;
}

socklen_t sizeOf(const Address& address) {
  return address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6;
}

int set(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

TcpResult opened(const TcpRequest& request, Address& address) {
  TcpResult out{};
  if (request.port < 0 || request.port > 65535 || !parseAddress(request, address)) {
    out.error = EINVAL;
    return out;
  }
  out.fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (out.fd < 0) out.error = errno;
  // a program without CAP_NET_ADMIN has no mark: filters then take it for any other
  if (!out.error && request.mark > 0) set(out.fd, SOL_SOCKET, SO_MARK, request.mark);
  return out;
}

TcpResult closedUnless(bool done, TcpResult out) {
  if (out.error || done) return out;
  out.error = errno;
  close(out.fd);
  return out;
}

}  // namespace

TcpResult tcpConnect(const TcpRequest& request) {
  Address address;
  const TcpResult out = opened(request, address);
  const bool begun = !out.error && (connect(out.fd, &address.any, sizeOf(address)) == 0 || errno == EINPROGRESS);
  return closedUnless(begun, out);
}

TcpResult tcpBind(const TcpRequest& request) {
  Address address;
  const TcpResult out = opened(request, address);
  if (out.error) return out;
  set(out.fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.any.sa_family == AF_INET6) set(out.fd, IPPROTO_IPV6, IPV6_V6ONLY, request.address ? 1 : 0);
  return closedUnless(bind(out.fd, &address.any, sizeOf(address)) == 0, out);
}

}  // namespace gscip
