// The kernel's word that links, addresses or the default way out of this machine changed. What is there now is asked elsewhere.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace gscip {

// Bits of what a message tells; kLost: the kernel had more to tell than its buffer holds.
constexpr int kLinksChanged = 1, kAddressesChanged = 2, kRoutesChanged = 4, kChangesLost = 8;

struct NetlinkResult {
  // an errno, 0 when open
  int error;
  int fd;
};

NetlinkResult netlinkOpen();

// Reads what waits and forgets it; the bits of all of it, or a negative errno. 0 may be a change of no interest.
int netlinkDrain(int fd);

// The bits of one datagram of the kernel. Reads nothing beyond it, whatever its headers say.
int netlinkBits(const uint8_t* bytes, size_t length);

}  // namespace gscip
