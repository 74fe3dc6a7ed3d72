// A cipher that hides nothing, so that mutated input gets past it: the tag is sixteen times one byte.
#include <string.h>

#include "../aead.h"
#include "../wire.h"

namespace gscip {
namespace {

constexpr uint8_t kStubTag = 0xa5;

}  // namespace

bool Aead::load(int suite, const uint8_t* key, const uint8_t* iv, Direction, int) {
  if (suite != kSuiteAes256Gcm && suite != kSuiteChaCha20Poly1305) return false;
  suite_ = static_cast<uint8_t>(suite);
  memcpy(key_, key, kKeySize);
  memcpy(iv_, iv, kIvSize);
  return true;
}

void Aead::release() { suite_ = 0; }

bool Aead::seal(uint64_t, const uint8_t*, const uint8_t* plain, int length, uint8_t* out) {
  if (length) memcpy(out, plain, length);
  memset(out + length, kStubTag, kTag);
  return true;
}

bool Aead::open(uint64_t, const uint8_t*, uint8_t* bytes, int length) {
  for (int i = 0; i < kTag; i++)
    if (bytes[length + i] != kStubTag) return false;
  return true;
}

void clearAeadErrors() {}

}  // namespace gscip
