#include "paths.h"

#include "lock.h"
#include "numbers.h"

namespace gscip {
namespace {

SpinLock lock;
Numbers numbers;
Path paths[Numbers::kLimit];
uint32_t versions;

}  // namespace

int pathReserve() {
  Held held(lock);
  const int number = numbers.take();
  paths[number] = Path{};
  return number;
}

bool pathSet(int number, const uint8_t* address, int addressLength, int port, const uint8_t* prefix) {
  if ((addressLength != 4 && addressLength != 16) || port < 1 || port > 65535) return false;
  Path path{};
  path.number = number;
  path.family = addressLength == 4 ? 4 : 6;
  memcpy(path.address, address, addressLength);
  path.port = static_cast<uint16_t>(port);
  if (prefix) {
    path.prefixLength = kPrefix;
    memcpy(path.prefix, prefix, kPrefix);
  }
  Held held(lock);
  if (!numbers.isTaken(number)) return false;
  path.version = ++versions;
  paths[number] = path;
  return true;
}

void pathFree(int number) {
  Held held(lock);
  if (!numbers.isTaken(number)) return;
  paths[number] = Path{};
  numbers.giveBack(number);
}

bool pathIsReserved(int number) {
  Held held(lock);
  return numbers.isTaken(number);
}

bool pathLoad(int number, Path& out) {
  if (number <= 0 || number >= Numbers::kLimit) return false;
  Held held(lock);
  out = paths[number];
  return out.family != 0;
}

}  // namespace gscip
