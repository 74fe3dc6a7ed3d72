#include "../relay.h"

#include "input.h"

using namespace gscip;

// Messages of a relay over tables that may be nonsense: what goes on lies in the arena, goes to an end that is bound, and is counted.
void fuzzRelay(Input& input) {
  std::vector<RelaySlotRow> slots(16);
  std::vector<RelayEndRow> ends(8);
  std::vector<double> heardAt(8);
  std::vector<RelayShare> shares(2);
  RelayNumbers numbers{};
  numbers.perNode = numbers.total = numbers.level = input.number();
  for (size_t i = 0; i < slots.size(); i++) slots[i] = RelaySlotRow{input.byte() & 7, input.byte() & 7};
  if (input.byte() & 1) slots[input.byte() & 15].row = input.word();
  for (RelayEndRow& end : ends) {
    end.family = input.byte() & 4;
    end.port = input.byte() & 1;
    end.share = input.byte() & 1 ? 0 : input.byte();
    end.early = input.byte() & 1;
  }
  const int odd = input.byte();
  std::vector<MessageRow> messages(4);
  Bytes arena;
  for (MessageRow& row : messages) {
    row.offset = static_cast<int32_t>(arena.size());
    row.family = 4;
    row.port = input.byte() & 1;
    row.segment = 9 + (input.byte() & 15);
    const int count = input.byte() & 15;
    for (int i = 0; i < count; i++) {
      Bytes datagram(row.segment);
      datagram[0] = 0x20;
      datagram[7] = input.byte() & 7;
      datagram[8] = input.byte() & 1 ? 0x10 : 0x01;
      if (odd & 1) datagram[input.byte() % datagram.size()] = input.byte();
      arena.insert(arena.end(), datagram.begin(), datagram.end());
    }
    row.length = static_cast<int32_t>(arena.size()) - row.offset - (row.segment > 9 && count ? input.byte() & 1 : 0);
    if (odd & 2) row.offset = input.word();
    if (odd & 4) row.length = input.word();
    if (odd & 8) row.segment = input.word();
  }
  const RelayTable table{{slots.data(), odd & 16 ? 11 : 16}, {ends.data(), odd & 32 ? 7 : 8}, {heardAt.data(), 8},
                         {shares.data(), 2}, &numbers};
  std::vector<RelayRunRow> runs(3);
  RelayCursor cursor{};
  double bytes = 0;
  for (int calls = 0; cursor.message < 4; calls++) {
    REQUIRE(calls < 70000);
    const RelayCursor before = cursor;
    const int count = relayWalk(table, Arena{arena.data(), static_cast<int64_t>(arena.size())}, {messages.data(), 4},
                                {runs.data(), 3}, cursor);
    REQUIRE(count >= 0 && count <= 3);
    REQUIRE(cursor.message > before.message || cursor.offset > before.offset);
    if (cursor.stopLength) {
      REQUIRE(cursor.stop >= 0 && cursor.stopLength > 0 && size_t(cursor.stop) + cursor.stopLength <= arena.size());
      REQUIRE(cursor.early >= 0 && cursor.early <= 8);
      if (cursor.early) REQUIRE(ends[cursor.early - 1].early && cursor.stopLength > 8);
    }
    for (int i = 0; i < count; i++) {
      REQUIRE(runs[i].offset >= 0 && runs[i].length > 8 && size_t(runs[i].offset) + runs[i].length <= arena.size());
      REQUIRE(runs[i].segment > 0 && runs[i].end >= 0 && runs[i].end < 8 && ends[runs[i].end].family);
      REQUIRE(arena[runs[i].offset] == 0x20);
      bytes += runs[i].length;
    }
  }
  REQUIRE(bytes == numbers.bytes && bytes == numbers.used && bytes <= numbers.total);
}
