#include "devices.h"

#include <errno.h>
#include <unistd.h>

namespace gscip {
namespace {

constexpr int kMaxDescriptors = 65536;

struct Entry {
  std::atomic<bool> open;
  Device device;
};
Entry entries[kMaxDescriptors];

}  // namespace

Device* deviceOf(int fd) {
  return fd >= 0 && fd < kMaxDescriptors && entries[fd].open.load(std::memory_order_acquire) ? &entries[fd].device
                                                                                             : nullptr;
}

Device* deviceEnter(int fd) {
  if (fd < 0 || fd >= kMaxDescriptors) return nullptr;
  Device& device = entries[fd].device;
  device.uso = false;
  device.family = 0;
  device.gso = false;
  device.maxSegments = 0;
  device.lastError = 0;
  entries[fd].open.store(true, std::memory_order_release);
  return &device;
}

int deviceClose(int fd) {
  if (!deviceOf(fd)) return EBADF;
  entries[fd].open.store(false, std::memory_order_release);
  return close(fd) == 0 ? 0 : errno;
}

}  // namespace gscip
