// Slots and paths under several threads, for ThreadSanitizer: one makes and frees SAs while two seal and open on them.
#include <stdio.h>

#include <atomic>
#include <thread>

#include "../../native/paths.h"
#include "../../native/slots.h"

using namespace gscip;

namespace {

constexpr int kRounds = 3000;
std::atomic<uint32_t> current{0};
std::atomic<bool> done{false};
// an index that was given back has reached the SA that came after it
std::atomic<bool> foreign{false};
int path;

void owner() {
  const uint8_t zeros[kKeySize] = {}, address[4] = {192, 0, 2, 1};
  for (int round = 0; round < kRounds; round++) {
    const uint32_t index = saReserve(static_cast<uint32_t>(round) << 19);
    saInstallTx(index, kSuiteAes256Gcm, zeros, zeros, index);
    saInstallRx(index, kSuiteAes256Gcm, zeros, zeros, round & 1 ? 8192 : 65536);
    pathSet(path, address, sizeof address, 1 + round, nullptr);
    saPath(index, path);
    current = index;
    std::this_thread::yield();
    double stats[8];
    saStats(index, stats);
    if (round & 2) saStopTx(index);
    saFree(index);
  }
  done = true;
}

void traffic() {
  uint8_t datagram[64];
  while (!done) {
    const uint32_t index = current;
    Path where;
    TxHold tx;
    if (tx.take(index) && tx.half().aead.loaded() && pathLoad(tx.half().path, where)) {
      if (tx.half().remote != index) foreign = true;
      tx.half().seal(0, datagram, 16, datagram);
    }
    tx.release();
    RxHold rx;
    bool newest;
    if (rx.take(index)) rx.half().open(datagram, 48, newest);
  }
}

}  // namespace

int main() {
  path = pathReserve();
  std::thread a(owner), b(traffic), c(traffic);
  a.join();
  b.join();
  c.join();
  if (foreign) puts("sealed for another SA");
  return 0;
}
