// The limit: how fast a userspace tunnel of GSCIP's design can be here when it does nothing but carry.
// TUN with super-packets <-> AES-256-GCM by the libcrypto of the Node that loads this <-> UDP with UDP_SEGMENT and UDP_GRO.
// One static key; no handshake, no policy, no replay window, no additional data, IPv4 only. Never use it as a VPN.
//
//   tunnelled packet = 16 bytes of header (4, flags, 6 zeros, 8 of counter), ciphertext, 16 bytes of tag
//
// One thread carries TUN -> UDP and one UDP -> TUN; both block. The datagram is as long as GSCIP's.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <node_api.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <string>
#include <thread>

// Newer than the headers of older distributions.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace {

constexpr int kHeader = 16, kTag = 16, kPort = 5555;
constexpr int kMaxSend = 65000;   // a UDP send carries 65507 bytes at most
constexpr int kMaxSegments = 64;
constexpr uint8_t kTcp = 6, kUdp = 17, kFinPsh = 0x09, kPsh = 0x08, kAck = 0x10;

// linux/virtio_net.h does not compile as C++.
struct VnetHeader {
  uint8_t flags, gsoType;
  uint16_t headerLength, gsoSize, checksumStart, checksumOffset;
};
static_assert(sizeof(VnetHeader) == 10);
constexpr uint8_t kNeedsChecksum = 1, kGsoNone = 0, kGsoTcp4 = 1, kGsoUdp = 5, kGsoEcn = 0x80;

enum class Mode { gcm, none, plain };  // none: all offloads but no cipher; plain: one packet at a time

Mode mode = Mode::gcm;
int tunFd = -1, udpFd = -1;
uint8_t ownSide = 0, otherSide = 0;  // first byte of the nonces of each direction

uint16_t read16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }
uint32_t read32(const uint8_t* p) { return static_cast<uint32_t>(p[0]) << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
void write16(uint8_t* p, uint32_t v) { p[0] = static_cast<uint8_t>(v >> 8), p[1] = static_cast<uint8_t>(v); }
void write32(uint8_t* p, uint32_t v) { write16(p, v >> 16), write16(p + 2, v); }

uint32_t sumWords(const uint8_t* p, int length) {
  uint32_t sum = 0;
  for (int i = 0; i + 1 < length; i += 2) sum += read16(p + i);
  return sum;
}
uint32_t folded(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}
void putIpChecksum(uint8_t* ip, int ipLength) {
  write16(ip + 10, 0);
  write16(ip + 10, ~folded(sumWords(ip, ipLength)));
}
// What stands in the L4 checksum field of a packet whose checksum is left to the kernel behind the far TUN.
uint32_t pseudoSum(const uint8_t* ip, uint8_t protocol, int l4Length) {
  return folded(sumWords(ip + 12, 8) + protocol + static_cast<uint32_t>(l4Length));
}

class Cipher {
 public:
  explicit Cipher(bool sealing) : context_(EVP_CIPHER_CTX_new()) {
    uint8_t key[32];
    memset(key, 7, sizeof key);
    EVP_CipherInit_ex(context_, EVP_aes_256_gcm(), nullptr, key, nullptr, sealing);
  }
  void seal(uint8_t side, uint64_t counter, const uint8_t* plain, int length, uint8_t* out) {
    if (mode == Mode::none) return (void)memcpy(out, plain, static_cast<size_t>(length));
    uint8_t nonce[12] = {side};
    memcpy(nonce + 4, &counter, 8);
    int done;
    EVP_EncryptInit_ex(context_, nullptr, nullptr, nullptr, nonce);
    EVP_EncryptUpdate(context_, out, &done, plain, length);
    EVP_EncryptFinal_ex(context_, out + done, &done);
    EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, kTag, out + length);
  }
  bool open(uint8_t side, uint64_t counter, uint8_t* bytes, int length) {
    if (mode == Mode::none) return true;
    uint8_t nonce[12] = {side};
    memcpy(nonce + 4, &counter, 8);
    int done;
    EVP_DecryptInit_ex(context_, nullptr, nullptr, nullptr, nonce);
    EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, kTag, bytes + length);
    EVP_DecryptUpdate(context_, bytes, &done, bytes, length);
    return EVP_DecryptFinal_ex(context_, bytes + done, &done) > 0;
  }

 private:
  EVP_CIPHER_CTX* context_;
};

// Collects sealed datagrams of one size, the last may be shorter, and sends them with one call.
class Sender {
 public:
  void put(const uint8_t* packet, int length, uint8_t flags) {
    const int size = length + kHeader + kTag;
    const bool full = closed_ || size > segment_ || used_ + size > kMaxSend || count_ == kMaxSegments || mode == Mode::plain;
    if (count_ > 0 && full) flush();
    if (count_ == 0) segment_ = size;
    uint8_t* at = out_ + used_;
    memset(at, 0, 8);
    at[0] = 4;
    at[1] = flags;
    memcpy(at + 8, &counter_, 8);
    cipher_.seal(ownSide, counter_++, packet, length, at + kHeader);
    used_ += size;
    count_++;
    closed_ = size < segment_;
  }
  void flush() {
    if (count_ == 0) return;
    iovec bytes{out_, static_cast<size_t>(used_)};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(2)] = {};
    if (count_ > 1) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_UDP;
      head->cmsg_type = UDP_SEGMENT;
      head->cmsg_len = CMSG_LEN(2);
      const uint16_t segment = static_cast<uint16_t>(segment_);
      memcpy(CMSG_DATA(head), &segment, 2);
    }
    (void)sendmsg(udpFd, &message, 0);  // a tunnel loses what cannot be sent
    used_ = count_ = 0;
    closed_ = false;
  }

 private:
  Cipher cipher_{true};
  uint64_t counter_ = 0;
  int used_ = 0, count_ = 0, segment_ = 0;
  bool closed_ = false;
  uint8_t out_[70000];
};

// Cuts a super-packet in place: the header of segment k+1 is written over the end of segment k, which is already sealed.
void sendSegments(Sender& sender, uint8_t* ip, int length, bool tcp, int payloadSize) {
  const int ipLength = (ip[0] & 15) * 4;
  const int headers = ipLength + (tcp ? (ip[ipLength + 12] >> 4) * 4 : 8);
  uint8_t saved[128];
  memcpy(saved, ip, static_cast<size_t>(headers));
  uint32_t sequence = read32(saved + ipLength + 4);
  uint32_t id = read16(saved + 4);
  for (int at = headers; at < length; at += payloadSize) {
    const int payload = length - at < payloadSize ? length - at : payloadSize;
    const bool last = at + payload == length;
    uint8_t* packet = ip + at - headers;
    if (at != headers) memcpy(packet, saved, static_cast<size_t>(headers));
    uint8_t* l4 = packet + ipLength;
    const int l4Length = headers - ipLength + payload;
    write16(packet + 2, static_cast<uint32_t>(headers + payload));
    write16(packet + 4, id++);
    putIpChecksum(packet, ipLength);
    if (tcp) {
      write32(l4 + 4, sequence);
      sequence += static_cast<uint32_t>(payload);
      if (!last) l4[13] &= static_cast<uint8_t>(~kFinPsh);
      write16(l4 + 16, pseudoSum(packet, kTcp, l4Length));
    } else {
      write16(l4 + 4, static_cast<uint32_t>(l4Length));
      write16(l4 + 6, pseudoSum(packet, kUdp, l4Length));
    }
    sender.put(packet, headers + payload, 1);
  }
}

void carryOut() {
  static Sender sender;
  static uint8_t in[70000];
  for (;;) {
    const int length = static_cast<int>(read(tunFd, in, sizeof in));
    if (length < 0) {
      sender.flush();
      pollfd readable{tunFd, POLLIN, 0};
      poll(&readable, 1, -1);
      continue;
    }
    if (mode == Mode::plain) {
      sender.put(in, length, 0);
      sender.flush();
      continue;
    }
    VnetHeader vnet;
    memcpy(&vnet, in, sizeof vnet);
    uint8_t* ip = in + sizeof vnet;
    const int size = length - static_cast<int>(sizeof vnet);
    const int gso = vnet.gsoType & ~kGsoEcn;
    if (gso == kGsoNone) sender.put(ip, size, vnet.flags & kNeedsChecksum);
    else if (ip[0] >> 4 == 4) sendSegments(sender, ip, size, gso == kGsoTcp4, vnet.gsoSize);
  }
}

// Joins neighbouring packets of one flow into a super-packet without copying: the pieces stay where they were decrypted.
class Joiner {
 public:
  void take(uint8_t* ip, int length, bool partial) {
    const bool known = ip[0] == 0x45 && (ip[9] == kTcp || ip[9] == kUdp) && length >= 28 && read16(ip + 2) == length;
    if (mode == Mode::plain || !partial || !known) return flush(), writeOne(ip, length, partial);
    const bool tcp = ip[9] == kTcp;
    const int headers = 20 + (tcp ? (ip[32] >> 4) * 4 : 8), payload = length - headers;
    const uint8_t flags = tcp ? ip[33] : 0;
    if (tcp && ((flags & ~(kAck | kPsh)) || !(flags & kAck) || payload <= 0)) return flush(), writeOne(ip, length, true);
    if (continues(ip, headers, payload, tcp)) return append(ip + headers, payload, flags);
    flush();
    begin(ip, length, headers, payload, tcp, flags);
  }
  void flush() {
    if (count_ == 0) return;
    const int l4Length = total_ - 20;
    if (count_ == 1) return count_ = 0, writeOne(first_, total_, true);
    VnetHeader vnet{kNeedsChecksum, tcp_ ? kGsoTcp4 : kGsoUdp, static_cast<uint16_t>(headers_), static_cast<uint16_t>(segment_), 20,
                    static_cast<uint16_t>(tcp_ ? 16 : 6)};
    write16(first_ + 2, static_cast<uint32_t>(total_));
    putIpChecksum(first_, 20);
    if (!tcp_) write16(first_ + 24, static_cast<uint32_t>(l4Length));
    write16(first_ + (tcp_ ? 36 : 26), pseudoSum(first_, tcp_ ? kTcp : kUdp, l4Length));
    pieces_[0] = {&vnet, sizeof vnet};
    if (writev(tunFd, pieces_, count_ + 1) < 0) perror("limit: TUN refused a super-packet");
    count_ = 0;
  }

 private:
  bool continues(const uint8_t* ip, int headers, int payload, bool tcp) const {
    if (count_ == 0 || closed_ || tcp != tcp_ || headers != headers_ || count_ == kMaxSegments) return false;
    if (payload > segment_ || total_ + payload > 65535 || memcmp(first_ + 12, ip + 12, 12) != 0) return false;
    if (!tcp) return true;
    const size_t options = static_cast<size_t>(headers - 40);
    return read32(ip + 24) == next_ && memcmp(first_ + 28, ip + 28, 4) == 0 && memcmp(first_ + 34, ip + 34, 2) == 0 &&
           memcmp(first_ + 40, ip + 40, options) == 0;
  }
  void begin(uint8_t* ip, int length, int headers, int payload, bool tcp, uint8_t flags) {
    first_ = ip, headers_ = headers, segment_ = payload, total_ = length, tcp_ = tcp, count_ = 1;
    closed_ = (flags & kPsh) != 0 || payload == 0;
    next_ = tcp ? read32(ip + 24) + static_cast<uint32_t>(payload) : 0;
    pieces_[1] = {ip, static_cast<size_t>(length)};
  }
  void append(uint8_t* bytes, int payload, uint8_t flags) {
    pieces_[++count_] = {bytes, static_cast<size_t>(payload)};
    total_ += payload;
    next_ += static_cast<uint32_t>(payload);
    if (tcp_) first_[33] |= flags & kPsh;
    closed_ = payload < segment_ || (flags & kPsh) != 0;
  }
  static void writeOne(uint8_t* ip, int length, bool partial) {
    VnetHeader vnet{};
    if (partial && ip[0] >> 4 == 4 && (ip[9] == kTcp || ip[9] == kUdp)) {
      vnet.flags = kNeedsChecksum;
      vnet.checksumStart = static_cast<uint16_t>((ip[0] & 15) * 4);
      vnet.checksumOffset = ip[9] == kTcp ? 16 : 6;
    }
    const iovec pieces[2] = {{&vnet, sizeof vnet}, {ip, static_cast<size_t>(length)}};
    const int skip = mode == Mode::plain ? 1 : 0;
    (void)!writev(tunFd, pieces + skip, 2 - skip);  // refused while the device is still down: lost, as on any link
  }

  uint8_t* first_ = nullptr;
  int headers_ = 0, segment_ = 0, count_ = 0, total_ = 0;
  uint32_t next_ = 0;
  bool tcp_ = false, closed_ = false;
  iovec pieces_[kMaxSegments + 2];
};

int segmentOf(msghdr& message, int length) {
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_UDP || head->cmsg_type != UDP_GRO) continue;
    int segment;
    memcpy(&segment, CMSG_DATA(head), sizeof segment);
    return segment;
  }
  return length;
}

void carryIn() {
  constexpr int kBatch = 8;
  static uint8_t buffers[kBatch][66000];
  static char controls[kBatch][64];
  mmsghdr messages[kBatch];
  iovec vectors[kBatch];
  Cipher cipher(false);
  Joiner joiner;
  for (;;) {
    for (int i = 0; i < kBatch; i++) {
      vectors[i] = {buffers[i], sizeof buffers[i]};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_control = controls[i];
      messages[i].msg_hdr.msg_controllen = sizeof controls[i];
    }
    const int batch = mode == Mode::plain ? 1 : kBatch;
    const int received = recvmmsg(udpFd, messages, static_cast<unsigned>(batch), MSG_WAITFORONE, nullptr);
    for (int i = 0; i < received; i++) {
      const int length = static_cast<int>(messages[i].msg_len), segment = segmentOf(messages[i].msg_hdr, length);
      for (int at = 0; at < length; at += segment) {
        const int size = length - at < segment ? length - at : segment;
        uint8_t* datagram = buffers[i] + at;
        if (size < kHeader + kTag + 20) continue;
        uint64_t counter;
        memcpy(&counter, datagram + 8, sizeof counter);
        const int inner = size - kHeader - kTag;
        if (cipher.open(otherSide, counter, datagram + kHeader, inner)) joiner.take(datagram + kHeader, inner, datagram[1] & 1);
      }
    }
    joiner.flush();
  }
}

std::string openTun(const char* name) {
  tunFd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  if (strlen(name) >= IFNAMSIZ) return std::string("TUN name too long: ") + name;
  memcpy(request.ifr_name, name, strlen(name));
  const int vnet = mode == Mode::plain ? 0 : IFF_VNET_HDR;
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | vnet);
  if (tunFd < 0 || ioctl(tunFd, TUNSETIFF, &request) != 0) return std::string("TUN ") + name + ": " + strerror(errno);
  const unsigned tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (vnet != 0 && ioctl(tunFd, TUNSETOFFLOAD, tso | TUN_F_USO4 | TUN_F_USO6) != 0 && ioctl(tunFd, TUNSETOFFLOAD, tso) != 0) {
    return std::string("TUN offloads: ") + strerror(errno);
  }
  return "";
}

std::string openUdp(const char* own, const char* other) {
  udpFd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  if (inet_pton(AF_INET, own, &address.sin_addr) != 1) return std::string("no IPv4 address: ") + own;
  ownSide = reinterpret_cast<uint8_t*>(&address.sin_addr)[3];
  if (bind(udpFd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return std::string("bind: ") + strerror(errno);
  if (inet_pton(AF_INET, other, &address.sin_addr) != 1) return std::string("no IPv4 address: ") + other;
  otherSide = reinterpret_cast<uint8_t*>(&address.sin_addr)[3];
  if (connect(udpFd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return std::string("connect: ") + strerror(errno);
  const int room = 8 << 20, on = 1;
  setsockopt(udpFd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  setsockopt(udpFd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (mode != Mode::plain && setsockopt(udpFd, SOL_UDP, UDP_GRO, &on, sizeof on) != 0) return std::string("UDP_GRO: ") + strerror(errno);
  return "";
}

// run(interface, own address, other address, mode): carries until the process ends.
napi_value run(napi_env env, napi_callback_info info) {
  napi_value values[4], nothing;
  size_t count = 4;
  char words[4][64] = {};
  napi_get_undefined(env, &nothing);
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  for (size_t i = 0; i < count; i++) napi_get_value_string_utf8(env, values[i], words[i], sizeof words[i], nullptr);
  const std::string wanted = words[3];
  mode = wanted == "plain" ? Mode::plain : wanted == "null" ? Mode::none : Mode::gcm;
  std::string fault = openTun(words[0]);
  if (fault.empty()) fault = openUdp(words[1], words[2]);
  if (!fault.empty()) {
    napi_throw_error(env, nullptr, fault.c_str());
    return nothing;
  }
  std::thread(carryOut).detach();
  std::thread(carryIn).detach();
  return nothing;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, nullptr, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}
