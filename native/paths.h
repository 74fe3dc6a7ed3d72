// Path slots (protocol.md 6.3): where datagrams of an SA go. They change without touching keys.
#pragma once
#include <netinet/in.h>

#include "wire.h"

namespace gscip {

// A copy of a path slot. `version` changes with every pathSet, so that a send is not joined across it.
struct Path {
  int number;
  uint32_t version;
  // 4, 6, or 0 as long as no address is set
  int family;
  uint8_t address[16];
  uint16_t port;
  int prefixLength;
  uint8_t prefix[kPrefix];

  bool same(const Path& other) const { return number == other.number && version == other.version; }
};

int pathReserve();
bool pathSet(int number, const uint8_t* address, int addressLength, int port, const uint8_t* prefix);
void pathFree(int number);
bool pathIsReserved(int number);
// False when the path has no address.
bool pathLoad(int number, Path& out);

}  // namespace gscip
