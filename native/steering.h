// Which queue of a TUN device and which socket of a port get a packet, where several threads share them.
#pragma once

namespace gscip {

// Packets of one flow, of either direction, go to one queue of the device, by the number that base/steering.ts computes
// too. Without this the kernel moves a flow to the queue that last wrote a packet of it. Returns an errno, or 0.
int tunSteer(int fd);

// Of sockets with SO_REUSEPORT at one port: data datagrams go to one of them by their outer addresses and ports, all other
// kinds to the first that was bound. Returns an errno, or 0.
int udpSteer(int fd);

}  // namespace gscip
