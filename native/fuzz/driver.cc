// Feeds the target from a seeded generator, where the compiler brings no fuzzer: driver SECONDS [SEED].
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

uint64_t state;

uint64_t next() {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// New bytes, or a few changes to those of the last round.
size_t mutate(uint8_t* bytes, size_t size, size_t most) {
  if (size == 0 || next() % 4 == 0) {
    size = 1 + next() % (next() % 8 ? 200 : most);
    for (size_t i = 0; i < size; i++) bytes[i] = static_cast<uint8_t>(next());
    return size;
  }
  for (uint64_t left = 1 + next() % 6; left; left--) bytes[next() % size] = static_cast<uint8_t>(next());
  return size;
}

}  // namespace

int main(int count, char** values) {
  const long seconds = count > 1 ? atol(values[1]) : 5;
  const uint64_t seed = count > 2 ? strtoull(values[2], nullptr, 10) : 1;
  state = seed * 0x9e3779b97f4a7c15 + 1;
  static uint8_t bytes[4000];
  size_t size = 0;
  uint64_t rounds = 0;
  for (const time_t end = time(nullptr) + seconds; time(nullptr) < end; rounds++) {
    size = mutate(bytes, size, sizeof bytes);
    LLVMFuzzerTestOneInput(bytes, size);
  }
  printf("%llu inputs from seed %llu\n", (unsigned long long)rounds, (unsigned long long)seed);
  return 0;
}
