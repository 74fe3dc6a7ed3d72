#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "udp.h"

namespace gscip {
namespace {

void prepare(UdpScratch& scratch, Arena arena, int count) {
  for (int i = 0; i < count; i++) {
    scratch.parts[i] = iovec{arena.bytes + int64_t{i} * kMessageStride, 65536};
    msghdr& header = scratch.headers[i].msg_hdr;
    header.msg_name = &scratch.sources[i];
    header.msg_namelen = sizeof scratch.sources[i];
    header.msg_iov = &scratch.parts[i];
    header.msg_iovlen = 1;
    header.msg_control = scratch.control[i];
    header.msg_controllen = sizeof scratch.control[i];
    header.msg_flags = 0;
  }
}

void writeSource(const sockaddr_in6& source, MessageRow& row) {
  static const uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  memset(row.address, 0, sizeof row.address);
  row.port = ntohs(source.sin6_port);
  row.family = 4;
  if (source.sin6_family == AF_INET) {
    memcpy(row.address, &reinterpret_cast<const sockaddr_in&>(source).sin_addr, 4);
  } else if (memcmp(&source.sin6_addr, kMapped, sizeof kMapped) == 0) {
    memcpy(row.address, source.sin6_addr.s6_addr + sizeof kMapped, 4);
  } else {
    row.family = 6;
    memcpy(row.address, &source.sin6_addr, 16);
  }
}

void writeControl(msghdr& header, MessageRow& row) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control; control = CMSG_NXTHDR(&header, control)) {
    const void* data = CMSG_DATA(control);
    if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
      memcpy(&row.segment, data, sizeof row.segment);
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      memcpy(&info, data, sizeof info);
      row.interface = static_cast<int32_t>(info.ipi6_ifindex);
    } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      memcpy(&info, data, sizeof info);
      row.interface = info.ipi_ifindex;
    }
  }
}

}  // namespace

int udpReceiveBatch(int fd, Arena arena, Table<MessageRow> messages, UdpScratch& scratch, Counters counters) {
  int most = messages.capacity < kMaxMessages ? messages.capacity : kMaxMessages;
  if (most > arena.length / kMessageStride) most = static_cast<int>(arena.length / kMessageStride);
  if (most <= 0) return 0;
  prepare(scratch, arena, most);
  int count;
  do count = recvmmsg(fd, scratch.headers, most, MSG_DONTWAIT, nullptr);
  while (count < 0 && errno == EINTR);
  if (count < 0) return errno == EAGAIN ? 0 : -errno;
  for (int i = 0; i < count; i++) {
    MessageRow& row = messages.rows[i];
    row = MessageRow{};
    row.offset = i * kMessageStride;
    row.length = row.segment = static_cast<int32_t>(scratch.headers[i].msg_len);
    writeSource(scratch.sources[i], row);
    writeControl(scratch.headers[i].msg_hdr, row);
  }
  counters.add(kReceives, count);
  return count;
}

}  // namespace gscip
