// What routers say of datagrams that were too large for them, read from a raw socket: the UDP socket must not fail for it.
#pragma once
#include <stdint.h>

namespace gscip {

struct IcmpResult {
  // an errno, 0 when open
  int error;
  int fd;
};

// family 4 or 6. Only "destination unreachable" of IPv4 and "packet too big" of IPv6 come in. Needs CAP_NET_RAW.
IcmpResult icmpOpen(int family);

// One message: of IPv4 with its IP header, of IPv6 without. Its length, 0 when none waits, or a negative errno.
int icmpRead(int fd, uint8_t* bytes, int length);

}  // namespace gscip
