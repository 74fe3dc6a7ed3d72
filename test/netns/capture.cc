// capture DEVICE FILE: writes every packet that crosses a device, whole, to a pcap file, each as soon as it is seen.
// tcpdump cannot do this inside a user namespace: it insists on changing its groups, which is forbidden there.
// UDP that crosses in one piece, to be cut later or never, is written as the datagrams that it stands for,
// with the checksums of the whole; before Linux 6.2 the capture ends with an error at that. TCP stays as it comes.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

namespace {

constexpr uint32_t kEthernet = 1, kRaw = 101;  // pcap link types
constexpr uint32_t kSnap = 1 << 18;            // above any super-packet
constexpr uint8_t kUdpRun = 5;                 // VIRTIO_NET_HDR_GSO_UDP_L4
constexpr size_t kUdp = 8;

// struct virtio_net_hdr, whose header C++ cannot read.
struct About {
  uint8_t flags, gsoType;
  uint16_t headerLength, gsoSize, checksumStart, checksumOffset;
};

int fail(const char* what) {
  perror(what);
  return 1;
}

// A TUN device has no link layer: its packets begin with the IP header.
uint32_t linkType(int socket, const char* device) {
  ifreq request{};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", device);
  return ioctl(socket, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_NONE ? kRaw : kEthernet;
}

void put(FILE* file, const void* bytes, size_t length) { fwrite(bytes, 1, length, file); }

void put16(uint8_t* at, size_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

// One packet: headers and payload.
void writePacket(FILE* file, const timeval& now, const uint8_t* head, size_t headers, const uint8_t* rest,
                 size_t length) {
  const uint32_t size = static_cast<uint32_t>(headers + length);
  const uint32_t row[4] = {static_cast<uint32_t>(now.tv_sec), static_cast<uint32_t>(now.tv_usec), size, size};
  put(file, row, sizeof row);
  put(file, head, headers);
  put(file, rest, length);
}

// Bytes up to the UDP payload; 0 for what is no IP packet whose next header is UDP.
size_t headersOf(const uint8_t* packet, size_t length, size_t link) {
  if (length < link + 20) return 0;
  const uint8_t* ip = packet + link;
  size_t above = 0;
  if (ip[0] >> 4 == 4 && ip[9] == IPPROTO_UDP) above = (ip[0] & 15) * 4;
  if (ip[0] >> 4 == 6 && ip[6] == IPPROTO_UDP) above = 40;
  return above != 0 && length >= link + above + kUdp ? link + above + kUdp : 0;
}

// The datagrams of a run, each with the lengths of its own in its headers.
void writeRun(FILE* file, const timeval& now, uint8_t* packet, size_t length, size_t link, size_t headers,
              size_t segment) {
  uint8_t* ip = packet + link;
  for (size_t at = headers; at < length; at += segment) {
    const size_t size = length - at < segment ? length - at : segment;
    put16(packet + headers - kUdp + 4, kUdp + size);
    if (ip[0] >> 4 == 4) put16(ip + 2, headers - link + size);
    else put16(ip + 4, kUdp + size);
    writePacket(file, now, packet, headers, packet + at, size);
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return fputs("usage: capture DEVICE FILE\n", stderr), 2;
  int socket = ::socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (socket < 0) return fail("AF_PACKET socket");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(words[1]));
  if (address.sll_ifindex == 0) return fail(words[1]);
  int room = 32 << 20;
  setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  int on = 1;
  if (setsockopt(socket, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0) return fail("PACKET_VNET_HDR");
  if (bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return fail("bind");

  FILE* file = fopen(words[2], "w");
  if (file == nullptr) return fail(words[2]);
  const uint32_t type = linkType(socket, words[1]);
  const size_t link = type == kRaw ? 0 : ETH_HLEN;
  const uint32_t head[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, kSnap, type};
  put(file, head, sizeof head);
  fflush(file);
  puts("listening");
  fflush(stdout);

  static uint8_t packet[kSnap];
  About about;
  iovec parts[2] = {{&about, sizeof about}, {packet, sizeof packet}};
  for (;;) {
    const ssize_t got = readv(socket, parts, 2);
    if (got < static_cast<ssize_t>(sizeof about)) return fail("read");
    const size_t length = static_cast<size_t>(got) - sizeof about;
    timeval now;
    gettimeofday(&now, nullptr);
    const size_t headers = about.gsoType == kUdpRun && about.gsoSize > 0 ? headersOf(packet, length, link) : 0;
    if (headers != 0) writeRun(file, now, packet, length, link, headers, about.gsoSize);
    else writePacket(file, now, packet, length, packet, 0);
    fflush(file);
  }
}
