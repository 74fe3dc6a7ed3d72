// Strides and fields of the caller's tables and the order of the counters, as src/base/primitives.ts names them.
#pragma once
#include <stdint.h>

namespace gscip {

struct PacketRow {
  static constexpr int kStride = 8;
  int32_t offset, length, kind, gsoSize, headerLength, l4Offset, sa, segments;
};

struct MessageRow {
  static constexpr int kStride = 12;
  int32_t offset, length, segment, family;
  uint8_t address[16];
  int32_t port, prefix, interface, channel;
};

struct RecordRow {
  static constexpr int kStride = 4;
  int32_t offset, length, flags, message;
};

struct RunRow {
  static constexpr int kStride = 12;
  int32_t firstRecord, count, kind, sa, message, bytes, verdict, newest, broken, reserved;
  int32_t spare[2];
};

struct SendRow {
  static constexpr int kStride = 6;
  int32_t offset, length, segment, path, count, reserved;
};

static_assert(sizeof(PacketRow) == 4 * PacketRow::kStride, "PACKET");
static_assert(sizeof(MessageRow) == 4 * MessageRow::kStride, "MESSAGE");
static_assert(sizeof(RecordRow) == 4 * RecordRow::kStride, "RECORD_ROW");
static_assert(sizeof(RunRow) == 4 * RunRow::kStride, "RUN");
static_assert(sizeof(SendRow) == 4 * SendRow::kStride, "SEND");

constexpr int kGsoNone = 0, kGsoTcp = 1, kGsoUdp = 2, kGsoMask = 0xff, kPartialChecksum = 0x100;
constexpr int kRunPackets = 1, kRunControl = 2, kRunEmpty = 3, kRunRaw = 4;
constexpr int kVerdictDeliver = 1;
constexpr int kMaxSend = 65507, kMaxSegments = 128;

enum Counter {
  kShort,
  kBadFlags,
  kUnknownIndex,
  kNoKey,
  kReplayed,
  kTooOld,
  kAuthFailed,
  kBadInnerHeader,
  kBadInnerChecksum,
  kBadGso,
  kNoSa,
  kCounterExhausted,
  kSendFailed,
  kSendWouldBlock,
  kTunWriteFailed,
  kSealed,
  kOpened,
  kSends,
  kTunWrites,
  kTunReads,
  kReceives,
  kCounterCount,
};

// The counters of one environment: the memory behind the array that counters() returns.
struct Counters {
  double* values;
  void add(Counter which, double n = 1) { values[which] += n; }
};

// A caller's arena.
struct Arena {
  uint8_t* bytes;
  int64_t length;
  bool holds(int64_t offset, int64_t size) const { return offset >= 0 && size >= 0 && offset <= length - size; }
};

// A caller's table.
template <class Row>
struct Table {
  Row* rows;
  int capacity;
};

}  // namespace gscip
