// SHA-256 by libcrypto's plain functions: a short hash by way of EVP takes three times as long, most of it to look SHA-256 up.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "handshake.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <string.h>

namespace gscip {
namespace {

constexpr int kTagSize = 16;

int typeOf(Curve curve) { return curve == Curve::kX25519 ? EVP_PKEY_X25519 : EVP_PKEY_ED25519; }

// A key or context that is freed (and by libcrypto wiped) at the end of its block.
template <class T, void (*Free)(T*)>
class Owned {
 public:
  explicit Owned(T* value) : value_(value) {}
  ~Owned() { Free(value_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  T* get() const { return value_; }
  explicit operator bool() const { return value_ != nullptr; }

 private:
  T* value_;
};

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

// What fails here is a peer's doing: it must not stay in the error queue, which node:crypto shares.
bool settled(bool good) {
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace

bool publicKeyOf(Curve curve, const uint8_t* secret, uint8_t* out) {
  Key key(EVP_PKEY_new_raw_private_key(typeOf(curve), nullptr, secret, kCurveKeySize));
  size_t length = kCurveKeySize;
  return settled(key && EVP_PKEY_get_raw_public_key(key.get(), out, &length) == 1);
}

namespace {

// An X25519 key that can only agree. libcrypto works out the public key of a bare private one, which costs as much as
// the agreement itself and is of no use in it: any 32 bytes in its place save that.
EVP_PKEY* agreementKey(const uint8_t* secret) {
  static uint8_t unused[kCurveKeySize] = {};
  OSSL_PARAM parts[] = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, const_cast<uint8_t*>(secret), kCurveKeySize),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, unused, kCurveKeySize),
      OSSL_PARAM_construct_end(),
  };
  KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
  return EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parts) == 1 ? key : nullptr;
}

}  // namespace

bool x25519(const uint8_t* secret, const uint8_t* publicKey, uint8_t* out) {
  Key own(agreementKey(secret));
  Key peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, publicKey, kCurveKeySize));
  if (!own || !peer) return settled(false);
  KeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr));
  size_t length = kCurveKeySize;
  return settled(context && EVP_PKEY_derive_init(context.get()) == 1 &&
                 EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
                 EVP_PKEY_derive(context.get(), out, &length) == 1 && length == kCurveKeySize);
}

bool ed25519Sign(const uint8_t* seed, const uint8_t* message, int64_t length, uint8_t* out) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed, kCurveKeySize));
  DigestContext context(EVP_MD_CTX_new());
  size_t size = kSignatureSize;
  return settled(key && context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                 EVP_DigestSign(context.get(), out, &size, message, static_cast<size_t>(length)) == 1);
}

bool ed25519Verify(const uint8_t* publicKey, const uint8_t* message, int64_t length, const uint8_t* signature) {
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, publicKey, kCurveKeySize));
  DigestContext context(EVP_MD_CTX_new());
  return settled(key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
                 EVP_DigestVerify(context.get(), signature, kSignatureSize, message, static_cast<size_t>(length)) == 1);
}

bool sha256(const uint8_t* data, int64_t length, uint8_t* out) {
  SHA256_CTX state;
  return SHA256_Init(&state) == 1 && SHA256_Update(&state, data, static_cast<size_t>(length)) == 1 &&
         SHA256_Final(out, &state) == 1;
}

namespace {

constexpr int kHashBlock = 64;

// HMAC-SHA-256 (RFC 2104) under one key, for any number of messages.
class Hmac {
 public:
  Hmac(const uint8_t* key, int64_t length) {
    uint8_t block[kHashBlock] = {};
    good_ = length <= kHashBlock || sha256(key, length, block);
    if (length > 0 && length <= kHashBlock) memcpy(block, key, static_cast<size_t>(length));
    good_ = good_ && start(inner_, block, 0x36) && start(outer_, block, 0x36 ^ 0x5c);
    OPENSSL_cleanse(block, sizeof block);
  }
  ~Hmac() {
    OPENSSL_cleanse(&inner_, sizeof inner_);
    OPENSSL_cleanse(&outer_, sizeof outer_);
    OPENSSL_cleanse(&state_, sizeof state_);
  }
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;

  void begin() { state_ = inner_; }
  void add(const uint8_t* data, int64_t length) {
    good_ = good_ && SHA256_Update(&state_, data, static_cast<size_t>(length)) == 1;
  }
  bool finish(uint8_t* out) {
    uint8_t digest[kHashSize];
    good_ = good_ && SHA256_Final(digest, &state_) == 1;
    state_ = outer_;
    add(digest, sizeof digest);
    good_ = good_ && SHA256_Final(out, &state_) == 1;
    OPENSSL_cleanse(digest, sizeof digest);
    return good_;
  }

 private:
  // `block` is changed by `pad`, and so the next time by the difference of both pads.
  static bool start(SHA256_CTX& state, uint8_t* block, uint8_t pad) {
    for (int i = 0; i < kHashBlock; i++) block[i] ^= pad;
    return SHA256_Init(&state) == 1 && SHA256_Update(&state, block, kHashBlock) == 1;
  }

  bool good_;
  SHA256_CTX inner_, outer_, state_;
};

}  // namespace

bool hmacSha256(const uint8_t* key, int64_t keyLength, const uint8_t* data, int64_t length, uint8_t* out) {
  Hmac hmac(key, keyLength);
  hmac.begin();
  hmac.add(data, length);
  return hmac.finish(out);
}

bool hkdfExpand(const uint8_t* prk, const uint8_t* info, int64_t infoLength, uint8_t* out, int64_t length) {
  Hmac hmac(prk, kHashSize);
  uint8_t block[kHashSize];
  bool good = true;
  for (int64_t at = 0; good && at < length; at += kHashSize) {
    const uint8_t number = static_cast<uint8_t>(at / kHashSize + 1);
    hmac.begin();
    if (at > 0) hmac.add(block, kHashSize);
    hmac.add(info, infoLength);
    hmac.add(&number, 1);
    good = hmac.finish(block);
    memcpy(out + at, block, static_cast<size_t>(length - at < kHashSize ? length - at : kHashSize));
  }
  OPENSSL_cleanse(block, sizeof block);
  return good;
}

bool chachaSeal(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, int64_t aadLength, const uint8_t* plain,
                int64_t length, uint8_t* out) {
  CipherContext context(EVP_CIPHER_CTX_new());
  int done = 0;
  if (!context || EVP_EncryptInit_ex(context.get(), EVP_chacha20_poly1305(), nullptr, key, nonce) != 1)
    return settled(false);
  if (EVP_EncryptUpdate(context.get(), nullptr, &done, aad, static_cast<int>(aadLength)) != 1) return settled(false);
  return settled(EVP_EncryptUpdate(context.get(), out, &done, plain, static_cast<int>(length)) == 1 &&
                 EVP_EncryptFinal_ex(context.get(), out + length, &done) == 1 &&
                 EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, out + length) == 1);
}

bool chachaOpen(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, int64_t aadLength, const uint8_t* sealed,
                int64_t length, uint8_t* out) {
  CipherContext context(EVP_CIPHER_CTX_new());
  int done = 0;
  const bool good =
      context && EVP_DecryptInit_ex(context.get(), EVP_chacha20_poly1305(), nullptr, key, nonce) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, const_cast<uint8_t*>(sealed) + length) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &done, aad, static_cast<int>(aadLength)) == 1 &&
      EVP_DecryptUpdate(context.get(), out, &done, sealed, static_cast<int>(length)) == 1 &&
      EVP_DecryptFinal_ex(context.get(), out + length, &done) == 1;
  if (!good) OPENSSL_cleanse(out, static_cast<size_t>(length));
  return settled(good);
}

}  // namespace gscip
