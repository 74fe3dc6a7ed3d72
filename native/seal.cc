#include "seal.h"

namespace gscip {

int sealOne(uint32_t index, const uint8_t* plain, int length, int flags, Arena out, Counters counters) {
  TxHold hold;
  const int size = length + kOverhead;
  if ((flags & ~data_header::kPartial) || !out.holds(0, size) || !hold.take(index)) return 0;
  TxHalf& tx = hold.half();
  if (!tx.aead.loaded()) return 0;
  if (tx.exhausted(length)) {
    counters.add(kCounterExhausted);
    return 0;
  }
  if (!tx.seal(static_cast<uint8_t>(flags), plain, length, out.bytes)) return 0;
  counters.add(kSealed);
  return size;
}

}  // namespace gscip
