// What the targets share: the mutated bytes, and what must hold.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <vector>

#define REQUIRE(condition)                                                \
  do {                                                                    \
    if (!(condition)) {                                                   \
      fprintf(stderr, "line %d: does not hold: %s\n", __LINE__, #condition); \
      abort();                                                            \
    }                                                                     \
  } while (false)

using Bytes = std::vector<uint8_t>;

// The mutated bytes, read as numbers from the front.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  uint8_t byte() { return at_ < end_ ? *at_++ : 0; }
  int number() { return byte() << 8 | byte(); }
  int32_t word() { return static_cast<int32_t>(static_cast<uint32_t>(number()) << 16 | number()); }
  Bytes take(size_t most) {
    const size_t left = end_ - at_, size = left < most ? left : most;
    Bytes out(at_, at_ + size);
    at_ += size;
    return out;
  }
  bool empty() const { return at_ == end_; }

 private:
  const uint8_t *at_, *end_;
};

// relay-target.cc
void fuzzRelay(Input& input);
