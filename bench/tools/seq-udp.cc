// Numbered datagrams: what was lost, doubled or late is known one by one. Prints one JSON object per answer.
//
//   seq-udp send ADDRESS PORT RATE SECONDS SIZE               one flow, RATE per second evenly spaced (0: as fast as it goes),
//                                                             until SECONDS are over or SIGTERM comes
//   seq-udp flows ADDRESS PORT RATE COUNT SIZE SOURCE FLOWS once|random
//                                                             COUNT datagrams over FLOWS flows that differ in ports
//   seq-udp receive ADDRESS PORT PORTS count|answer           counts on PORTS ports from PORT on, until SIGTERM;
//                                                             `answer` also sends each datagram back; each SIGUSR1 prints the
//                                                             longest gap since the last one, and how many were late so far
//   seq-udp echo ADDRESS PORT                                 sends everything back
//   seq-udp ask ADDRESS PORT                                  for each line "COUNT GAP_US new|same" on standard input:
//                                                             COUNT round trips, from a new source port or the last one
//
// A datagram begins with its number, 8 bytes little endian. IPv4 only.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

constexpr int kBatch = 64;
constexpr int kMaxSize = 2048;
constexpr int kHeaders = 28;             // IPv4 and UDP, for the datagrams that we build ourselves
constexpr uint32_t kSourcePorts = 60000; // from 1024 on; more flows take further destination ports
constexpr int64_t kSecond = 1'000'000'000;

volatile sig_atomic_t stopped = 0, marked = 0;

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(1);
}

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

void sleepUntil(int64_t at) {
  const timespec t{at / kSecond, at % kSecond};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

sockaddr_in addressOf(const char* text, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, text, &address.sin_addr) != 1) fail(text);
  return address;
}

int udpSocket(const sockaddr_in* local, const sockaddr_in* remote) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket");
  const int room = 16 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  if (local != nullptr && bind(fd, reinterpret_cast<const sockaddr*>(local), sizeof *local) != 0) fail("bind");
  if (remote != nullptr && connect(fd, reinterpret_cast<const sockaddr*>(remote), sizeof *remote) != 0) fail("connect");
  return fd;
}

// A ring of equal datagrams that are sent with one call.
struct Batch {
  uint8_t bytes[kBatch][kMaxSize] = {};
  iovec vectors[kBatch];
  mmsghdr messages[kBatch] = {};

  explicit Batch(size_t size, sockaddr_in* to = nullptr) {
    for (int i = 0; i < kBatch; i++) {
      vectors[i] = {bytes[i], size};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = to;
      messages[i].msg_hdr.msg_namelen = to == nullptr ? 0 : sizeof *to;
    }
  }
};

// Sends `count` datagrams (or, with 0, until `seconds` are over), each when it is due; `fill` writes number n into a buffer.
template <typename Fill>
void sendPaced(int fd, Batch& batch, double rate, uint64_t count, double seconds, Fill fill) {
  prctl(PR_SET_TIMERSLACK, 1);
  const int64_t begin = now(), end = seconds > 0 ? begin + static_cast<int64_t>(seconds * kSecond) : INT64_MAX;
  uint64_t sent = 0, refused = 0;
  while (!stopped && (count == 0 || sent < count)) {
    const int64_t at = now();
    if (at >= end) break;
    uint64_t due = rate == 0 ? sent + kBatch : static_cast<uint64_t>(static_cast<double>(at - begin) / kSecond * rate) + 1;
    if (count != 0) due = std::min(due, count);
    if (due <= sent) {
      sleepUntil(begin + static_cast<int64_t>(static_cast<double>(sent) / rate * kSecond));
      continue;
    }
    const unsigned wanted = static_cast<unsigned>(std::min<uint64_t>(due - sent, kBatch));
    for (unsigned i = 0; i < wanted; i++) fill(batch.bytes[i], sent + i);
    const int done = sendmmsg(fd, batch.messages, wanted, 0);
    if (done <= 0) {
      if (errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) fail("sendmmsg");
      refused++;
    }
    sent += done > 0 ? static_cast<unsigned>(done) : 1;  // a datagram that the device refused is lost, and counted by who receives
  }
  const double took = static_cast<double>(now() - begin) / kSecond;
  printf("{\"sent\":%lu,\"refused\":%lu,\"seconds\":%.6f,\"rate\":%.1f}\n", sent, refused, took, static_cast<double>(sent) / took);
}

void sendOneFlow(char** words) {
  sockaddr_in to = addressOf(words[0], atoi(words[1]));
  const int fd = udpSocket(nullptr, &to);
  Batch batch(static_cast<size_t>(atoi(words[4])));
  sendPaced(fd, batch, atof(words[2]), 0, atof(words[3]), [](uint8_t* at, uint64_t number) { memcpy(at, &number, 8); });
}

uint32_t sumWords(const uint8_t* bytes, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < length; i += 2) sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  return sum;
}

uint16_t checksum(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<uint16_t>(~sum));
}

// The ports are ours to choose only in packets that we build: a thousand sockets would be no million flows.
void sendManyFlows(char** words) {
  sockaddr_in to = addressOf(words[0], 0);
  const int port = atoi(words[1]);
  const size_t size = static_cast<size_t>(atoi(words[4]));
  const uint32_t flows = static_cast<uint32_t>(atol(words[6]));
  const bool random = strcmp(words[7], "random") == 0;
  const int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (fd < 0) fail("raw socket");
  const int room = 16 << 20;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);

  static Batch batch(size + kHeaders, &to);
  for (auto& packet : batch.bytes) {
    iphdr ip{};
    ip.version = 4, ip.ihl = 5, ip.ttl = 64, ip.protocol = IPPROTO_UDP;
    ip.tot_len = htons(static_cast<uint16_t>(size + kHeaders));
    ip.saddr = addressOf(words[5], 0).sin_addr.s_addr;
    ip.daddr = to.sin_addr.s_addr;
    memcpy(packet, &ip, sizeof ip);  // the kernel fills in the header's checksum
  }
  uint64_t state = 0x9e3779b97f4a7c15;
  sendPaced(fd, batch, atof(words[2]), static_cast<uint64_t>(atol(words[3])), 0, [&](uint8_t* packet, uint64_t number) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    const uint32_t flow = static_cast<uint32_t>((random ? state >> 16 : number) % flows);
    udphdr udp{};
    udp.source = htons(static_cast<uint16_t>(1024 + flow % kSourcePorts));
    udp.dest = htons(static_cast<uint16_t>(static_cast<uint32_t>(port) + flow / kSourcePorts));
    udp.len = htons(static_cast<uint16_t>(size + sizeof udp));
    memcpy(packet + 20, &udp, sizeof udp);
    memcpy(packet + kHeaders, &number, 8);
    const uint32_t pseudo = sumWords(packet + 12, 8) + IPPROTO_UDP + static_cast<uint32_t>(size + sizeof udp);
    udp.check = checksum(pseudo + sumWords(packet + 20, size + sizeof udp));
    memcpy(packet + 20, &udp, sizeof udp);
  });
}

// Which numbers have been seen, and what was odd about it.
class Seen {
 public:
  void take(uint64_t number, int64_t at) {
    if (number >= seen_.size()) seen_.resize(std::max<size_t>(number + 1, seen_.size() * 2));
    if (seen_[number]) duplicates_++;
    else distinct_++;
    seen_[number] = true;
    if (received_ > 0 && number < highest_) late_++, furthest_ = std::max(furthest_, highest_ - number);
    if (received_ > 0 && at - last_ > longestGap_) longestGap_ = at - last_, gapEnds_ = at - first_;
    if (received_ > 0) windowGap_ = std::max(windowGap_, at - last_);
    if (received_ == 0) first_ = at;
    highest_ = std::max(highest_, number);
    last_ = at;
    received_++;
  }
  // A window of time ends; a gap that has not ended counts as far as it goes.
  void mark(int64_t at) {
    if (received_ > 0) windowGap_ = std::max(windowGap_, at - last_);
    printf("{\"received\":%lu,\"late\":%lu,\"longestGapMs\":%.3f}\n", received_, late_,
           static_cast<double>(windowGap_) / 1e6);
    fflush(stdout);
    windowGap_ = 0;
  }
  void print() const {
    // Numbers after the highest one seen are not known here: the caller knows how many were sent.
    std::string missing;
    int listed = 0;
    for (uint64_t n = 0; received_ > 0 && n < highest_ && listed < 20; n++) {
      if (!seen_[n]) missing += (listed++ > 0 ? "," : "") + std::to_string(n);
    }
    printf("{\"received\":%lu,\"distinct\":%lu,\"duplicates\":%lu,\"late\":%lu,\"furthestBehind\":%lu,\"highest\":%ld,\"longestGapMs\":%.3f,\"gapEndsMs\":%.0f,\"firstMissing\":[%s]}\n",
           received_, distinct_, duplicates_, late_, furthest_, received_ > 0 ? static_cast<int64_t>(highest_) : -1,
           static_cast<double>(longestGap_) / 1e6, static_cast<double>(gapEnds_) / 1e6, missing.c_str());
  }

 private:
  std::vector<bool> seen_ = std::vector<bool>(1 << 20);
  uint64_t received_ = 0, distinct_ = 0, duplicates_ = 0, late_ = 0, furthest_ = 0, highest_ = 0;
  int64_t first_ = 0, last_ = 0, longestGap_ = 0, gapEnds_ = 0, windowGap_ = 0;
};

void receive(char** words) {
  std::vector<pollfd> sockets;
  for (int i = 0; i < atoi(words[2]); i++) {
    const sockaddr_in own = addressOf(words[0], atoi(words[1]) + i);
    sockets.push_back({udpSocket(&own, nullptr), POLLIN, 0});
  }
  const bool answers = strcmp(words[3], "answer") == 0;
  static Batch batch(kMaxSize);
  static sockaddr_in senders[kBatch];
  Seen seen;
  puts("ready");
  fflush(stdout);
  // Signals are let in only while poll waits: otherwise one that comes just before it would be overlooked.
  sigset_t none;
  sigemptyset(&none);
  // What is under way when SIGTERM comes counts: it ends after a tenth of a second without any, or after one second.
  const timespec quiet{0, 100'000'000};
  int64_t endsAt = INT64_MAX;
  for (int64_t at = 0; at < endsAt;) {
    if (stopped && endsAt == INT64_MAX) endsAt = now() + 1'000'000'000;
    const int ready = ppoll(sockets.data(), sockets.size(), stopped ? &quiet : nullptr, &none);
    at = now();
    if (stopped && ready == 0) break;
    if (marked) marked = 0, seen.mark(at);
    if (ready <= 0) continue;
    for (const pollfd& socket : sockets) {
      if ((socket.revents & POLLIN) == 0) continue;
      for (int i = 0; i < kBatch; i++) {
        batch.vectors[i].iov_len = kMaxSize;
        batch.messages[i].msg_hdr.msg_name = &senders[i];
        batch.messages[i].msg_hdr.msg_namelen = sizeof senders[i];
      }
      const int count = recvmmsg(socket.fd, batch.messages, kBatch, MSG_DONTWAIT, nullptr);
      for (int i = 0; i < count; i++) {
        uint64_t number;
        memcpy(&number, batch.bytes[i], 8);
        if (batch.messages[i].msg_len >= 8 && number < (1ull << 32)) seen.take(number, at);
        batch.vectors[i].iov_len = batch.messages[i].msg_len;
      }
      // What cannot be sent is an answer lost; none of the figures are about answers.
      if (answers && count > 0) sendmmsg(socket.fd, batch.messages, static_cast<unsigned>(count), MSG_DONTWAIT);
    }
  }
  seen.print();
}

void echo(char** words) {
  const sockaddr_in own = addressOf(words[0], atoi(words[1]));
  const int fd = udpSocket(&own, nullptr);
  puts("ready");
  fflush(stdout);
  uint8_t bytes[kMaxSize];
  for (;;) {
    sockaddr_in from;
    socklen_t length = sizeof from;
    const ssize_t size = recvfrom(fd, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (size >= 0) sendto(fd, bytes, static_cast<size_t>(size), 0, reinterpret_cast<sockaddr*>(&from), length);
  }
}

// Waits for the answer with this number; answers with other numbers are extra ones. Returns µs, or -1 after two seconds.
double answer(int fd, uint64_t number, int64_t sent, uint64_t& extra) {
  for (;;) {
    const int left = static_cast<int>((sent + 2 * kSecond - now()) / 1'000'000);
    pollfd readable{fd, POLLIN, 0};
    if (left <= 0 || poll(&readable, 1, left) <= 0) return -1;
    uint64_t got = ~0ull;
    if (recv(fd, &got, sizeof got, MSG_TRUNC) >= 8 && got == number) return static_cast<double>(now() - sent) / 1000;
    extra++;
  }
}

void ask(char** words) {
  const sockaddr_in to = addressOf(words[0], atoi(words[1]));
  int fd = -1, count, gap;
  char which[8];
  uint64_t number = 0, extra = 0;
  while (scanf("%d %d %7s", &count, &gap, which) == 3) {
    if (fd < 0 || strcmp(which, "new") == 0) {
      if (fd >= 0) close(fd);
      fd = udpSocket(nullptr, &to);
    }
    printf("{\"microseconds\":[");
    for (int i = 0; i < count; i++) {
      if (i > 0 && gap > 0) sleepUntil(now() + gap * 1000ll);
      uint8_t bytes[64] = {};
      memcpy(bytes, &++number, 8);
      const int64_t sent = now();
      const bool out = send(fd, bytes, sizeof bytes, 0) == sizeof bytes;
      printf("%s%.2f", i > 0 ? "," : "", out ? answer(fd, number, sent, extra) : -1);
    }
    printf("],\"extra\":%lu}\n", extra);
    fflush(stdout);
  }
}

struct Verb {
  const char* name;
  int words;
  void (*run)(char**);
};
constexpr Verb kVerbs[] = {{"send", 5, sendOneFlow}, {"flows", 8, sendManyFlows}, {"receive", 4, receive}, {"echo", 2, echo}, {"ask", 2, ask}};

}  // namespace

int main(int count, char** words) {
  struct sigaction action{}, mark{};
  action.sa_handler = [](int) { stopped = 1; };
  mark.sa_handler = [](int) { marked = 1; };
  for (const Verb& verb : kVerbs) {
    if (count < 2 || strcmp(words[1], verb.name) != 0 || count - 2 != verb.words) continue;
    if (verb.run == sendOneFlow) sigaction(SIGTERM, &action, nullptr);
    if (verb.run == receive) {
      sigaction(SIGTERM, &action, nullptr);
      sigaction(SIGUSR1, &mark, nullptr);
      sigset_t signals;
      sigemptyset(&signals);
      sigaddset(&signals, SIGTERM);
      sigaddset(&signals, SIGUSR1);
      sigprocmask(SIG_BLOCK, &signals, nullptr);
    }
    verb.run(words + 2);
    return 0;
  }
  fputs("usage: seq-udp send|flows|receive|echo|ask … (see the head of seq-udp.cc)\n", stderr);
  return 2;
}
