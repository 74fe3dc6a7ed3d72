// The packet path of a relay (protocol.md 7): frames in, runs for the other end out, by the caller's tables. Contract: src/base/relay-primitives.ts.
#pragma once
#include "tables.h"

namespace gscip {

struct RelayEndRow {
  static constexpr int kStride = 8;
  int32_t family;
  uint8_t address[16];
  int32_t port, share, early;
};

struct RelaySlotRow {
  static constexpr int kStride = 2;
  int32_t channel, row;
};

struct RelayRunRow {
  static constexpr int kStride = 4;
  int32_t offset, length, segment, end;
};

struct RelayCursor {
  static constexpr int kStride = 5;
  int32_t message, offset, stop, stopLength, early;
};

struct RelayShare {
  static constexpr int kStride = 2;
  double offered, used;
};

enum RelayDrop {
  kRelayKind,
  kRelayFrame,
  kRelayUnbound,
  kRelayPeerUnbound,
  kRelayToItself,
  kRelayQuota,
  kRelayShare,
  kRelayDropCount
};

struct RelayNumbers {
  double now, perNode, total, level, used, datagrams, bytes, drops[kRelayDropCount];
};

static_assert(sizeof(RelayEndRow) == 4 * RelayEndRow::kStride, "RELAY_END");
static_assert(sizeof(RelaySlotRow) == 4 * RelaySlotRow::kStride, "RELAY_SLOT");
static_assert(sizeof(RelayRunRow) == 4 * RelayRunRow::kStride, "RELAY_RUN");
static_assert(sizeof(RelayCursor) == 4 * RelayCursor::kStride, "RELAY_CURSOR");
static_assert(sizeof(RelayShare) == 8 * RelayShare::kStride, "RELAY_SHARE");
static_assert(sizeof(RelayNumbers) == 8 * (7 + kRelayDropCount), "RELAY_NUMBER");

struct RelayTable {
  Table<const RelaySlotRow> slots;
  Table<const RelayEndRow> ends;
  Table<double> heardAt;
  Table<RelayShare> shares;
  RelayNumbers* numbers;
};

// Rows of `runs` filled. `slots` holds a power of two, or nothing is found.
int relayWalk(const RelayTable& table, Arena arena, Table<const MessageRow> messages, Table<RelayRunRow> runs,
              RelayCursor& cursor);

}  // namespace gscip
