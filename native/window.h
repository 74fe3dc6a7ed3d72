// Replay window of one receive lane (RFC 6479, protocol.md 4.2): looked at before the open, marked after it.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

namespace gscip {

class ReplayWindow {
 public:
  enum Verdict { kFresh, kReplay, kOld };

  // `bits` is what it covers in the end. Memory comes with the counters: an SA that carries little takes little.
  bool allocate(int bits) {
    most_ = bits / 64;
    highest_ = 0;
    return grow(kFirst < most_ ? kFirst : most_);
  }

  void release() {
    free(words_);
    words_ = nullptr;
    mask_ = most_ = highest_ = 0;
  }

  uint64_t highest() const { return highest_; }

  Verdict check(uint64_t counter) const {
    if (counter > highest_) return kFresh;
    if (highest_ - counter > (most_ - 1) * 64) return kOld;
    return words_[(counter >> 6) & mask_] >> (counter & 63) & 1 ? kReplay : kFresh;
  }

  // False where there is no memory to remember it: then it must not be taken.
  bool mark(uint64_t counter) {
    if (counter > highest_) {
      if (!covers(counter >> 6)) return false;
      clearBetween(highest_ >> 6, counter >> 6);
      highest_ = counter;
    }
    words_[(counter >> 6) & mask_] |= uint64_t{1} << (counter & 63);
    return true;
  }

 private:
  // 1,024 counters
  static constexpr uint64_t kFirst = 16;

  // Until all of it is there, every word has a place of its own, and none is used twice.
  bool covers(uint64_t word) {
    uint64_t count = mask_ + 1;
    if (word < count || count == most_) return true;
    while (count <= word && count < most_) count *= 2;
    return grow(count);
  }

  bool grow(uint64_t count) {
    void* memory = realloc(words_, count * 8);
    if (!memory) return false;
    const uint64_t before = words_ ? mask_ + 1 : 0;
    words_ = static_cast<uint64_t*>(memory);
    memset(words_ + before, 0, (count - before) * 8);
    mask_ = count - 1;
    return true;
  }

  void clearBetween(uint64_t from, uint64_t to) {
    if (to - from > mask_) {
      memset(words_, 0, (mask_ + 1) * 8);
      return;
    }
    for (uint64_t word = from + 1; word <= to; word++) words_[word & mask_] = 0;
  }

  uint64_t* words_ = nullptr;
  uint64_t mask_ = 0;
  uint64_t most_ = 0;
  uint64_t highest_ = 0;
};

}  // namespace gscip
