// Limits of a lane that no test could reach by sending: prints one line for each rule that does not hold.
#include <stdio.h>

#include "../../native/slots.h"

using namespace gscip;

namespace {

void expect(bool holds, const char* what) {
  if (!holds) puts(what);
}

uint32_t lane() {
  const uint8_t zeros[kKeySize] = {};
  const uint32_t index = saReserve(0);
  saInstallTx(index, kSuiteAes256Gcm, zeros, zeros, index);
  saInstallRx(index, kSuiteAes256Gcm, zeros, zeros, 8192);
  return index;
}

// The hard volume: 2^34 blocks and packets.
void volume() {
  const uint32_t index = lane();
  TxHold hold;
  hold.take(index);
  TxHalf& tx = hold.half();
  uint8_t plain[32] = {}, out[64];
  tx.volume = kHardVolume - 3;
  expect(tx.seal(0, plain, 32, out), "volume: the last packet that fits is sealed");
  expect(tx.volume == kHardVolume, "volume: 32 bytes are two blocks and one packet");
  const uint64_t counter = tx.counter;
  expect(!tx.seal(0, plain, 0, out), "volume: nothing is sealed at the limit");
  expect(tx.counter == counter, "volume: a refused packet uses no counter");
  tx.volume = kHardVolume - 1;
  expect(!tx.seal(0, plain, 1, out), "volume: a packet that would pass the limit is refused");
  expect(tx.seal(0, plain, 0, out), "volume: an empty one still fits");
}

// 2^36 failed opens.
void failures() {
  const uint32_t index = lane();
  uint8_t good[kOverhead], bad[kOverhead];
  {
    TxHold hold;
    hold.take(index);
    hold.half().seal(0, nullptr, 0, good);
  }
  memcpy(bad, good, sizeof bad);
  bad[kOverhead - 1] ^= 1;
  RxHold hold;
  hold.take(index);
  RxHalf& rx = hold.half();
  bool newest;
  rx.failed = kMaxFailedOpens - 1;
  expect(rx.open(bad, sizeof bad, newest) == RxHalf::kForged, "failures: the last one is looked at");
  expect(rx.open(good, sizeof good, newest) == RxHalf::kNone, "failures: then the lane is closed");
}

// The far end of the counter space.
void counters() {
  const uint32_t index = lane();
  RxHold hold;
  hold.take(index);
  RxHalf& rx = hold.half();
  uint8_t datagram[kOverhead];
  bool newest = false;
  const uint64_t end = ~uint64_t{0};
  const auto arrives = [&](uint64_t counter) {
    memset(datagram, 0xa5, sizeof datagram);
    store64le(datagram + data_header::kCounter, counter);
    return rx.open(datagram, sizeof datagram, newest);
  };
  expect(arrives(0) == RxHalf::kOk && newest, "counters: the first one is the newest");
  expect(arrives(end) == RxHalf::kOk && newest, "counters: the last one is taken");
  expect(arrives(end) == RxHalf::kReplayed, "counters: and not twice");
  expect(arrives(0) == RxHalf::kOld, "counters: nothing wraps");
  expect(arrives(end - 8128) == RxHalf::kOk && !newest, "counters: the oldest of the window is taken");
  expect(arrives(end - 8129) == RxHalf::kOld, "counters: the one before is not");
}

}  // namespace

int main() {
  volume();
  failures();
  counters();
  return 0;
}
