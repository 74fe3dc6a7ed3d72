// The packet path of a relay for JavaScript.
#include "napi-context.h"
#include "relay.h"

namespace gscip {
namespace {

napi_value walkMessages(napi_env env, napi_callback_info info) {
  Args args(env, info);
  RelayTable table;
  table.slots = args.table<const RelaySlotRow>(0);
  table.ends = args.table<const RelayEndRow>(1);
  table.heardAt = args.doubleTable<double>(2, 1);
  table.shares = args.doubleTable<RelayShare>(3, RelayShare::kStride);
  table.numbers = reinterpret_cast<RelayNumbers*>(args.doubles(4, sizeof(RelayNumbers) / sizeof(double)));
  const Arena arena = args.bytes(5);
  const Table<const MessageRow> messages = args.table<const MessageRow>(6, args.integer(7));
  const Table<RelayRunRow> runs = args.table<RelayRunRow>(8);
  const Table<RelayCursor> cursor = args.table<RelayCursor>(9, 1);
  if (!args.ok() || cursor.capacity < 1) return nullptr;
  return fromInteger(env, relayWalk(table, arena, messages, runs, cursor.rows[0]));
}

napi_value sendRuns(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  const Arena arena = args.bytes(1);
  const Table<RelayRunRow> runs = args.table<RelayRunRow>(2, args.integer(3));
  const Table<const RelayEndRow> ends = args.table<const RelayEndRow>(4);
  if (!args.ok()) return nullptr;
  Context& context = args.context();
  return fromInteger(env, udpSendRuns(fd, arena, runs, ends, *context.scratch, context.counters));
}

}  // namespace

void exportRelay(Context& context, napi_value exports) {
  exportFunction(context, exports, "relayWalk", walkMessages);
  exportFunction(context, exports, "udpSendRuns", sendRuns);
}

}  // namespace gscip
