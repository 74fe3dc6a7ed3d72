// A lock for sections of microseconds that two threads seldom enter at once.
#pragma once
#include <sched.h>

#include <atomic>

namespace gscip {

class SpinLock {
 public:
  void lock() {
    for (int turns = 0; held_.exchange(true, std::memory_order_acquire); turns++)
      if (turns > 64) sched_yield();
  }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> held_{false};
};

class Held {
 public:
  explicit Held(SpinLock& lock) : lock_(lock) { lock_.lock(); }
  ~Held() { lock_.unlock(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  SpinLock& lock_;
};

}  // namespace gscip
