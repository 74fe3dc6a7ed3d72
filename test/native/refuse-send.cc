// Preloaded: a kernel that refuses sends in the way that REFUSE names.
//   gso       UDP_SEGMENT gives EIO, as on a card without checksum offload
//   many      UDP_SEGMENT with more than 64 datagrams gives EINVAL, as before Linux 6.9
//   mtu       every send fails as when the datagrams are above the interface's MTU
//   busy      the socket is always full
#include <dlfcn.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

namespace {

bool is(const char* what) {
  const char* how = getenv("REFUSE");
  return how && !strcmp(how, what);
}

// Datagrams of a UDP_SEGMENT send, 0 for any other.
size_t datagrams(const msghdr* message) {
  const cmsghdr* control = CMSG_FIRSTHDR(message);
  if (!control || control->cmsg_type != UDP_SEGMENT) return 0;
  uint16_t size;
  memcpy(&size, CMSG_DATA(control), sizeof size);
  size_t bytes = 0;
  for (size_t i = 0; i < message->msg_iovlen; i++) bytes += message->msg_iov[i].iov_len;
  return (bytes + size - 1) / size;
}

int fail(int error) {
  errno = error;
  return -1;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  const size_t count = datagrams(message);
  if (count && is("gso")) return fail(EIO);
  if (count > 64 && is("many")) return fail(EINVAL);
  if (count && is("mtu")) return fail(EINVAL);
  if (count && is("busy")) return fail(EAGAIN);
  return next<ssize_t (*)(int, const msghdr*, int)>("sendmsg")(fd, message, flags);
}

extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  if (is("mtu")) return fail(EMSGSIZE);
  if (is("busy")) return fail(EAGAIN);
  return next<int (*)(int, mmsghdr*, unsigned, int)>("sendmmsg")(fd, messages, count, flags);
}
