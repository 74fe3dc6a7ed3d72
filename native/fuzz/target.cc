// One mutated input through the packet code. It fails by a sanitizer's report, or by an invariant that does not hold.
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <vector>

#include "../checksum.h"
#include "../coalesce.h"
#include "../netlink.h"
#include "../nft-generation.h"
#include "../open.h"
#include "../seal.h"
#include "../tun.h"

#include "input.h"

using namespace gscip;

namespace {

// Output of sealing and joining; kept, since fresh memory would cost more than the code under test.
uint8_t room[400000];

double counterValues[kCounterCount];
Counters counters{counterValues};

// A lane that opens what it seals.
class Loop {
 public:
  explicit Loop(bool prefixed) : path_(pathReserve()), index_(saReserve(0x12345678)) {
    const uint8_t zeros[kKeySize] = {}, address[4] = {192, 0, 2, 1}, prefix[kPrefix] = {0x20, 0, 0, 0, 1, 2, 3, 4};
    REQUIRE(saInstallRx(index_, kSuiteAes256Gcm, zeros, zeros, 8192));
    REQUIRE(saInstallTx(index_, kSuiteAes256Gcm, zeros, zeros, index_));
    REQUIRE(pathSet(path_, address, sizeof address, 4000, prefixed ? prefix : nullptr));
    REQUIRE(saPath(index_, path_));
  }
  ~Loop() {
    saFree(index_);
    pathFree(path_);
  }
  int32_t index() const { return static_cast<int32_t>(index_); }

 private:
  int path_;
  uint32_t index_;
};

struct Opened {
  std::vector<RecordRow> records;
  std::vector<RunRow> runs;
};

Opened open(Bytes& arena, const std::vector<MessageRow>& messages) {
  Opened out{std::vector<RecordRow>(300), std::vector<RunRow>(200)};
  Opener opener(Arena{arena.data(), static_cast<int64_t>(arena.size())}, Table<RecordRow>{out.records.data(), 300},
                Table<RunRow>{out.runs.data(), 200}, counters);
  for (size_t i = 0; i < messages.size(); i++) opener.message(messages[i], static_cast<int>(i));
  out.records.resize(opener.recordCount());
  out.runs.resize(opener.runCount());
  return out;
}

// The tables are as the contract says, whatever came in.
void checkRuns(const Bytes& arena, const Opened& opened) {
  int next = 0;
  for (const RunRow& run : opened.runs) {
    REQUIRE(run.firstRecord == next && run.count >= 1 && run.verdict == 0);
    next += run.count;
    int bytes = 0;
    for (int i = run.firstRecord; i < next; i++) {
      const RecordRow& record = opened.records[i];
      REQUIRE(record.offset >= 0 && record.length >= 0 && size_t(record.offset) + record.length <= arena.size());
      REQUIRE(record.message == run.message);
      bytes += record.length;
      Inner inner;
      if (run.kind == kRunPackets) REQUIRE(parseInner(&arena[record.offset], record.length, inner));
    }
    REQUIRE(bytes == run.bytes);
    REQUIRE(run.kind == kRunPackets || run.count == 1);
  }
  REQUIRE(next == static_cast<int>(opened.records.size()));
}

Bytes coalesce(Bytes& arena, Opened& opened, bool vnet) {
  PieceSink sink(Arena{room, sizeof room}, vnet, counters);
  Coalescer<PieceSink> coalescer(Arena{arena.data(), static_cast<int64_t>(arena.size())},
                                 Table<const RecordRow>{opened.records.data(), static_cast<int>(opened.records.size())},
                                 vnet, true, sink, counters);
  for (const RunRow& run : opened.runs) coalescer.run(run);
  coalescer.flush();
  return Bytes(room, room + sink.used());
}

struct Written {
  VnetHeader header;
  Bytes packet;
};

std::vector<Written> pieces(const Bytes& out) {
  std::vector<Written> list;
  for (size_t at = 0; at < out.size();) {
    uint32_t follows;
    memcpy(&follows, &out[at], 4);
    Written piece;
    memcpy(&piece.header, &out[at + 4], sizeof piece.header);
    piece.packet.assign(out.begin() + at + 4 + sizeof piece.header, out.begin() + at + 4 + follows);
    list.push_back(piece);
    at += 4 + follows;
  }
  return list;
}

// What is written to TUN keeps the rules of joining, by its own headers.
void checkPiece(Written& piece) {
  PacketRow row;
  const int why = describePacket(&piece.header, piece.packet.data(), static_cast<int>(piece.packet.size()), row);
  REQUIRE(why < 0);
  if (piece.header.gsoType == kVnetGsoNone) return;
  REQUIRE(piece.header.gsoSize >= (piece.header.gsoType == kVnetGsoUdp ? 1 : kMinTcpGsoSize) && row.segments >= 2 && row.segments <= kMaxSegments);
  REQUIRE(piece.packet.size() <= 65535);
}

// Lengths and checksums put right, so that more than one input in a thousand is a packet.
void repair(Bytes& packet) {
  const int length = static_cast<int>(packet.size());
  if (length >= ip6::kMin && packet[0] >> 4 == 6) {
    store16(&packet[ip6::kLength], length - ip6::kMin);
    if (packet[ip6::kNext] == udp::kProtocol && length >= ip6::kMin + udp::kSize)
      store16(&packet[ip6::kMin + udp::kLength], length - ip6::kMin);
  }
  if (length < ip4::kMin || packet[0] >> 4 != 4) return;
  const int header = (packet[0] & 15) * 4;
  store16(&packet[ip4::kLength], length);
  if (header < ip4::kMin || header > length) return;
  if (packet[ip4::kProtocol] == udp::kProtocol && length >= header + udp::kSize)
    store16(&packet[header + udp::kLength], length - header);
  writeIp4Checksum(packet.data(), header);
}

Bytes packetFrom(Input& input) {
  const int shape = input.byte();
  Bytes packet = input.take(shape & 0x80 ? 3000 : 120);
  if (packet.empty()) return packet;
  if (shape & 1) packet[0] = shape & 2 ? 0x60 : 0x45;
  const int protocol = packet[0] >> 4 == 6 ? ip6::kNext : ip4::kProtocol;
  if (shape & 4 && packet.size() > 9) packet[protocol] = shape & 8 ? tcp::kProtocol : udp::kProtocol;
  if (shape & 16) repair(packet);
  return packet;
}

// Datagrams of our own making around mutated plaintext, then mutated framing.
void fuzzOpen(Input& input) {
  Loop loop(false);
  Bytes arena;
  std::vector<MessageRow> messages;
  uint64_t counter = 0;
  while (!input.empty() && messages.size() < 8) {
    const int how = input.byte();
    Bytes plain = packetFrom(input);
    const int copies = 1 + (how & 7);
    MessageRow row{};
    row.offset = static_cast<int32_t>(arena.size());
    row.prefix = how & 8 ? kPrefix : 0;
    for (int i = 0; i < copies; i++) {
      Bytes datagram(row.prefix + data_header::kSize, 0x20);
      uint8_t* header = &datagram[row.prefix];
      header[0] = data_header::kType;
      header[data_header::kFlags] = how & 16 ? 1 : 0;
      store16(header + data_header::kZero, 0);
      store32(header + data_header::kIndex, loop.index());
      store64le(header + data_header::kCounter, counter++);
      // Copies of a TCP segment in sequence, so that they may be joined.
      const size_t sequence = plain.empty() || plain[0] >> 4 == 4 ? ip4::kMin + tcp::kSeq : ip6::kMin + tcp::kSeq;
      if (i && plain.size() > sequence + 16) {
        const int headers = static_cast<int>(sequence) - tcp::kSeq + (plain[sequence + 8] >> 4) * 4;
        store32(&plain[sequence], load32(&plain[sequence]) + static_cast<int>(plain.size()) - headers);
      }
      datagram.insert(datagram.end(), plain.begin(), plain.end());
      datagram.insert(datagram.end(), kTag, 0xa5);
      row.segment = static_cast<int32_t>(datagram.size());
      arena.insert(arena.end(), datagram.begin(), datagram.end());
    }
    row.length = static_cast<int32_t>(arena.size()) - row.offset;
    if (how & 32) row.segment = input.word();
    if (how & 64) row.length -= input.byte();
    if (how & 128 && !arena.empty()) arena[input.number() % arena.size()] = input.byte();
    messages.push_back(row);
  }
  Opened opened = open(arena, messages);
  checkRuns(arena, opened);
  for (RunRow& run : opened.runs) run.verdict = 1;
  Bytes copy = arena;
  coalesce(copy, opened, false);
  for (Written& piece : pieces(coalesce(arena, opened, true))) checkPiece(piece);
}

// A packet as from TUN: sealed, opened, and joined again, it carries the same bytes.
void fuzzSeal(Input& input) {
  VnetHeader vnet{};
  static const uint8_t kTypes[] = {kVnetGsoNone, kVnetGsoTcp4, kVnetGsoTcp6, kVnetGsoUdp, 3, 0x81};
  vnet.flags = input.byte() & 1;
  vnet.gsoType = kTypes[input.byte() % sizeof kTypes];
  vnet.gsoSize = static_cast<uint16_t>(input.number() % 1500);
  const bool prefixed = input.byte() & 1, own = input.byte() & 1;
  Bytes packet = packetFrom(input);
  if (packet.empty()) return;
  Inner inner;
  if (own && parseInner(packet.data(), static_cast<int>(packet.size()), inner)) {
    vnet.checksumStart = inner.l4Offset;
    vnet.checksumOffset = static_cast<uint16_t>(inner.checksumField());
  }
  PacketRow row;
  if (describePacket(&vnet, packet.data(), static_cast<int>(packet.size()), row) >= 0) return;
  row.offset = 0;
  Loop loop(prefixed);
  row.sa = loop.index();
  const Bytes payload(packet.begin() + row.headerLength, packet.end());

  std::vector<SendRow> sends(64);
  ArenaSink sink(Arena{room, sizeof room}, Table<SendRow>{sends.data(), 64}, counters);
  {
    Sealer<ArenaSink> sealer(Arena{packet.data(), static_cast<int64_t>(packet.size())}, sink, counters);
    sealer.packet(row);
  }
  std::vector<MessageRow> messages;
  int datagrams = 0, bytes = 0;
  for (int i = 0; i < sink.count(); i++) {
    REQUIRE(sends[i].length <= kMaxSend && sends[i].count <= kMaxSegments);
    MessageRow message{};
    message.offset = sends[i].offset;
    message.length = sends[i].length;
    message.segment = sends[i].segment;
    message.prefix = prefixed ? kPrefix : 0;
    messages.push_back(message);
    datagrams += sends[i].count;
    bytes += sends[i].length;
  }
  Bytes out(room, room + bytes);
  Opened opened = open(out, messages);
  checkRuns(out, opened);
  if (!(row.kind & kPartialChecksum)) return;
  // More than the tables of this target hold is not opened.
  if (datagrams > 200) return;
  REQUIRE(datagrams == row.segments && opened.records.size() == size_t(row.segments));
  for (RunRow& run : opened.runs) run.verdict = 1;
  Bytes again;
  for (Written& piece : pieces(coalesce(out, opened, true))) {
    checkPiece(piece);
    again.insert(again.end(), piece.packet.begin() + row.headerLength, piece.packet.end());
  }
  REQUIRE(again == payload);
}

// Tables that no caller of good sense would fill.
void fuzzTables(Input& input) {
  Loop loop(false);
  Bytes arena(4096), out(4096);
  PacketRow packet{};
  int32_t* fields = &packet.offset;
  for (int i = 0; i < PacketRow::kStride; i++) fields[i] = input.byte() & 1 ? input.word() : input.number();
  packet.sa = input.byte() & 1 ? loop.index() : input.word();
  RecordRow record{input.word(), input.word(), input.byte(), 0};
  if (input.byte() & 1) record.offset &= 4095;
  RunRow run{};
  run.firstRecord = input.byte() & 1 ? 0 : input.word();
  run.count = input.byte() & 1 ? 1 : input.word();
  run.kind = input.byte() & 3;
  run.verdict = 1;
  MessageRow message{};
  message.offset = input.word();
  message.length = input.word();
  message.segment = input.word();
  message.prefix = input.byte() & 8;
  const Bytes bytes = input.take(4096);
  std::copy(bytes.begin(), bytes.end(), arena.begin());
  const Arena view{arena.data(), static_cast<int64_t>(arena.size())};

  SendRow send;
  ArenaSink sink(Arena{out.data(), static_cast<int64_t>(out.size())}, Table<SendRow>{&send, 1}, counters);
  Sealer<ArenaSink>(view, sink, counters).packet(packet);
  open(arena, {message});
  PieceSink pieceSink(Arena{out.data(), static_cast<int64_t>(out.size())}, true, counters);
  Coalescer<PieceSink> coalescer(view, Table<const RecordRow>{&record, 1}, true, true, pieceSink, counters);
  coalescer.run(run);
  coalescer.flush();
}

// Headers of netlink messages that lie about their lengths; only some types are looked into.
void fuzzNetlink(Input& input) {
  Bytes bytes = input.take(4000);
  for (size_t at = 0; at + 16 <= bytes.size(); at += 16 + bytes[at] % 64) {
    if (bytes[at + 2] & 1) store32(&bytes[at], (bytes[at] % 96) << 24);
    if (bytes[at + 3] & 1) bytes[at + 4] = 16 + bytes[at + 4] % 10, bytes[at + 5] = 0;
  }
  const int bits = netlinkBits(bytes.data(), bytes.size());
  REQUIRE((bits & ~(kLinksChanged | kAddressesChanged | kRoutesChanged | kChangesLost)) == 0);
  // an answer about nftables, of such lengths
  if (bytes.size() > 5) bytes[4] = 15, bytes[5] = 10;
  const int64_t generation = nftGenerationIn(bytes.data(), bytes.size());
  REQUIRE(generation > -4096 && generation <= 0xffffffff);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  switch (input.byte() % 6) {
    case 0:
    case 1:
      fuzzOpen(input);
      break;
    case 2:
      fuzzSeal(input);
      break;
    case 3:
      fuzzNetlink(input);
      break;
    case 4:
      fuzzRelay(input);
      break;
    default:
      fuzzTables(input);
  }
  return 0;
}
