// What one environment (main thread or worker) keeps, and how the exported functions read their arguments.
#pragma once
#include <node_api.h>
#include <stdio.h>

#include "tables.h"
#include "udp.h"

namespace gscip {

struct Watch;

struct Context {
  napi_env env;
  Counters counters;
  napi_ref countersArray;
  UdpScratch* scratch;
  int recordCount;
  Watch* watches;
  int lastWatch;
};

// The arguments of one call. A wrong type is a fault of the caller's program: it throws a TypeError, and ok() is false.
class Args {
 public:
  static constexpr size_t kMost = 10;

  Args(napi_env env, napi_callback_info info) : env_(env) {
    void* data = nullptr;
    count_ = kMost;
    napi_get_cb_info(env, info, &count_, values_, nullptr, &data);
    context_ = static_cast<Context*>(data);
  }

  Context& context() { return *context_; }
  bool ok() const { return ok_; }

  int32_t integer(size_t i) {
    int32_t value = 0;
    need(i, napi_get_value_int32(env_, values_[i], &value) == napi_ok);
    return value;
  }

  uint32_t index(size_t i) { return static_cast<uint32_t>(integer(i)); }

  bool boolean(size_t i) {
    bool value = false;
    need(i, napi_get_value_bool(env_, values_[i], &value) == napi_ok);
    return value;
  }

  napi_value value(size_t i) { return values_[i]; }

  bool isNull(size_t i) {
    napi_valuetype type = napi_undefined;
    return napi_typeof(env_, values_[i], &type) == napi_ok && type == napi_null;
  }

  // A Uint8Array (or Buffer).
  Arena bytes(size_t i) {
    size_t length = 0;
    void* data = array(i, napi_uint8_array, length);
    return Arena{static_cast<uint8_t*>(data), static_cast<int64_t>(length)};
  }

  double* doubles(size_t i, size_t atLeast) {
    size_t length = 0;
    void* data = array(i, napi_float64_array, length);
    need(i, length >= atLeast);
    return static_cast<double*>(data);
  }

  // A Float64Array as rows.
  template <class Row>
  Table<Row> doubleTable(size_t i, size_t stride) {
    size_t length = 0;
    void* data = array(i, napi_float64_array, length);
    return Table<Row>{static_cast<Row*>(data), static_cast<int>(length / stride)};
  }

  // An Int32Array as rows; `most` limits their number.
  template <class Row>
  Table<Row> table(size_t i, int most = INT32_MAX) {
    size_t length = 0;
    void* data = array(i, napi_int32_array, length);
    const size_t rows = length / Row::kStride;
    const int limit = most < 0 ? 0 : most;
    return Table<Row>{static_cast<Row*>(data), rows < static_cast<size_t>(limit) ? static_cast<int>(rows) : limit};
  }

 private:
  void* array(size_t i, napi_typedarray_type type, size_t& length) {
    napi_typedarray_type found;
    void* data = nullptr;
    const napi_status status = napi_get_typedarray_info(env_, values_[i], &found, &length, &data, nullptr, nullptr);
    const bool fits = status == napi_ok && found == type;
    need(i, fits);
    if (!fits) length = 0;
    return data;
  }

  void need(size_t i, bool holds) {
    if (holds || !ok_) return;
    ok_ = false;
    char message[48];
    snprintf(message, sizeof message, "argument %zu has the wrong type", i + 1);
    napi_throw_type_error(env_, "ERR_INVALID_ARG_TYPE", message);
  }

  napi_env env_;
  Context* context_;
  napi_value values_[kMost];
  size_t count_;
  bool ok_ = true;
};

inline napi_value fromInteger(napi_env env, int32_t value) {
  napi_value out = nullptr;
  napi_create_int32(env, value, &out);
  return out;
}

inline napi_value fromIndex(napi_env env, uint32_t value) {
  napi_value out = nullptr;
  napi_create_uint32(env, value, &out);
  return out;
}

inline napi_value fromBoolean(napi_env env, bool value) {
  napi_value out = nullptr;
  napi_get_boolean(env, value, &out);
  return out;
}

inline napi_value fromString(napi_env env, const char* text) {
  napi_value out = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &out);
  return out;
}

// Name of an errno; '' for 0.
napi_value fromErrno(napi_env env, int error);

// Adds a function whose calls get the context.
void exportFunction(Context& context, napi_value exports, const char* name, napi_callback function);

void exportSlots(Context& context, napi_value exports);
void exportPackets(Context& context, napi_value exports);
void exportDevices(Context& context, napi_value exports);
void exportPoll(Context& context, napi_value exports);
void exportRelay(Context& context, napi_value exports);
void exportHandshake(Context& context, napi_value exports);

}  // namespace gscip
