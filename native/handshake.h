// The primitives of a handshake over the libcrypto of the process: keys are read where they lie, in buffers that their owner wipes.
#pragma once
#include <stdint.h>

namespace gscip {

constexpr int kCurveKeySize = 32, kSignatureSize = 64, kHashSize = 32;

enum class Curve { kX25519, kEd25519 };

// The public key of a secret key (X25519) or seed (Ed25519). False only when libcrypto has no memory.
bool publicKeyOf(Curve curve, const uint8_t* secret, uint8_t* out);
// False for a small-order public key: the result would be all zero (protocol.md 1.3).
bool x25519(const uint8_t* secret, const uint8_t* publicKey, uint8_t* out);
bool ed25519Sign(const uint8_t* seed, const uint8_t* message, int64_t length, uint8_t* out);
bool ed25519Verify(const uint8_t* publicKey, const uint8_t* message, int64_t length, const uint8_t* signature);

bool sha256(const uint8_t* data, int64_t length, uint8_t* out);
bool hmacSha256(const uint8_t* key, int64_t keyLength, const uint8_t* data, int64_t length, uint8_t* out);
// RFC 5869 with a PRK of 32 bytes; at most 255 * 32 bytes.
bool hkdfExpand(const uint8_t* prk, const uint8_t* info, int64_t infoLength, uint8_t* out, int64_t length);

// ChaCha20-Poly1305 with a key of its own each time; out holds length + 16 bytes.
bool chachaSeal(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, int64_t aadLength, const uint8_t* plain,
                int64_t length, uint8_t* out);
// sealed holds length + 16 bytes. On failure `out` is wiped.
bool chachaOpen(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, int64_t aadLength, const uint8_t* sealed,
                int64_t length, uint8_t* out);

}  // namespace gscip
