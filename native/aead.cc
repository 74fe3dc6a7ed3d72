#include "aead.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "lock.h"
#include "wire.h"

namespace gscip {
namespace {

struct Place {
  SpinLock lock;
  // what the context is made for
  uint8_t suite;
  // whose key it has now
  const Aead* owner;
  EVP_CIPHER_CTX* context;
};

Place places[kPlaces];

const EVP_CIPHER* cipherOf(int suite) {
  if (suite == kSuiteAes256Gcm) return EVP_aes_256_gcm();
  if (suite == kSuiteChaCha20Poly1305) return EVP_chacha20_poly1305();
  return nullptr;
}

// Not every build of libcrypto has both. Asked once of each.
bool isThere(int suite) {
  enum : int { kUnknown, kThere, kMissing };
  static std::atomic<int> said[kSuiteChaCha20Poly1305 + 1];
  const EVP_CIPHER* cipher = cipherOf(suite);
  if (!cipher) return false;
  if (said[suite] == kUnknown) {
    const uint8_t zeros[kKeySize] = {};
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    said[suite] = context && EVP_CipherInit_ex2(context, cipher, zeros, nullptr, 1, nullptr) == 1 ? kThere : kMissing;
    EVP_CIPHER_CTX_free(context);
  }
  return said[suite] == kThere;
}

// Parameters instead of EVP_CIPHER_CTX_ctrl, and the _ex2 calls: 15 ns less for each datagram.
OSSL_PARAM tagAt(uint8_t* bytes) { return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, bytes, kTag); }

}  // namespace

// The context at a key's place, keyed with it, and nobody else's while this lives.
class KeyedContext {
 public:
  explicit KeyedContext(const Aead& key) : place_(places[key.place_]), held_(place_.lock) {
    if (place_.owner != &key) take(key);
  }
  // Null when libcrypto has no memory for it.
  EVP_CIPHER_CTX* get() const { return place_.owner ? place_.context : nullptr; }

  // Frees with cleansing: libcrypto keeps the key schedule in memory that it wipes.
  static void drop(const Aead& key) {
    Place& place = places[key.place_];
    Held held(place.lock);
    if (place.owner != &key) return;
    EVP_CIPHER_CTX_free(place.context);
    place.context = nullptr;
    place.owner = nullptr;
  }

 private:
  void take(const Aead& key) {
    place_.owner = nullptr;
    if (!place_.context && !(place_.context = EVP_CIPHER_CTX_new())) return;
    // With the same cipher the new key schedule is written over the former one; any other one frees that, wiped.
    const bool isSame = place_.suite == key.suite_ && EVP_CIPHER_CTX_get0_cipher(place_.context);
    const EVP_CIPHER* cipher = isSame ? nullptr : cipherOf(key.suite_);
    place_.suite = key.suite_;
    if (EVP_CipherInit_ex2(place_.context, cipher, key.key_, nullptr, key.direction_ == Aead::kSeal, nullptr) == 1)
      place_.owner = &key;
  }

  Place& place_;
  Held held_;
};

bool Aead::load(int suite, const uint8_t* key, const uint8_t* iv, Direction direction, int place) {
  if (!isThere(suite)) return false;
  memcpy(key_, key, kKeySize);
  memcpy(iv_, iv, kIvSize);
  suite_ = static_cast<uint8_t>(suite);
  direction_ = direction;
  place_ = static_cast<uint16_t>(place);
  return true;
}

void Aead::release() {
  if (loaded()) KeyedContext::drop(*this);
  explicit_bzero(key_, sizeof key_);
  explicit_bzero(iv_, sizeof iv_);
  suite_ = 0;
}

void Aead::nonce(uint64_t counter, uint8_t* out) const {
  memcpy(out, iv_, kIvSize);
  store64le(out + 4, load64le(out + 4) ^ counter);
}

bool Aead::seal(uint64_t counter, const uint8_t* header, const uint8_t* plain, int length, uint8_t* out) {
  const KeyedContext keyed(*this);
  EVP_CIPHER_CTX* context = keyed.get();
  uint8_t iv[kIvSize];
  nonce(counter, iv);
  int n;
  OSSL_PARAM tag[] = {tagAt(out + length), OSSL_PARAM_construct_end()};
  return context && EVP_EncryptInit_ex2(context, nullptr, nullptr, iv, nullptr) == 1 &&
         EVP_EncryptUpdate(context, nullptr, &n, header, data_header::kSize) == 1 &&
         EVP_EncryptUpdate(context, out, &n, plain, length) == 1 &&
         EVP_EncryptFinal_ex(context, out + length, &n) == 1 && EVP_CIPHER_CTX_get_params(context, tag) == 1;
}

bool Aead::open(uint64_t counter, const uint8_t* header, uint8_t* bytes, int length) {
  const KeyedContext keyed(*this);
  EVP_CIPHER_CTX* context = keyed.get();
  uint8_t iv[kIvSize];
  nonce(counter, iv);
  int n;
  const OSSL_PARAM tag[] = {tagAt(bytes + length), OSSL_PARAM_construct_end()};
  return context && EVP_DecryptInit_ex2(context, nullptr, nullptr, iv, tag) == 1 &&
         EVP_DecryptUpdate(context, nullptr, &n, header, data_header::kSize) == 1 &&
         EVP_DecryptUpdate(context, bytes, &n, bytes, length) == 1 &&
         EVP_DecryptFinal_ex(context, bytes + length, &n) == 1;
}

void clearAeadErrors() { ERR_clear_error(); }

}  // namespace gscip
