// Readable descriptors in the event loop of the environment.
#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "napi-context.h"

namespace gscip {

struct Watch {
  uv_poll_t handle;
  Context* context;
  napi_ref callback;
  int id;
  Watch* next;
};

namespace {

// Set while the environment ends and its watches close.
struct Teardown {
  napi_async_cleanup_hook_handle hook;
  Context* context;
  int open;
};

void surface(napi_env env) {
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

void onReadable(uv_poll_t* handle, int status, int) {
  const Watch* watch = static_cast<Watch*>(handle->data);
  const napi_env env = watch->context->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value receiver = nullptr, callback = nullptr;
  napi_get_global(env, &receiver);
  napi_get_reference_value(env, watch->callback, &callback);
  napi_value error = fromErrno(env, -status);
  // The callback may stop the watch: it is not looked at again.
  if (napi_make_callback(env, nullptr, receiver, callback, 1, &error, nullptr) == napi_pending_exception) surface(env);
  napi_close_handle_scope(env, scope);
}

void onClosed(uv_handle_t* handle) { free(handle->data); }

napi_value pollStart(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  if (!args.ok()) return nullptr;
  Context& context = args.context();
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return fromErrno(env, ENOSYS);
  Watch* watch = static_cast<Watch*>(calloc(1, sizeof(Watch)));
  if (!watch) return fromErrno(env, ENOMEM);
  const int error = uv_poll_init(loop, &watch->handle, fd);
  if (error) {
    free(watch);
    return fromErrno(env, -error);
  }
  watch->handle.data = watch;
  watch->context = &context;
  napi_create_reference(env, args.value(1), 1, &watch->callback);
  watch->id = ++context.lastWatch;
  watch->next = context.watches;
  context.watches = watch;
  uv_poll_start(&watch->handle, UV_READABLE, onReadable);
  return fromInteger(env, watch->id);
}

napi_value pollStop(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int id = args.integer(0);
  if (!args.ok()) return nullptr;
  Watch** link = &args.context().watches;
  while (*link && (*link)->id != id) link = &(*link)->next;
  Watch* watch = *link;
  if (!watch) return nullptr;
  *link = watch->next;
  napi_delete_reference(env, watch->callback);
  uv_poll_stop(&watch->handle);
  uv_close(reinterpret_cast<uv_handle_t*>(&watch->handle), onClosed);
  return nullptr;
}

void finish(Teardown* teardown) {
  if (teardown->open > 0) return;
  napi_remove_async_cleanup_hook(teardown->hook);
  free(teardown->context->scratch);
  free(teardown->context);
  free(teardown);
}

void onTornDown(uv_handle_t* handle) {
  Teardown* teardown = static_cast<Teardown*>(handle->data);
  free(handle);
  teardown->open--;
  finish(teardown);
}

void tearDown(napi_async_cleanup_hook_handle hook, void* data) {
  Context* context = static_cast<Context*>(data);
  Teardown* teardown = static_cast<Teardown*>(calloc(1, sizeof(Teardown)));
  if (!teardown) abort();
  *teardown = Teardown{hook, context, 1};
  for (Watch *watch = context->watches, *next; watch; watch = next) {
    next = watch->next;
    teardown->open++;
    uv_poll_stop(&watch->handle);
    watch->handle.data = teardown;
    uv_close(reinterpret_cast<uv_handle_t*>(&watch->handle), onTornDown);
  }
  context->watches = nullptr;
  teardown->open--;
  finish(teardown);
}

}  // namespace

void exportPoll(Context& context, napi_value exports) {
  napi_add_async_cleanup_hook(context.env, tearDown, &context, nullptr);
  exportFunction(context, exports, "pollStart", pollStart);
  exportFunction(context, exports, "pollStop", pollStop);
}

}  // namespace gscip
