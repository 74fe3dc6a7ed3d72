// SA slots (protocol.md 5.4): keys, send counters and replay windows, eight lanes each, for the whole process.
// A thread that seals or opens holds the lane's lock for one direction, so that freeing waits for it.
#pragma once
#include <atomic>

#include "aead.h"
#include "lock.h"
#include "window.h"
#include "wire.h"

namespace gscip {

constexpr int kLanes = 8;
constexpr uint64_t kHardVolume = uint64_t{1} << 34;
constexpr uint64_t kMaxFailedOpens = uint64_t{1} << 36;

// Blocks and packets that one datagram adds to the volume of protocol.md 4.2.
inline uint64_t volumeOf(int length) { return (static_cast<uint64_t>(length) + 15) / 16 + 1; }

struct alignas(64) TxHalf {
  SpinLock lock;
  bool used;
  uint32_t remote;
  Aead aead;
  uint64_t counter, packets, bytes, volume;
  int path;

  bool exhausted(int length) const { return volume + volumeOf(length) > kHardVolume; }
  // Writes the data header, the ciphertext and the tag. False at the hard limit. A key must be loaded.
  bool seal(uint8_t flags, const uint8_t* plain, int length, uint8_t* out);
  void wipe();
};

struct alignas(64) RxHalf {
  enum Result { kOk, kNone, kReplayed, kOld, kForged };

  SpinLock lock;
  bool used;
  Aead aead;
  ReplayWindow window;
  uint64_t packets, bytes, volume, failed;

  // One data datagram of at least kOverhead bytes, in place. `newest`: its counter is above all before it.
  Result open(uint8_t* datagram, int length, bool& newest);
  void wipe();
};

struct Lane {
  TxHalf tx;
  RxHalf rx;
};
// two cache lines for each direction
static_assert(sizeof(Lane) == 256, "Lane");

// Holds one direction of a lane; empty after a failed take.
template <class Half, Half Lane::* kHalf>
class LaneHold {
 public:
  LaneHold() = default;
  ~LaneHold() { release(); }
  LaneHold(const LaneHold&) = delete;
  LaneHold& operator=(const LaneHold&) = delete;

  // False when no reserved slot has this index.
  bool take(uint32_t index);
  void release() {
    if (lane_) (lane_->*kHalf).lock.unlock();
    lane_ = nullptr;
  }
  bool holds(uint32_t index) const { return lane_ && index_ == index; }
  Half& half() { return lane_->*kHalf; }

 private:
  Lane* lane_ = nullptr;
  uint32_t index_ = 0;
};
using TxHold = LaneHold<TxHalf, &Lane::tx>;
using RxHold = LaneHold<RxHalf, &Lane::rx>;

uint32_t saReserve(uint32_t random);
bool saInstallRx(uint32_t index, int suite, const uint8_t* key, const uint8_t* iv, int windowBits);
bool saInstallTx(uint32_t index, int suite, const uint8_t* key, const uint8_t* iv, uint32_t remote);
bool saPath(uint32_t index, int path);
void saStopTx(uint32_t index);
void saFree(uint32_t base);
// Fills the eight values of SA_STATS.
bool saStats(uint32_t index, double* out);

}  // namespace gscip
