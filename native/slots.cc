#include "slots.h"

#include <new>

#include "numbers.h"
#include "paths.h"

namespace gscip {
namespace {

constexpr uint32_t kLaneMask = 7, kRandomMask = 0xfff80000;

struct Slot {
  // 0 while nobody has it
  std::atomic<uint32_t> base;
  // each made when it is first needed, and kept like the slot
  std::atomic<Lane*> lanes[kLanes];
};

// Stands for every lane that was never needed: it has no key.
Lane noLane;

// A slot's memory stays when it is given back: a thread may still look at it, and sees that the index is another.
std::atomic<Slot*> slots[Numbers::kLimit];
SpinLock lock;
Numbers numbers;

int numberOf(uint32_t index) { return index >> 3 & 0xffff; }

// Numbers are handed out from the lowest, so that keys share places only where there are more of them than places.
int placeOf(uint32_t index, Aead::Direction direction) {
  const uint32_t lane = index & kLaneMask;
  return static_cast<int>((static_cast<uint32_t>(numberOf(index)) * 2 + direction + lane * (kPlaces / kLanes)) % kPlaces);
}

Slot* slotOf(uint32_t index) {
  Slot* slot = slots[numberOf(index)].load(std::memory_order_acquire);
  return slot && slot->base.load(std::memory_order_acquire) == (index & ~kLaneMask) ? slot : nullptr;
}

// What is there, or a new one. The caller holds `lock`.
template <class T>
T* made(std::atomic<T*>& place) {
  T* there = place.load(std::memory_order_relaxed);
  if (there) return there;
  void* memory = aligned_alloc(alignof(T) < sizeof(void*) ? sizeof(void*) : alignof(T), sizeof(T));
  if (!memory) return nullptr;
  there = new (memory) T();
  place.store(there, std::memory_order_release);
  return there;
}

// Makes the lane of an index; false without memory, or when no reserved slot has this index.
bool makeLane(uint32_t index) {
  Held held(lock);
  Slot* slot = slotOf(index);
  return slot && made(slot->lanes[index & kLaneMask]);
}

}  // namespace

bool TxHalf::seal(uint8_t flags, const uint8_t* plain, int length, uint8_t* out) {
  if (exhausted(length)) return false;
  out[0] = data_header::kType;
  out[data_header::kFlags] = flags;
  store16(out + data_header::kZero, 0);
  store32(out + data_header::kIndex, remote);
  store64le(out + data_header::kCounter, counter);
  // The counter moves even if sealing failed half-way: a nonce is never used twice.
  const uint64_t nonce = counter++;
  packets++;
  bytes += length;
  volume += volumeOf(length);
  return aead.seal(nonce, out, plain, length, out + data_header::kSize);
}

void TxHalf::wipe() { aead.release(); }

RxHalf::Result RxHalf::open(uint8_t* datagram, int length, bool& newest) {
  if (!aead.loaded() || failed >= kMaxFailedOpens) return kNone;
  const uint64_t counter = load64le(datagram + data_header::kCounter);
  const ReplayWindow::Verdict verdict = window.check(counter);
  if (verdict != ReplayWindow::kFresh) return verdict == ReplayWindow::kOld ? kOld : kReplayed;
  const int inner = length - kOverhead;
  if (!aead.open(counter, datagram, datagram + data_header::kSize, inner)) {
    failed++;
    return kForged;
  }
  newest = packets == 0 || counter > window.highest();
  if (!window.mark(counter)) return kOld;
  packets++;
  bytes += inner;
  volume += volumeOf(inner);
  return kOk;
}

void RxHalf::wipe() {
  aead.release();
  window.release();
}

template <class Half, Half Lane::* kHalf>
bool LaneHold<Half, kHalf>::take(uint32_t index) {
  release();
  Slot* slot = slotOf(index);
  if (!slot) return false;
  Lane* lane = slot->lanes[index & kLaneMask].load(std::memory_order_acquire);
  if (!lane) lane = &noLane;
  (lane->*kHalf).lock.lock();
  lane_ = lane;
  index_ = index;
  // It may have been freed before the lock was ours.
  if (slotOf(index) == slot) return true;
  release();
  return false;
}
template class LaneHold<TxHalf, &Lane::tx>;
template class LaneHold<RxHalf, &Lane::rx>;

uint32_t saReserve(uint32_t random) {
  Held held(lock);
  const int number = numbers.take();
  if (!number) return 0;
  Slot* slot = made(slots[number]);
  if (!slot) {
    numbers.giveBack(number);
    return 0;
  }
  const uint32_t base = (random & kRandomMask) | static_cast<uint32_t>(number) << 3;
  slot->base.store(base, std::memory_order_release);
  return base;
}

bool saInstallRx(uint32_t index, int suite, const uint8_t* key, const uint8_t* iv, int windowBits) {
  RxHold hold;
  if ((windowBits != 8192 && windowBits != 65536) || !makeLane(index) || !hold.take(index)) return false;
  RxHalf& rx = hold.half();
  if (rx.used || !rx.aead.load(suite, key, iv, Aead::kOpen, placeOf(index, Aead::kOpen))) return false;
  if (!rx.window.allocate(windowBits)) {
    rx.aead.release();
    return false;
  }
  rx.used = true;
  return true;
}

bool saInstallTx(uint32_t index, int suite, const uint8_t* key, const uint8_t* iv, uint32_t remote) {
  TxHold hold;
  if (!makeLane(index) || !hold.take(index)) return false;
  TxHalf& tx = hold.half();
  if (tx.used || !tx.aead.load(suite, key, iv, Aead::kSeal, placeOf(index, Aead::kSeal))) return false;
  tx.used = true;
  tx.remote = remote;
  return true;
}

bool saPath(uint32_t index, int path) {
  TxHold hold;
  if (!pathIsReserved(path) || !makeLane(index) || !hold.take(index)) return false;
  hold.half().path = path;
  return true;
}

void saStopTx(uint32_t index) {
  TxHold hold;
  if (hold.take(index)) hold.half().wipe();
}

void saFree(uint32_t base) {
  Held held(lock);
  Slot* slot = slotOf(base);
  if (!slot || !numbers.isTaken(numberOf(base)) || (base & kLaneMask)) return;
  slot->base.store(0, std::memory_order_release);
  for (std::atomic<Lane*>& place : slot->lanes) {
    if (!place.load(std::memory_order_relaxed)) continue;
    Lane& lane = *place.load(std::memory_order_relaxed);
    Held tx(lane.tx.lock);
    Held rx(lane.rx.lock);
    lane.tx.wipe();
    lane.rx.wipe();
    lane.tx.used = lane.rx.used = false;
    lane.tx.counter = lane.tx.packets = lane.tx.bytes = lane.tx.volume = 0;
    lane.rx.packets = lane.rx.bytes = lane.rx.volume = lane.rx.failed = 0;
    lane.tx.path = 0;
  }
  numbers.giveBack(numberOf(base));
}

bool saStats(uint32_t index, double* out) {
  TxHold txHold;
  RxHold rxHold;
  if (!txHold.take(index) || !rxHold.take(index)) return false;
  const TxHalf& tx = txHold.half();
  const RxHalf& rx = rxHold.half();
  if (!tx.used && !rx.used) return false;
  const uint64_t values[] = {tx.packets, tx.bytes, tx.volume, rx.packets,
                             rx.bytes,   rx.failed, rx.volume, rx.window.highest()};
  for (int i = 0; i < 8; i++) out[i] = static_cast<double>(values[i]);
  return true;
}

}  // namespace gscip
