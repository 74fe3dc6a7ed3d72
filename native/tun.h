// The TUN device: super-packets in, super-packets out.
#pragma once
#include "tables.h"
#include "wire.h"

namespace gscip {

struct TunResult {
  // an errno, 0 when open
  int error;
  int fd;
  char name[16];
  bool vnet, tso, uso;
};

TunResult tunOpen(const char* name, bool offload, bool multiQueue);

// Rows filled, or a negative errno when the first read failed.
int tunReadBatch(int fd, bool vnet, Arena arena, Table<PacketRow> packets, Counters counters);

// Failed writes.
int deliver(int fd, bool vnet, Arena arena, Table<const RecordRow> records, const RunRow* runs, int count,
            Counters counters);

// A packet as read from TUN: fills its row, or says why it is dropped (a Counter), or -1.
int describePacket(const VnetHeader* header, uint8_t* packet, int length, PacketRow& row);

}  // namespace gscip
