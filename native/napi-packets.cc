// The batch calls of PacketPrimitives.
#include "coalesce.h"
#include "napi-context.h"
#include "open.h"
#include "seal.h"

namespace gscip {
namespace {

napi_value sealBatch(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena arena = args.bytes(0);
  const Table<PacketRow> packets = args.table<PacketRow>(1, args.integer(2));
  const Arena out = args.bytes(3);
  const Table<SendRow> sends = args.table<SendRow>(4);
  if (!args.ok()) return nullptr;
  ArenaSink sink(out, sends, args.context().counters);
  Sealer<ArenaSink> sealer(arena, sink, args.context().counters);
  for (int i = 0; i < packets.capacity; i++) sealer.packet(packets.rows[i]);
  return fromInteger(env, sink.count());
}

napi_value sealOneRecord(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const uint32_t index = args.index(0);
  const Arena plain = args.bytes(1);
  const int flags = args.integer(2);
  const Arena out = args.bytes(3);
  if (!args.ok() || plain.length > kMaxSend) return fromInteger(env, 0);
  const int length = static_cast<int>(plain.length);
  return fromInteger(env, sealOne(index, plain.bytes, length, flags, out, args.context().counters));
}

napi_value openBatch(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena arena = args.bytes(0);
  const Table<MessageRow> messages = args.table<MessageRow>(1, args.integer(2));
  const Table<RecordRow> records = args.table<RecordRow>(3);
  const Table<RunRow> runs = args.table<RunRow>(4);
  if (!args.ok()) return nullptr;
  Opener opener(arena, records, runs, args.context().counters);
  for (int i = 0; i < messages.capacity; i++) opener.message(messages.rows[i], i);
  args.context().recordCount = opener.recordCount();
  return fromInteger(env, opener.runCount());
}

napi_value recordCount(napi_env env, napi_callback_info info) {
  Args args(env, info);
  return fromInteger(env, args.context().recordCount);
}

napi_value coalesceBatch(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena arena = args.bytes(0);
  const Table<const RecordRow> records = args.table<const RecordRow>(1);
  const Table<RunRow> runs = args.table<RunRow>(2, args.integer(3));
  const bool vnet = args.boolean(4);
  const Arena out = args.bytes(5);
  if (!args.ok()) return nullptr;
  PieceSink sink(out, vnet, args.context().counters);
  Coalescer<PieceSink> coalescer(arena, records, vnet, true, sink, args.context().counters);
  for (int i = 0; i < runs.capacity; i++) coalescer.run(runs.rows[i]);
  coalescer.flush();
  return fromInteger(env, static_cast<int32_t>(sink.used()));
}

napi_value counters(napi_env env, napi_callback_info info) {
  Args args(env, info);
  napi_value array = nullptr;
  napi_get_reference_value(env, args.context().countersArray, &array);
  return array;
}

}  // namespace

void exportPackets(Context& context, napi_value exports) {
  exportFunction(context, exports, "sealBatch", sealBatch);
  exportFunction(context, exports, "sealOne", sealOneRecord);
  exportFunction(context, exports, "openBatch", openBatch);
  exportFunction(context, exports, "recordCount", recordCount);
  exportFunction(context, exports, "coalesceBatch", coalesceBatch);
  exportFunction(context, exports, "counters", counters);
}

}  // namespace gscip
