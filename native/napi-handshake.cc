// The handshake primitives as the crypto provider calls them: results go into the caller's buffers.
#include "handshake.h"
#include "napi-context.h"

namespace gscip {
namespace {

bool sized(Arena bytes, int64_t length) { return bytes.length == length; }

template <Curve curve>
napi_value publicKey(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena secret = args.bytes(0), out = args.bytes(1);
  if (!args.ok()) return nullptr;
  const bool fits = sized(secret, kCurveKeySize) && sized(out, kCurveKeySize);
  return fromBoolean(env, fits && publicKeyOf(curve, secret.bytes, out.bytes));
}

napi_value agree(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena secret = args.bytes(0), peer = args.bytes(1), out = args.bytes(2);
  if (!args.ok()) return nullptr;
  const bool fits = sized(secret, kCurveKeySize) && sized(peer, kCurveKeySize) && sized(out, kCurveKeySize);
  return fromBoolean(env, fits && x25519(secret.bytes, peer.bytes, out.bytes));
}

napi_value sign(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena seed = args.bytes(0), message = args.bytes(1), out = args.bytes(2);
  if (!args.ok()) return nullptr;
  const bool fits = sized(seed, kCurveKeySize) && sized(out, kSignatureSize);
  return fromBoolean(env, fits && ed25519Sign(seed.bytes, message.bytes, message.length, out.bytes));
}

napi_value verify(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena publicKey = args.bytes(0), message = args.bytes(1), signature = args.bytes(2);
  if (!args.ok()) return nullptr;
  const bool fits = sized(publicKey, kCurveKeySize) && sized(signature, kSignatureSize);
  return fromBoolean(env,
                     fits && ed25519Verify(publicKey.bytes, message.bytes, message.length, signature.bytes));
}

napi_value digest(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena data = args.bytes(0), out = args.bytes(1);
  if (!args.ok()) return nullptr;
  return fromBoolean(env, sized(out, kHashSize) && sha256(data.bytes, data.length, out.bytes));
}

napi_value authenticate(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena key = args.bytes(0), data = args.bytes(1), out = args.bytes(2);
  if (!args.ok()) return nullptr;
  return fromBoolean(
      env, sized(out, kHashSize) && hmacSha256(key.bytes, key.length, data.bytes, data.length, out.bytes));
}

constexpr int64_t kExpandMost = 255 * kHashSize;

napi_value expand(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena prk = args.bytes(0), context = args.bytes(1), out = args.bytes(2);
  if (!args.ok()) return nullptr;
  const bool fits = sized(prk, kHashSize) && out.length <= kExpandMost;
  return fromBoolean(env, fits && hkdfExpand(prk.bytes, context.bytes, context.length, out.bytes, out.length));
}

constexpr int64_t kAeadKey = 32, kAeadNonce = 12, kAeadTag = 16, kAeadMost = 1 << 30;

napi_value seal(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena key = args.bytes(0), nonce = args.bytes(1), aad = args.bytes(2), plain = args.bytes(3);
  const Arena out = args.bytes(4);
  if (!args.ok()) return nullptr;
  const bool fits = sized(key, kAeadKey) && sized(nonce, kAeadNonce) && plain.length < kAeadMost &&
                    aad.length < kAeadMost && sized(out, plain.length + kAeadTag);
  return fromBoolean(env, fits && chachaSeal(key.bytes, nonce.bytes, aad.bytes, aad.length, plain.bytes, plain.length,
                                             out.bytes));
}

napi_value open(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena key = args.bytes(0), nonce = args.bytes(1), aad = args.bytes(2), sealed = args.bytes(3);
  const Arena out = args.bytes(4);
  if (!args.ok()) return nullptr;
  const bool fits = sized(key, kAeadKey) && sized(nonce, kAeadNonce) && sealed.length < kAeadMost &&
                    aad.length < kAeadMost && sized(sealed, out.length + kAeadTag);
  return fromBoolean(
      env, fits && chachaOpen(key.bytes, nonce.bytes, aad.bytes, aad.length, sealed.bytes, out.length, out.bytes));
}

}  // namespace

void exportHandshake(Context& context, napi_value exports) {
  exportFunction(context, exports, "x25519PublicKey", publicKey<Curve::kX25519>);
  exportFunction(context, exports, "ed25519PublicKey", publicKey<Curve::kEd25519>);
  exportFunction(context, exports, "x25519Agree", agree);
  exportFunction(context, exports, "ed25519Sign", sign);
  exportFunction(context, exports, "ed25519Verify", verify);
  exportFunction(context, exports, "sha256", digest);
  exportFunction(context, exports, "hmacSha256", authenticate);
  exportFunction(context, exports, "hkdfExpand", expand);
  exportFunction(context, exports, "chachaSeal", seal);
  exportFunction(context, exports, "chachaOpen", open);
}

}  // namespace gscip
