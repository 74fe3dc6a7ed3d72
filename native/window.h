// Replay window of one receive lane (RFC 6479, protocol.md 4.2): looked at before the open, marked after it.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

namespace gscip {

class ReplayWindow {
 public:
  enum Verdict { kFresh, kReplay, kOld };

  bool allocate(int bits) {
    words_ = static_cast<uint64_t*>(calloc(bits / 64, 8));
    mask_ = bits / 64 - 1;
    highest_ = 0;
    return words_ != nullptr;
  }

  void release() {
    free(words_);
    words_ = nullptr;
    mask_ = highest_ = 0;
  }

  uint64_t highest() const { return highest_; }

  Verdict check(uint64_t counter) const {
    if (counter > highest_) return kFresh;
    if (highest_ - counter > mask_ * 64) return kOld;
    return words_[(counter >> 6) & mask_] >> (counter & 63) & 1 ? kReplay : kFresh;
  }

  void mark(uint64_t counter) {
    if (counter > highest_) {
      clearBetween(highest_ >> 6, counter >> 6);
      highest_ = counter;
    }
    words_[(counter >> 6) & mask_] |= uint64_t{1} << (counter & 63);
  }

 private:
  void clearBetween(uint64_t from, uint64_t to) {
    if (to - from > mask_) {
      memset(words_, 0, (mask_ + 1) * 8);
      return;
    }
    for (uint64_t word = from + 1; word <= to; word++) words_[word & mask_] = 0;
  }

  uint64_t* words_ = nullptr;
  uint64_t mask_ = 0;
  uint64_t highest_ = 0;
};

}  // namespace gscip
