// The module: one context for each environment that loads it; only slots and descriptors are shared by the process.
#include <stdlib.h>
#include <uv.h>

#include "napi-context.h"

namespace gscip {

napi_value fromErrno(napi_env env, int error) { return fromString(env, error ? uv_err_name(-error) : ""); }

void exportFunction(Context& context, napi_value exports, const char* name, napi_callback function) {
  napi_value value = nullptr;
  napi_create_function(context.env, name, NAPI_AUTO_LENGTH, function, &context, &value);
  napi_set_named_property(context.env, exports, name, value);
}

namespace {

bool createCounters(Context& context) {
  void* data = nullptr;
  napi_value buffer = nullptr, array = nullptr;
  if (napi_create_arraybuffer(context.env, kCounterCount * sizeof(double), &data, &buffer) != napi_ok) return false;
  if (napi_create_typedarray(context.env, napi_float64_array, kCounterCount, buffer, 0, &array) != napi_ok)
    return false;
  context.counters.values = static_cast<double*>(data);
  return napi_create_reference(context.env, array, 1, &context.countersArray) == napi_ok;
}

Context* createContext(napi_env env) {
  Context* context = static_cast<Context*>(calloc(1, sizeof(Context)));
  if (!context) return nullptr;
  context->env = env;
  context->scratch = static_cast<UdpScratch*>(calloc(1, sizeof(UdpScratch)));
  if (context->scratch && createCounters(*context)) return context;
  free(context->scratch);
  free(context);
  return nullptr;
}

}  // namespace
}  // namespace gscip

NAPI_MODULE_INIT() {
  using namespace gscip;
  Context* context = createContext(env);
  if (!context) {
    napi_throw_error(env, "ENOMEM", "no memory for the packet primitives");
    return nullptr;
  }
  napi_set_named_property(env, exports, "implementation", fromString(env, "addon"));
  exportSlots(*context, exports);
  exportPackets(*context, exports);
  exportDevices(*context, exports);
  exportPoll(*context, exports);
  exportRelay(*context, exports);
  exportHandshake(*context, exports);
  return exports;
}
