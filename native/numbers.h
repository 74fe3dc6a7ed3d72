// Hands out the slot numbers 1 to 65,535, the lowest free one first. The caller holds the lock.
#pragma once
#include <stdint.h>

namespace gscip {

class Numbers {
 public:
  static constexpr int kLimit = 1 << 16;

  // 0 when all are taken.
  int take() {
    while (lowest_ < kLimit && taken_[lowest_]) lowest_++;
    if (lowest_ == kLimit) return 0;
    taken_[lowest_] = true;
    return lowest_++;
  }

  void giveBack(int number) {
    taken_[number] = false;
    if (number < lowest_) lowest_ = number;
  }

  bool isTaken(int number) const { return number > 0 && number < kLimit && taken_[number]; }

 private:
  bool taken_[kLimit] = {};
  int lowest_ = 1;
};

}  // namespace gscip
