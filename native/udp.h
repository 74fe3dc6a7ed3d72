// The UDP socket: batches in, UDP_SEGMENT sends out.
#pragma once
#include <sys/socket.h>
#include <sys/uio.h>

#include "relay.h"
#include "seal.h"
#include "tables.h"

namespace gscip {

struct UdpResult {
  // an errno, 0 when open
  int error;
  int fd;
  int port;
  // 4, or 6 (both families when no address was asked for)
  int family;
  bool gso, gro;
};

struct UdpRequest {
  // text, or null for all addresses
  const char* address;
  int port;
  bool gro, gso, reusePort;
  // of all that the socket sends, for packet filters; 0 none
  int mark;
};

UdpResult udpOpen(const UdpRequest& request);

// Arena bytes per received message: the largest one, and a shift so that messages do not share cache sets.
constexpr int kMessageStride = 65536 + 128;
constexpr int kMaxMessages = 256;
// Messages of one system call, and bytes after which no further call is made: what is read is still in the cache when it is used.
constexpr int kReceiveGroup = 8;
constexpr int kReceiveBytes = 256 << 10;

// What recvmmsg and sendmmsg need; one per environment, zeroed.
struct UdpScratch {
  mmsghdr headers[kMaxSegments];
  iovec parts[kMaxSegments];
  sockaddr_in6 sources[kReceiveGroup];
  alignas(8) char control[kReceiveGroup][96];
  uint8_t hot[65536];
};

// Rows filled, or a negative errno.
int udpReceiveBatch(int fd, Arena arena, Table<MessageRow> messages, UdpScratch& scratch, Counters counters);

// Seals and sends; returns the sends that the kernel took.
int sealAndSend(int fd, Arena arena, const PacketRow* packets, int count, UdpScratch& scratch, Counters counters);

// Sends what relayWalk found, and uses up the rows: those to one end go together where that changes no order. Datagrams lost.
int udpSendRuns(int fd, Arena arena, Table<RelayRunRow> runs, Table<const RelayEndRow> ends, UdpScratch& scratch,
                Counters counters);

// One datagram. Returns an errno, 0 when sent.
int udpSend(int fd, const uint8_t* bytes, int length, const uint8_t* address, int addressLength, int port);

}  // namespace gscip
