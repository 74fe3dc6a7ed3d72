#include "open.h"

namespace gscip {

void Opener::message(const MessageRow& row, int number) {
  last_ = nullptr;
  message_ = number;
  if (!arena_.holds(row.offset, row.length) || row.length == 0) return reject(kShort);
  uint8_t* first = arena_.bytes + row.offset;
  uint8_t* end = first + row.length;
  const int segment = row.segment > 0 && row.segment < row.length ? row.segment : row.length;
  const int strip = row.prefix == kPrefix ? kPrefix : 0;
  uint64_t prefix = 0;
  if (strip && segment >= kPrefix) prefix = load64le(first);
  for (uint8_t* at = first; at < end; at += segment) {
    const int length = end - at < segment ? static_cast<int>(end - at) : segment;
    if (length <= strip) {
      reject(kShort);
    } else if (strip && load64le(at) != prefix) {
      // A run may mix frames of several channels of one relay; the caller looks at the others one by one.
      startRun(kRunRaw, 0, Record{at, length, 0, false});
    } else {
      datagram(at + strip, length - strip);
    }
  }
}

void Opener::datagram(uint8_t* bytes, int length) {
  if (bytes[0] != data_header::kType) return startRun(kRunRaw, 0, Record{bytes, length, 0, false});
  if (length < kOverhead) return reject(kShort);
  data(bytes, length);
}

void Opener::data(uint8_t* bytes, int length) {
  const uint8_t flags = bytes[data_header::kFlags];
  if ((flags & ~data_header::kPartial) || load16(bytes + data_header::kZero) != 0) return reject(kBadFlags);
  if (recordCount_ == records_.capacity || runCount_ == runs_.capacity) return reject(kBadGso);
  if (!take(load32(bytes + data_header::kIndex))) return reject(kUnknownIndex);
  Record record{bytes + data_header::kSize, length - kOverhead, flags, false};
  switch (hold_.half().open(bytes, length, record.newest)) {
    case RxHalf::kNone:
      return reject(kNoKey);
    case RxHalf::kReplayed:
      return reject(kReplayed);
    case RxHalf::kOld:
      return reject(kTooOld);
    case RxHalf::kForged:
      clearAeadErrors();
      return reject(kAuthFailed);
    case RxHalf::kOk:
      counters_.add(kOpened);
      opened(record);
  }
}

bool Opener::take(uint32_t index) {
  if (!hold_.holds(index) && !hold_.take(index)) return false;
  index_ = index;
  return true;
}

void Opener::opened(const Record& record) {
  const int version = record.length > 0 ? record.bytes[0] >> 4 : 0;
  if (version == 4 || version == 6) return packet(record);
  if (record.flags) return reject(kBadFlags);
  startRun(record.length == 0 ? kRunEmpty : kRunControl, index_, record);
}

void Opener::packet(const Record& record) {
  Inner inner;
  if (!parseInner(record.bytes, record.length, inner)) return reject(kBadInnerHeader);
  if (record.flags && !inner.mayBePartial()) return reject(kBadFlags);
  if (!record.flags && inner.mayBePartial() && !checksumHolds(record.bytes, record.length, inner))
    return reject(kBadInnerChecksum);
  if (joins(record, inner))
    addRecord(record);
  else
    startRun(kRunPackets, index_, record);
  last_ = inner.isWhole() ? record.bytes : nullptr;
  lastInner_ = inner;
}

bool Opener::joins(const Record& record, const Inner& inner) const {
  return last_ && inner.isWhole() && static_cast<uint32_t>(runs_.rows[runCount_ - 1].sa) == index_ &&
         sameFlow(last_, lastInner_, record.bytes, inner);
}

void Opener::startRun(int kind, uint32_t sa, const Record& record) {
  if (recordCount_ == records_.capacity || runCount_ == runs_.capacity) return reject(kBadGso);
  last_ = nullptr;
  RunRow& run = runs_.rows[runCount_++];
  run = RunRow{};
  run.firstRecord = recordCount_;
  run.kind = kind;
  run.sa = static_cast<int32_t>(sa);
  run.message = message_;
  run.broken = rejected_;
  rejected_ = false;
  addRecord(record);
}

void Opener::addRecord(const Record& record) {
  RunRow& run = runs_.rows[runCount_ - 1];
  const int32_t offset = static_cast<int32_t>(record.bytes - arena_.bytes);
  records_.rows[recordCount_++] = RecordRow{offset, record.length, record.flags, message_};
  run.count++;
  run.bytes += record.length;
  run.newest |= record.newest;
}

void Opener::reject(Counter why) {
  counters_.add(why);
  rejected_ = true;
  last_ = nullptr;
}

}  // namespace gscip
