#include "service-notice.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace gscip {

int noticeSend(const uint8_t* path, size_t pathLength, const uint8_t* text, size_t length) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (pathLength < 2 || pathLength >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return EINVAL;
  memcpy(address.sun_path, path, pathLength);
  // An abstract name has no end but its length, and begins with a zero.
  if (path[0] == '@') address.sun_path[0] = 0;
  const socklen_t size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + pathLength + (path[0] == '@' ? 0 : 1));
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const ssize_t sent = sendto(fd, text, length, MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size);
  const int error = sent < 0 ? errno : 0;
  close(fd);
  return error;
}

}  // namespace gscip
