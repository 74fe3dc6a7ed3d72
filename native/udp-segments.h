// A run of datagrams to one address by UDP_SEGMENT, or by what else the kernel takes.
#pragma once
#include <netinet/in.h>

#include "devices.h"
#include "udp.h"

namespace gscip {

// The address of a send; 0 when a socket of this family cannot reach it, else its size.
socklen_t destination(int socketFamily, int family, const uint8_t* address, int port, sockaddr_in6& out);

// How long a batch may wait for a full socket, over all its sends.
class Patience {
 public:
  // False when none is left.
  bool wait(int fd);

 private:
  int64_t deadline_ = 0;
};

// Equal datagrams, the last may be shorter; no datagram lies in two parts.
struct SegmentRun {
  iovec parts[kMaxSegments];
  int partCount, segment, count;
};

class SegmentSender {
 public:
  SegmentSender(int fd, Device& device, UdpScratch& scratch, Counters counters)
      : fd_(fd), device_(device), scratch_(scratch), counters_(counters), maxSegments_(device.maxSegments) {}

  void send(const SegmentRun& run, int family, const uint8_t* address, int port);

  int maxSegments() const { return maxSegments_; }
  // Sends that the kernel took, and datagrams that it did not.
  int sends() const { return sends_; }
  int lost() const { return lost_; }

 private:
  bool sendSmaller(const SegmentRun& run, int error);
  int sendSegments(const SegmentRun& run, int first, int count);
  bool sendEach(const SegmentRun& run, int first);
  void sent();
  void lose(int error, int datagrams);

  int fd_;
  Device& device_;
  UdpScratch& scratch_;
  Counters counters_;
  Patience patience_;
  sockaddr_in6 to_{};
  socklen_t toSize_ = 0;
  int maxSegments_, sends_ = 0, lost_ = 0;
};

}  // namespace gscip
