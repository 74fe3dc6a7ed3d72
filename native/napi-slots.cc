// The slot and path calls of PacketPrimitives.
#include "napi-context.h"
#include "paths.h"
#include "slots.h"

namespace gscip {
namespace {

constexpr size_t kStatsLength = 8;

napi_value reserve(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const uint32_t random = args.index(0);
  return args.ok() ? fromIndex(env, saReserve(random)) : nullptr;
}

bool keyFits(Arena key, Arena iv) { return key.length == kKeySize && iv.length == kIvSize; }

napi_value installRx(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const uint32_t index = args.index(0);
  const int suite = args.integer(1);
  const Arena key = args.bytes(2), iv = args.bytes(3);
  const int windowBits = args.integer(4);
  if (!args.ok()) return nullptr;
  return fromBoolean(env, keyFits(key, iv) && saInstallRx(index, suite, key.bytes, iv.bytes, windowBits));
}

napi_value installTx(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const uint32_t index = args.index(0);
  const int suite = args.integer(1);
  const Arena key = args.bytes(2), iv = args.bytes(3);
  const uint32_t remote = args.index(4);
  if (!args.ok()) return nullptr;
  return fromBoolean(env, keyFits(key, iv) && saInstallTx(index, suite, key.bytes, iv.bytes, remote));
}

napi_value setSaPath(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const uint32_t index = args.index(0);
  const int path = args.integer(1);
  return args.ok() ? fromBoolean(env, saPath(index, path)) : nullptr;
}

napi_value stopTx(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const uint32_t index = args.index(0);
  if (args.ok()) saStopTx(index);
  return nullptr;
}

napi_value freeSa(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const uint32_t base = args.index(0);
  if (args.ok()) saFree(base);
  return nullptr;
}

napi_value stats(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const uint32_t index = args.index(0);
  double* out = args.doubles(1, kStatsLength);
  return args.ok() ? fromBoolean(env, saStats(index, out)) : nullptr;
}

napi_value reservePath(napi_env env, napi_callback_info) { return fromInteger(env, pathReserve()); }

napi_value setPath(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int path = args.integer(0);
  const Arena address = args.bytes(1);
  const int port = args.integer(2);
  const Arena prefix = args.isNull(3) ? Arena{nullptr, kPrefix} : args.bytes(3);
  if (!args.ok()) return nullptr;
  const bool fits = address.length <= 16 && prefix.length == kPrefix;
  return fromBoolean(env, fits && pathSet(path, address.bytes, static_cast<int>(address.length), port, prefix.bytes));
}

napi_value freePath(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int path = args.integer(0);
  if (args.ok()) pathFree(path);
  return nullptr;
}

}  // namespace

void exportSlots(Context& context, napi_value exports) {
  exportFunction(context, exports, "saReserve", reserve);
  exportFunction(context, exports, "saInstallRx", installRx);
  exportFunction(context, exports, "saInstallTx", installTx);
  exportFunction(context, exports, "saPath", setSaPath);
  exportFunction(context, exports, "saStopTx", stopTx);
  exportFunction(context, exports, "saFree", freeSa);
  exportFunction(context, exports, "saStats", stats);
  exportFunction(context, exports, "pathReserve", reservePath);
  exportFunction(context, exports, "pathSet", setPath);
  exportFunction(context, exports, "pathFree", freePath);
}

}  // namespace gscip
