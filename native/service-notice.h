// One datagram to a service manager (sd_notify(3)), which Node cannot send: a local socket of datagrams.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace gscip {

// path: as in NOTIFY_SOCKET, "/…" or "@…" for an abstract one. 0 or an errno.
int noticeSend(const uint8_t* path, size_t pathLength, const uint8_t* text, size_t length);

}  // namespace gscip
