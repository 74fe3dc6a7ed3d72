// slow-link NETNS-A DEVICE-A NETNS-B DEVICE-B: a wire between two namespaces (files such as /run/netns/x) that delays, varies
// the delay, loses, doubles and limits the rate. It makes a TAP device at each end and carries whole Ethernet frames.
//
// Standard input, one rule a line, at any time:
//
//   ab|ba  *|ADDRESS  DELAY-US  JITTER-US  LOSS-PPM  DOUBLE-PPM  RATE-KBIT
//
// `ab`: of frames from A to B. ADDRESS: of IP packets from or to it; the newest such rule goes before `*`. Jitter is added to each
// frame by itself, so that frames overtake each other; without jitter their order is kept. RATE 0: no limit. Prints `ready`
// when the devices are there, `done` after each line, and counts as JSON when it gets SIGTERM. The same seed gives the same losses.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <queue>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr size_t kFrame = 65536, kWaiting = 20000;
constexpr int kBatch = 64;

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(1);
}

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

struct Rule {
  std::string address;  // bytes of an IP address; empty: every frame
  int64_t delay = 0, jitter = 0;
  uint32_t loss = 0, twice = 0;
  int64_t kbit = 0;
  int64_t freeAt = 0;  // when the wire has sent what it was given, at that rate
};

struct Waiting {
  int64_t at;
  uint64_t order;
  std::vector<uint8_t> frame;
  bool operator<(const Waiting& other) const { return at != other.at ? at > other.at : order > other.order; }
};

struct Count {
  uint64_t carried = 0, lost = 0, doubled = 0, overflowed = 0;
};

struct Direction {
  int from, to;
  std::vector<Rule> rules{1};
  std::priority_queue<Waiting> waiting;
  Count count;
};

std::mt19937_64 randomness(1);
uint64_t order = 0;
volatile sig_atomic_t ended = 0;

bool chance(uint32_t perMillion) { return perMillion != 0 && randomness() % 1'000'000 < perMillion; }

bool concerns(const Rule& rule, const uint8_t* frame, size_t length) {
  const size_t size = rule.address.size();
  if (size == 0) return true;
  const size_t at = size == 4 ? 14 + 12 : 14 + 8;  // of the source address; the destination follows
  if (length < at + 2 * size || frame[12] != (size == 4 ? 0x08 : 0x86) || frame[13] != (size == 4 ? 0x00 : 0xdd)) return false;
  const uint8_t* source = frame + at;
  return memcmp(source, rule.address.data(), size) == 0 || memcmp(source + size, rule.address.data(), size) == 0;
}

Rule& ruleOf(Direction& direction, const uint8_t* frame, size_t length) {
  for (size_t at = direction.rules.size(); at-- > 1;)
    if (concerns(direction.rules[at], frame, length)) return direction.rules[at];
  return direction.rules[0];
}

void take(Direction& direction, const uint8_t* frame, size_t length) {
  Rule& rule = ruleOf(direction, frame, length);
  if (chance(rule.loss)) {
    direction.count.lost++;
    return;
  }
  int64_t leaves = now();
  if (rule.kbit > 0) {
    rule.freeAt = std::max(rule.freeAt, leaves) + static_cast<int64_t>(length) * 8'000'000 / rule.kbit;
    leaves = rule.freeAt;
  }
  const int copies = chance(rule.twice) ? 2 : 1;
  direction.count.doubled += copies - 1;
  for (int copy = 0; copy < copies; copy++) {
    if (direction.waiting.size() >= kWaiting) {
      direction.count.overflowed++;
      return;
    }
    const int64_t more = rule.jitter > 0 ? static_cast<int64_t>(randomness() % rule.jitter) : 0;
    direction.waiting.push({leaves + rule.delay + more, order++, {frame, frame + length}});
  }
}

void readFrames(Direction& direction) {
  static uint8_t frame[kFrame];
  for (int i = 0; i < kBatch; i++) {
    const ssize_t length = read(direction.from, frame, sizeof frame);
    if (length <= 0) return;  // nothing more, or the device is down
    take(direction, frame, static_cast<size_t>(length));
  }
}

void writeDue(Direction& direction) {
  while (!direction.waiting.empty() && direction.waiting.top().at <= now()) {
    const auto& frame = direction.waiting.top().frame;
    if (write(direction.to, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size())) direction.count.carried++;
    direction.waiting.pop();
  }
}

int openTap(const char* netns, const char* device) {
  const int space = open(netns, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) fail(netns);
  const int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tap < 0) fail("/dev/net/tun");
  ifreq request{};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", device);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(tap, TUNSETIFF, &request) != 0) fail(device);
  close(space);
  return tap;
}

std::string addressOf(const char* text) {
  char bytes[16];
  if (strcmp(text, "*") == 0) return {};
  if (inet_pton(AF_INET, text, bytes) == 1) return {bytes, 4};
  if (inet_pton(AF_INET6, text, bytes) == 1) return {bytes, 16};
  fprintf(stderr, "%s is not an address\n", text);
  exit(2);
}

void command(const char* line, Direction& ab, Direction& ba) {
  char which[8], address[64];
  long long delay, jitter, loss, twice, kbit;
  if (sscanf(line, "%7s %63s %lld %lld %lld %lld %lld", which, address, &delay, &jitter, &loss, &twice, &kbit) != 7) {
    fprintf(stderr, "not a rule: %s\n", line);
    exit(2);
  }
  Direction& direction = strcmp(which, "ab") == 0 ? ab : ba;
  Rule rule{addressOf(address), delay * 1000, jitter * 1000, static_cast<uint32_t>(loss), static_cast<uint32_t>(twice), kbit, 0};
  size_t at = 0;
  while (at < direction.rules.size() && direction.rules[at].address != rule.address) at++;
  if (at == direction.rules.size()) direction.rules.emplace_back();
  direction.rules[at] = rule;
  puts("done");
  fflush(stdout);
}

// False at its end.
bool readCommands(std::string& text, Direction& ab, Direction& ba) {
  char bytes[4096];
  const ssize_t length = read(STDIN_FILENO, bytes, sizeof bytes);
  if (length <= 0) return false;
  text.append(bytes, static_cast<size_t>(length));
  for (size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) command(text.substr(0, end).c_str(), ab, ba);
  return true;
}

void report(const char* name, const Count& count) {
  printf("\"%s\":{\"carried\":%lu,\"lost\":%lu,\"doubled\":%lu,\"overflowed\":%lu}", name, count.carried, count.lost, count.doubled,
         count.overflowed);
}

int64_t nextDue(const Direction& ab, const Direction& ba) {
  int64_t due = INT64_MAX;
  for (const Direction* each : {&ab, &ba})
    if (!each->waiting.empty()) due = std::min(due, each->waiting.top().at);
  return due;
}

void waitFor(pollfd* fds, int count, int64_t due) {
  const int64_t left = due == INT64_MAX ? 1'000'000'000 : std::max<int64_t>(0, due - now());
  const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
  if (ppoll(fds, static_cast<nfds_t>(count), &timeout, nullptr) < 0 && errno != EINTR) fail("ppoll");
}

}  // namespace

int main(int count, char** words) {
  if (count != 5) return fputs("usage: slow-link NETNS-A DEVICE-A NETNS-B DEVICE-B\n", stderr), 2;
  const int a = openTap(words[1], words[2]), b = openTap(words[3], words[4]);
  Direction ab{a, b, std::vector<Rule>(1), {}, {}}, ba{b, a, std::vector<Rule>(1), {}, {}};
  signal(SIGTERM, [](int) { ended = 1; });
  prctl(PR_SET_TIMERSLACK, 1);
  puts("ready");
  fflush(stdout);

  std::string text;
  pollfd fds[3] = {{a, POLLIN, 0}, {b, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  int watched = 3;
  while (!ended) {
    waitFor(fds, watched, nextDue(ab, ba));
    readFrames(ab);
    readFrames(ba);
    writeDue(ab);
    writeDue(ba);
    if (watched == 3 && fds[2].revents != 0 && !readCommands(text, ab, ba)) watched = 2;
    for (pollfd& each : fds) each.revents = 0;
  }
  putchar('{');
  report("ab", ab.count);
  putchar(',');
  report("ba", ba.count);
  puts("}");
}
