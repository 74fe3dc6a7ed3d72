// The keyed contexts of the addon over a libcrypto that only keeps books: prints one line for each rule that does not hold.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#include <new>

#include "../../native/aead.h"
#include "../../native/wire.h"

struct evp_cipher_st {
  int number;
};
struct evp_cipher_ctx_st {
  const EVP_CIPHER* cipher;
  uint8_t key;
};

namespace {

using namespace gscip;

const EVP_CIPHER kAes{1}, kChaCha{2};
int made, freed, keyed, reset;
bool hasMemory = true;

int alive() { return made - freed; }

}  // namespace

extern "C" {

const EVP_CIPHER* EVP_aes_256_gcm() { return &kAes; }
const EVP_CIPHER* EVP_chacha20_poly1305() { return &kChaCha; }

EVP_CIPHER_CTX* EVP_CIPHER_CTX_new() {
  if (!hasMemory) return nullptr;
  made++;
  return new evp_cipher_ctx_st{};
}
void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX* context) {
  if (context) freed++;
  delete context;
}
const EVP_CIPHER* EVP_CIPHER_CTX_get0_cipher(const EVP_CIPHER_CTX* context) { return context->cipher; }

int EVP_CipherInit_ex2(EVP_CIPHER_CTX* context, const EVP_CIPHER* cipher, const unsigned char* key,
                       const unsigned char*, int, const OSSL_PARAM*) {
  if (cipher) {
    if (context->cipher) reset++;
    context->cipher = cipher;
  }
  keyed++;
  context->key = key[0];
  return 1;
}
int EVP_EncryptInit_ex2(EVP_CIPHER_CTX*, const EVP_CIPHER*, const unsigned char*, const unsigned char*,
                        const OSSL_PARAM*) {
  return 1;
}
int EVP_DecryptInit_ex2(EVP_CIPHER_CTX*, const EVP_CIPHER*, const unsigned char*, const unsigned char*,
                        const OSSL_PARAM*) {
  return 1;
}
// What comes out says which key and which cipher it was.
int EVP_EncryptUpdate(EVP_CIPHER_CTX* context, unsigned char* out, int*, const unsigned char*, int length) {
  if (out && length) out[0] = static_cast<uint8_t>(context->key * 16 + context->cipher->number);
  return 1;
}
int EVP_DecryptUpdate(EVP_CIPHER_CTX* context, unsigned char* out, int* n, const unsigned char* in, int length) {
  return EVP_EncryptUpdate(context, out, n, in, length);
}
int EVP_EncryptFinal_ex(EVP_CIPHER_CTX*, unsigned char*, int*) { return 1; }
int EVP_DecryptFinal_ex(EVP_CIPHER_CTX*, unsigned char*, int*) { return 1; }
int EVP_CIPHER_CTX_get_params(EVP_CIPHER_CTX*, OSSL_PARAM*) { return 1; }
OSSL_PARAM OSSL_PARAM_construct_octet_string(const char*, void*, size_t) { return OSSL_PARAM{}; }
OSSL_PARAM OSSL_PARAM_construct_end() { return OSSL_PARAM{}; }
void ERR_clear_error() {}

}  // extern "C"

namespace {

void expect(bool holds, const char* what) {
  if (!holds) puts(what);
}

// A key whose bytes are all `number`, at a place.
struct Key {
  Aead aead;
  Key(uint8_t number, int place, int suite = kSuiteAes256Gcm, Aead::Direction direction = Aead::kSeal) {
    uint8_t key[kKeySize], iv[kIvSize] = {};
    memset(key, number, sizeof key);
    aead.load(suite, key, iv, direction, place);
  }
  // Key and cipher that a datagram was sealed with; 0 when it was not.
  int seal() {
    const uint8_t header[data_header::kSize] = {}, plain[1] = {};
    uint8_t out[1 + kTag] = {};
    return aead.seal(0, header, plain, 1, out) ? out[0] : 0;
  }
  int open() {
    const uint8_t header[data_header::kSize] = {};
    uint8_t bytes[1 + kTag] = {};
    return aead.open(0, header, bytes, 1) ? bytes[0] : 0;
  }
};

void firstUse() {
  Key one(3, 0);
  expect(alive() == 0, "a key that was not used has no context");
  const int before = keyed;
  expect(one.seal() == 0x31 && one.seal() == 0x31, "first use: sealed with the key");
  expect(alive() == 1 && keyed == before + 1, "first use: one context, keyed once");
  Key other(4, 1, kSuiteAes256Gcm, Aead::kOpen);
  expect(other.open() == 0x41 && alive() == 2, "a key at another place has a context of its own");
  one.aead.release();
  other.aead.release();
  expect(alive() == 0, "first use: contexts are freed with their keys");
}

void turns() {
  Key one(5, 7), other(6, 7), third(7, 7, kSuiteChaCha20Poly1305);
  expect(one.seal() == 0x51 && other.seal() == 0x61 && one.seal() == 0x51, "turns: each seals with its own key");
  expect(alive() == 1 && reset == 0, "turns: one context, whose key is written over");
  expect(third.seal() == 0x72 && reset == 1, "turns: another suite is another cipher");
  expect(one.seal() == 0x51 && reset == 2, "turns: and back");
  const int before = keyed;
  other.aead.release();
  expect(alive() == 1 && one.seal() == 0x51 && keyed == before, "turns: a key that goes leaves the others' context alone");
  one.aead.release();
  expect(alive() == 0, "turns: the context goes with the key that it has");
  expect(third.seal() == 0x72, "turns: the next use makes it anew");
  third.aead.release();
  expect(alive() == 0, "turns: nothing is left");
}

void manyKeys() {
  static Key* keys[2 * kPlaces];
  for (int at = 0; at < 2 * kPlaces; at++) {
    const uint8_t number = static_cast<uint8_t>(1 + at % 15);
    keys[at] = new Key(number, at % kPlaces);
    if (keys[at]->seal() != number * 16 + 1) puts("many: a wrong key");
  }
  expect(alive() == kPlaces, "many: no more contexts than places");
  for (Key* key : keys) {
    key->aead.release();
    delete key;
  }
  expect(alive() == 0, "many: nothing is left");
}

void memory() {
  Key key(9, 3);
  hasMemory = false;
  expect(key.seal() == 0 && key.open() == 0, "without memory nothing is sealed or opened");
  hasMemory = true;
  expect(key.seal() == 0x91, "with memory again it is");
  key.aead.release();
  expect(!key.aead.loaded(), "a released key is not loaded");
  const auto* bytes = reinterpret_cast<const uint8_t*>(&key.aead);
  bool isLeft = false;
  for (size_t at = 0; at < sizeof key.aead; at++) isLeft |= bytes[at] == 9;
  expect(!isLeft, "a released key is wiped");
}

}  // namespace

int main() {
  firstUse();
  turns();
  manyKeys();
  memory();
  return 0;
}
