// Datagrams → records → runs: every record is opened by its own header and checked before anything is joined
// (protocol.md 4.3, 5.5).
#pragma once
#include "inner.h"
#include "slots.h"
#include "tables.h"

namespace gscip {

class Opener {
 public:
  Opener(Arena arena, Table<RecordRow> records, Table<RunRow> runs, Counters counters)
      : arena_(arena), records_(records), runs_(runs), counters_(counters) {}

  void message(const MessageRow& row, int number);
  int recordCount() const { return recordCount_; }
  int runCount() const { return runCount_; }

 private:
  struct Record {
    uint8_t* bytes;
    int length;
    uint8_t flags;
    bool newest;
  };

  void datagram(uint8_t* bytes, int length);
  void data(uint8_t* bytes, int length);
  bool take(uint32_t index);
  void opened(const Record& record);
  void packet(const Record& record);
  bool joins(const Record& record, const Inner& inner) const;
  void startRun(int kind, uint32_t sa, const Record& record);
  void addRecord(const Record& record);
  void reject(Counter why);

  Arena arena_;
  Table<RecordRow> records_;
  Table<RunRow> runs_;
  Counters counters_;
  RxHold hold_;
  uint32_t index_ = 0;
  int message_ = 0, recordCount_ = 0, runCount_ = 0;
  bool rejected_ = false;

  // the last record, when another may join it
  const uint8_t* last_ = nullptr;
  Inner lastInner_{};
};

}  // namespace gscip
