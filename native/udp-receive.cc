#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "udp.h"

namespace gscip {
namespace {

void prepare(UdpScratch& scratch, Arena arena, int first, int count) {
  for (int i = 0; i < count; i++) {
    scratch.parts[i] = iovec{arena.bytes + int64_t{first + i} * kMessageStride, 65536};
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

// One system call: `count` rows from `first` on. Messages that came, or a negative errno.
int receiveSome(int fd, Arena arena, MessageRow* rows, int first, int count, UdpScratch& scratch) {
  prepare(scratch, arena, first, count);
  int got;
  do got = recvmmsg(fd, scratch.headers, count, MSG_DONTWAIT, nullptr);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? 0 : -errno;
  for (int i = 0; i < got; i++) {
    MessageRow& row = rows[first + i];
    row = MessageRow{};
    row.offset = (first + i) * kMessageStride;
    row.length = row.segment = static_cast<int32_t>(scratch.headers[i].msg_len);
    writeSource(scratch.sources[i], row);
    writeControl(scratch.headers[i].msg_hdr, row);
  }
  return got;
}

}  // namespace

int udpReceiveBatch(int fd, Arena arena, Table<MessageRow> messages, UdpScratch& scratch, Counters counters) {
  int most = messages.capacity < kMaxMessages ? messages.capacity : kMaxMessages;
  if (most > arena.length / kMessageStride) most = static_cast<int>(arena.length / kMessageStride);
  int count = 0, bytes = 0;
  while (count < most && bytes < kReceiveBytes) {
    const int wanted = most - count < kReceiveGroup ? most - count : kReceiveGroup;
    const int got = receiveSome(fd, arena, messages.rows, count, wanted, scratch);
    if (got < 0 && count == 0) return got;
    for (int i = 0; i < got; i++) bytes += messages.rows[count + i].length;
    count += got > 0 ? got : 0;
    if (got < wanted) break;
  }
  counters.add(kReceives, count);
  return count;
}

}  // namespace gscip
