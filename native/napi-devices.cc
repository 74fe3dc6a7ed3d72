// TUN, UDP, netlink, nftables and ICMP for JavaScript.
#include <errno.h>
#include <malloc.h>

#include "devices.h"
#include "icmp.h"
#include "napi-context.h"
#include "netlink.h"
#include "nft-generation.h"
#include "service-notice.h"
#include "steering.h"
#include "tcp.h"
#include "tun.h"
#include "udp.h"
#include "wake.h"

namespace gscip {
namespace {

class Result {
 public:
  explicit Result(napi_env env) : env_(env) { napi_create_object(env, &object_); }
  Result& put(const char* name, napi_value value) {
    napi_set_named_property(env_, object_, name, value);
    return *this;
  }
  Result& put(const char* name, int value) { return put(name, fromInteger(env_, value)); }
  Result& put(const char* name, bool value) { return put(name, fromBoolean(env_, value)); }
  Result& put(const char* name, const char* value) { return put(name, fromString(env_, value)); }
  napi_value object() const { return object_; }

 private:
  napi_env env_;
  napi_value object_ = nullptr;
};

// The options of an open call.
class Options {
 public:
  Options(napi_env env, napi_value object) : env_(env), object_(object) {}

  bool flag(const char* name) {
    bool value = false;
    napi_get_value_bool(env_, property(name), &value);
    return value;
  }

  int32_t integer(const char* name) {
    int32_t value = -1;
    napi_get_value_int32(env_, property(name), &value);
    return value;
  }

  // False when the property is not a string that fits.
  bool text(const char* name, char* out, size_t size) {
    size_t length = 0;
    return napi_get_value_string_utf8(env_, property(name), out, size, &length) == napi_ok && length + 1 < size;
  }

 private:
  napi_value property(const char* name) {
    napi_value value = nullptr;
    napi_get_named_property(env_, object_, name, &value);
    return value;
  }

  napi_env env_;
  napi_value object_;
};

napi_value openTun(napi_env env, napi_callback_info info) {
  Args args(env, info);
  char name[17] = {};
  size_t length = 0;
  const napi_status status = napi_get_value_string_utf8(env, args.value(0), name, sizeof name, &length);
  if (status != napi_ok || length > 15) return fromErrno(env, EINVAL);
  Options options(env, args.value(1));
  const TunResult tun = tunOpen(name, options.flag("offload"), options.flag("multiQueue"));
  if (tun.error) return fromErrno(env, tun.error);
  Result out(env);
  out.put("fd", tun.fd).put("name", tun.name).put("vnet", tun.vnet).put("tso", tun.tso).put("uso", tun.uso);
  return out.object();
}

napi_value readTun(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  const bool vnet = args.boolean(1);
  const Arena arena = args.bytes(2);
  const Table<PacketRow> packets = args.table<PacketRow>(3, args.integer(4));
  return args.ok() ? fromInteger(env, tunReadBatch(fd, vnet, arena, packets, args.context().counters)) : nullptr;
}

napi_value deliverRuns(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  const bool vnet = args.boolean(1);
  const Arena arena = args.bytes(2);
  const Table<const RecordRow> records = args.table<const RecordRow>(3);
  const Table<RunRow> runs = args.table<RunRow>(4, args.integer(5));
  if (!args.ok()) return nullptr;
  return fromInteger(env, deliver(fd, vnet, arena, records, runs.rows, runs.capacity, args.context().counters));
}

napi_value openUdp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Options options(env, args.value(0));
  char address[64];
  const bool named = options.text("address", address, sizeof address);
  const UdpRequest request{named ? address : nullptr, options.integer("port"), options.flag("gro"), options.flag("gso"),
                           options.flag("reusePort"), options.integer("mark")};
  const UdpResult udp = udpOpen(request);
  if (udp.error) return fromErrno(env, udp.error);
  Result out(env);
  out.put("fd", udp.fd).put("port", udp.port).put("family", udp.family).put("gso", udp.gso).put("gro", udp.gro);
  return out.object();
}

napi_value connectTcp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Options options(env, args.value(0));
  char address[64];
  if (!options.text("address", address, sizeof address)) return fromErrno(env, EINVAL);
  const TcpResult tcp = tcpConnect({address, options.integer("port"), options.integer("mark")});
  return tcp.error ? fromErrno(env, tcp.error) : fromInteger(env, tcp.fd);
}

napi_value listenTcp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  Options options(env, args.value(0));
  char address[64];
  const bool named = options.text("address", address, sizeof address);
  const TcpResult tcp = tcpBind({named ? address : nullptr, options.integer("port"), options.integer("mark")});
  return tcp.error ? fromErrno(env, tcp.error) : fromInteger(env, tcp.fd);
}

napi_value receiveUdp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  const Arena arena = args.bytes(1);
  const Table<MessageRow> messages = args.table<MessageRow>(2, args.integer(3));
  if (!args.ok()) return nullptr;
  return fromInteger(env, udpReceiveBatch(fd, arena, messages, *args.context().scratch, args.context().counters));
}

napi_value sealAndSendPackets(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  const Arena arena = args.bytes(1);
  const Table<PacketRow> packets = args.table<PacketRow>(2, args.integer(3));
  if (!args.ok()) return nullptr;
  Context& context = args.context();
  return fromInteger(
      env, sealAndSend(fd, arena, packets.rows, packets.capacity, *context.scratch, context.counters));
}

napi_value sendUdp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  const Arena bytes = args.bytes(1), address = args.bytes(2);
  const int port = args.integer(3);
  if (!args.ok()) return nullptr;
  if (bytes.length > kMaxSend) return fromErrno(env, EMSGSIZE);
  const int size = address.length > 16 ? 0 : static_cast<int>(address.length);
  return fromErrno(env, udpSend(fd, bytes.bytes, static_cast<int>(bytes.length), address.bytes, size, port));
}

napi_value stateOfUdp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Device* device = deviceOf(args.integer(0));
  if (!args.ok()) return nullptr;
  return Result(env)
      .put("gso", device && device->gso.load())
      .put("maxSegments", device ? device->maxSegments.load() : 0)
      .put("lastError", fromErrno(env, device ? device->lastError.load() : EBADF))
      .object();
}

napi_value openNetlink(napi_env env, napi_callback_info) {
  const NetlinkResult netlink = netlinkOpen();
  return netlink.error ? fromErrno(env, netlink.error) : fromInteger(env, netlink.fd);
}

napi_value drainNetlink(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  return args.ok() ? fromInteger(env, netlinkDrain(fd)) : nullptr;
}

napi_value generationOfNft(napi_env env, napi_callback_info) {
  const int64_t answer = nftGeneration();
  // Only whether it is another number matters, so that 31 bits are enough.
  return fromInteger(env, static_cast<int32_t>(answer < 0 ? answer : answer & 0x7fffffff));
}

napi_value giveBackMemory(napi_env, napi_callback_info) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return nullptr;
}

napi_value sendNotice(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const Arena path = args.bytes(0), text = args.bytes(1);
  if (!args.ok()) return nullptr;
  return fromErrno(env, noticeSend(path.bytes, static_cast<size_t>(path.length), text.bytes,
                                   static_cast<size_t>(text.length)));
}

napi_value openIcmp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int family = args.integer(0);
  if (!args.ok()) return nullptr;
  const IcmpResult icmp = icmpOpen(family);
  return icmp.error ? fromErrno(env, icmp.error) : fromInteger(env, icmp.fd);
}

napi_value readIcmp(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  const Arena bytes = args.bytes(1);
  return args.ok() ? fromInteger(env, icmpRead(fd, bytes.bytes, static_cast<int>(bytes.length))) : nullptr;
}

template <int (*kSteer)(int)>
napi_value steer(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  return args.ok() ? fromErrno(env, deviceOf(fd) ? kSteer(fd) : EBADF) : nullptr;
}

napi_value openWake(napi_env env, napi_callback_info) {
  const int fd = wakeOpen();
  return fd < 0 ? fromErrno(env, -fd) : fromInteger(env, fd);
}

template <void (*kAct)(int)>
napi_value onWake(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  if (args.ok()) kAct(fd);
  return nullptr;
}

napi_value closeDevice(napi_env env, napi_callback_info info) {
  Args args(env, info);
  const int fd = args.integer(0);
  if (args.ok()) deviceClose(fd);
  return nullptr;
}

}  // namespace

void exportDevices(Context& context, napi_value exports) {
  exportFunction(context, exports, "tunOpen", openTun);
  exportFunction(context, exports, "tunReadBatch", readTun);
  exportFunction(context, exports, "deliver", deliverRuns);
  exportFunction(context, exports, "udpOpen", openUdp);
  exportFunction(context, exports, "tcpConnect", connectTcp);
  exportFunction(context, exports, "tcpBind", listenTcp);
  exportFunction(context, exports, "udpReceiveBatch", receiveUdp);
  exportFunction(context, exports, "sealAndSend", sealAndSendPackets);
  exportFunction(context, exports, "udpSend", sendUdp);
  exportFunction(context, exports, "udpState", stateOfUdp);
  exportFunction(context, exports, "netlinkOpen", openNetlink);
  exportFunction(context, exports, "netlinkDrain", drainNetlink);
  exportFunction(context, exports, "nftGeneration", generationOfNft);
  exportFunction(context, exports, "giveBackMemory", giveBackMemory);
  exportFunction(context, exports, "noticeSend", sendNotice);
  exportFunction(context, exports, "icmpOpen", openIcmp);
  exportFunction(context, exports, "icmpRead", readIcmp);
  exportFunction(context, exports, "tunSteer", steer<tunSteer>);
  exportFunction(context, exports, "udpSteer", steer<udpSteer>);
  exportFunction(context, exports, "wakeOpen", openWake);
  exportFunction(context, exports, "wake", onWake<wake>);
  exportFunction(context, exports, "wakeTake", onWake<wakeTake>);
  exportFunction(context, exports, "close", closeDevice);
}

}  // namespace gscip
