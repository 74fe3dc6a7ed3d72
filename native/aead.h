// The traffic suites of protocol.md 1.1 D7 over the libcrypto of the process, with one keyed context per key.
#pragma once
#include <stdint.h>

struct evp_cipher_ctx_st;

namespace gscip {

constexpr int kSuiteAes256Gcm = 1, kSuiteChaCha20Poly1305 = 2;
constexpr int kKeySize = 32, kIvSize = 12;

class Aead {
 public:
  enum Direction { kSeal, kOpen };

  // False for an unknown suite or when libcrypto refuses.
  bool load(int suite, const uint8_t* key, const uint8_t* iv, Direction direction);
  // Wipes the key.
  void release();
  bool loaded() const { return context_ != nullptr; }

  // header: the 16 bytes of the data header, which are the AAD. Writes length bytes and the tag.
  bool seal(uint64_t counter, const uint8_t* header, const uint8_t* plain, int length, uint8_t* out);
  // In place; the tag lies behind the length bytes. On failure the bytes are undefined.
  bool open(uint64_t counter, const uint8_t* header, uint8_t* bytes, int length);

 private:
  void nonce(uint64_t counter, uint8_t* out) const;

  evp_cipher_ctx_st* context_ = nullptr;
  uint8_t iv_[kIvSize] = {};
};

// Throws away what failed opens left in libcrypto's error queue, which node:crypto shares.
void clearAeadErrors();

}  // namespace gscip
