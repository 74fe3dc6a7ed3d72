// What is known about the file descriptors that the addon opened, for the whole process.
#pragma once
#include <atomic>

namespace gscip {

struct Device {
  // TUN
  std::atomic<bool> uso;
  // UDP: address family of the socket (4 or 6), and what its sends have taught
  std::atomic<int> family;
  std::atomic<bool> gso;
  std::atomic<int> maxSegments;
  std::atomic<int> lastError;
};

// The entry of a descriptor that tunOpen or udpOpen returned; null for any other.
Device* deviceOf(int fd);
// Null when the number is beyond the table; the caller closes the descriptor and reports EMFILE.
Device* deviceEnter(int fd);
// Returns an errno, 0 when closed.
int deviceClose(int fd);

}  // namespace gscip
