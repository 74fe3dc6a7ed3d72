#include "wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices.h"

namespace gscip {

int wakeOpen() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) return -errno;
  if (deviceEnter(fd)) return fd;
  close(fd);
  return -EMFILE;
}

// Fails only when it is readable already, or closed.
void wake(int fd) {
  const uint64_t one = 1;
  if (deviceOf(fd)) static_cast<void>(!write(fd, &one, sizeof one));
}

void wakeTake(int fd) {
  uint64_t count = 0;
  if (deviceOf(fd)) static_cast<void>(!read(fd, &count, sizeof count));
}

}  // namespace gscip
