#include "nft-generation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace gscip {
namespace {

struct Question {
  nlmsghdr header;
  nfgenmsg family;
};

// The kernel answers at once; this is for one that does not.
constexpr timeval kPatience{0, 100'000};

int64_t ask(int fd) {
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0) return -errno;
  Question question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (sendto(fd, &question, sizeof question, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0) return -errno;
  uint8_t bytes[1024];
  const ssize_t length = recv(fd, bytes, sizeof bytes, 0);
  return length < 0 ? -errno : nftGenerationIn(bytes, static_cast<size_t>(length));
}

// Of a netlink message's body: the attribute of this type with four bytes, in network order; -1 when it is not there.
int64_t wordAttribute(const uint8_t* bytes, size_t length, int type) {
  while (length >= sizeof(nlattr)) {
    nlattr attribute;
    memcpy(&attribute, bytes, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > length) return -1;
    if ((attribute.nla_type & NLA_TYPE_MASK) == type && attribute.nla_len == sizeof attribute + 4) {
      uint32_t word;
      memcpy(&word, bytes + sizeof attribute, 4);
      return ntohl(word);
    }
    const size_t step = (static_cast<size_t>(attribute.nla_len) + 3) & ~static_cast<size_t>(3);
    if (step >= length) return -1;
    bytes += step;
    length -= step;
  }
  return -1;
}

}  // namespace

int64_t nftGeneration() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) return -errno;
  const int64_t answer = ask(fd);
  close(fd);
  return answer;
}

int64_t nftGenerationIn(const uint8_t* bytes, size_t length) {
  nlmsghdr header;
  if (length < sizeof header) return -EBADMSG;
  memcpy(&header, bytes, sizeof header);
  if (header.nlmsg_len < sizeof header || header.nlmsg_len > length) return -EBADMSG;
  if (header.nlmsg_type == NLMSG_ERROR) {
    int32_t error = 0;
    if (header.nlmsg_len >= sizeof header + sizeof error) memcpy(&error, bytes + sizeof header, sizeof error);
    return error < 0 && error > -4096 ? error : -EBADMSG;
  }
  if (header.nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) return -EBADMSG;
  constexpr size_t kBefore = sizeof header + sizeof(nfgenmsg);
  if (header.nlmsg_len < kBefore) return -EBADMSG;
  const int64_t word = wordAttribute(bytes + kBefore, header.nlmsg_len - kBefore, NFTA_GEN_ID);
  return word < 0 ? -EBADMSG : word;
}

}  // namespace gscip
