// A descriptor by which one thread wakes the event loop of another (eventfd).
#pragma once

namespace gscip {

// A descriptor, or a negative errno. Closed like a device.
int wakeOpen();
void wake(int fd);
// Makes it unreadable until the next wake.
void wakeTake(int fd);

}  // namespace gscip
