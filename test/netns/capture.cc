// capture DEVICE FILE: writes every packet that crosses a device, whole, to a pcap file, each as soon as it is seen.
// tcpdump cannot do this inside a user namespace: it insists on changing its groups, which is forbidden there.
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace {

constexpr uint32_t kEthernet = 1, kRaw = 101;  // pcap link types
constexpr uint32_t kSnap = 1 << 18;            // above any super-packet

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
  if (bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return fail("bind");

  FILE* file = fopen(words[2], "w");
  if (file == nullptr) return fail(words[2]);
  const uint32_t head[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, kSnap, linkType(socket, words[1])};
  put(file, head, sizeof head);
  fflush(file);
  puts("listening");
  fflush(stdout);

  static uint8_t packet[kSnap];
  for (;;) {
    const ssize_t length = recv(socket, packet, sizeof packet, 0);
    if (length < 0) return fail("recv");
    timeval now;
    gettimeofday(&now, nullptr);
    const uint32_t size = static_cast<uint32_t>(length);
    const uint32_t row[4] = {static_cast<uint32_t>(now.tv_sec), static_cast<uint32_t>(now.tv_usec), size, size};
    put(file, row, sizeof row);
    put(file, packet, size);
    fflush(file);
  }
}
