// The replay window of the addon beside a plain set, over counters that come in order, late, doubled, and far ahead.
#include "../../native/window.h"

#include <stdio.h>

#include <random>
#include <set>

namespace {

using gscip::ReplayWindow;

// What is said of a counter, and whether the plain set says the same.
class Pair {
 public:
  explicit Pair(int bits) : most_(bits - 64) { window_.allocate(bits); }
  ~Pair() { window_.release(); }

  bool take(uint64_t counter) {
    const ReplayWindow::Verdict said = window_.check(counter);
    if (said == ReplayWindow::kFresh && !window_.mark(counter)) return false;
    return said == expected(counter);
  }

  uint64_t highest() const { return highest_; }

 private:
  ReplayWindow::Verdict expected(uint64_t counter) {
    if (counter <= highest_ && highest_ - counter > most_) return ReplayWindow::kOld;
    if (!seen_.insert(counter).second) return ReplayWindow::kReplay;
    if (counter > highest_) highest_ = counter;
    seen_.erase(seen_.begin(), seen_.lower_bound(highest_ > most_ ? highest_ - most_ : 0));
    return ReplayWindow::kFresh;
  }

  ReplayWindow window_;
  std::set<uint64_t> seen_;
  const uint64_t most_;
  uint64_t highest_ = 0;
};

// `ahead`: how far it may jump, in counters.
bool agrees(int bits, uint64_t ahead, unsigned seed) {
  std::mt19937_64 random(seed);
  Pair pair(bits);
  for (int step = 0; step < 40'000; step++) {
    const uint64_t back = random() % (bits * 5 / 4), forward = 1 + random() % ahead, kind = random() % 8;
    const uint64_t counter = kind < 5 ? pair.highest() + forward : pair.highest() < back ? 0 : pair.highest() - back;
    if (pair.take(counter)) continue;
    printf("%d bits, up to %llu ahead, seed %u: counter %llu\n", bits, static_cast<unsigned long long>(ahead), seed,
           static_cast<unsigned long long>(counter));
    return false;
  }
  return true;
}

}  // namespace

int main() {
  for (int bits : {8192, 65536})
    for (uint64_t ahead : {1, 3, 100, 2'000, 200'000})
      for (unsigned seed = 1; seed <= 2; seed++)
        if (!agrees(bits, ahead, seed)) return 1;
}
