// The traffic suites of protocol.md 1.1 D7 over the libcrypto of the process. A keyed context takes 1.2 kB, a key 32 bytes: contexts
// stand in a table of places and are keyed when a key is used, so that a key that is not used takes no more than itself.
#pragma once
#include <stdint.h>

namespace gscip {

constexpr int kSuiteAes256Gcm = 1, kSuiteChaCha20Poly1305 = 2;
constexpr int kKeySize = 32, kIvSize = 12;
// Most contexts of the process. Keys with one place take turns in its context, at the price of keying it anew.
constexpr int kPlaces = 2048;

class Aead {
 public:
  enum Direction : uint8_t { kSeal, kOpen };

  // False for an unknown suite, or one that libcrypto does not have. `place`: below kPlaces.
  bool load(int suite, const uint8_t* key, const uint8_t* iv, Direction direction, int place);
  // Wipes the key, and the context where it is this key's.
  void release();
  bool loaded() const { return suite_ != 0; }

  // header: the 16 bytes of the data header, which are the AAD. Writes length bytes and the tag.
  bool seal(uint64_t counter, const uint8_t* header, const uint8_t* plain, int length, uint8_t* out);
  // In place; the tag lies behind the length bytes. On failure the bytes are undefined.
  bool open(uint64_t counter, const uint8_t* header, uint8_t* bytes, int length);

 private:
  friend class KeyedContext;
  void nonce(uint64_t counter, uint8_t* out) const;

  uint8_t key_[kKeySize] = {};
  uint8_t iv_[kIvSize] = {};
  uint8_t suite_ = 0;
  Direction direction_ = kSeal;
  uint16_t place_ = 0;
};

// Throws away what failed opens left in libcrypto's error queue, which node:crypto shares.
void clearAeadErrors();

}  // namespace gscip
