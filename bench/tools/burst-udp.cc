// Datagrams at an even rate, over several flows in turn, by two threads. Prints one JSON object.
//
//   burst-udp SOURCE PORT FLOWS ADDRESS PORT SIZE RATE SECONDS BURST PREFIX AT
//
// Flow n leaves from source port PORT + n. BURST datagrams of a flow follow each other at once, by UDP_SEGMENT, then the next flow
// has its turn; RATE counts all datagrams per second, 0: as fast as it goes. Each begins with PREFIX, hexadecimal; its two bytes at AT grow by n, unless AT
// is negative. IPv4 only.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int kThreads = 2;

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

struct Plan {
  const char *source, *address, *prefix;
  int sourcePort, flows, port, size, burst, at;
  double rate, seconds;
};

struct Flow {
  int fd;
  std::vector<uint8_t> bytes;
};

sockaddr_in addressOf(const char* text, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, text, &address.sin_addr) != 1) fail(text);
  return address;
}

std::vector<uint8_t> prefixOf(const Plan& plan, int flow) {
  std::vector<uint8_t> bytes;
  const char* hex = plan.prefix;
  for (unsigned value; hex[0] && hex[1] && sscanf(hex, "%2x", &value) == 1; hex += 2) bytes.push_back(value);
  if (plan.at < 0 || size_t(plan.at) + 2 > bytes.size()) return bytes;
  uint8_t* place = &bytes[plan.at];
  const int number = (place[0] << 8 | place[1]) + flow;
  place[0] = static_cast<uint8_t>(number >> 8);
  place[1] = static_cast<uint8_t>(number);
  return bytes;
}

Flow openFlow(const Plan& plan, int number) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  const sockaddr_in from = addressOf(plan.source, plan.sourcePort + number);
  const sockaddr_in to = addressOf(plan.address, plan.port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) fail("bind");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
  if (plan.burst > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &plan.size, sizeof plan.size) != 0) fail("UDP_SEGMENT");
  Flow flow{fd, std::vector<uint8_t>(size_t(plan.size) * plan.burst, 0x10)};
  const std::vector<uint8_t> prefix = prefixOf(plan, number);
  for (int i = 0; i < plan.burst; i++) std::copy(prefix.begin(), prefix.end(), &flow.bytes[size_t(i) * plan.size]);
  return flow;
}

// Every second flow from `first` on, at half the rate; datagrams sent.
uint64_t sendFlows(const Plan& plan, std::vector<Flow>& flows, int first, int64_t begin) {
  prctl(PR_SET_TIMERSLACK, 1);
  const int step = plan.flows < kThreads ? 1 : kThreads;
  const double rate = plan.flows < kThreads ? plan.rate : plan.rate / kThreads;
  const int64_t end = begin + static_cast<int64_t>(plan.seconds * kSecond);
  uint64_t sent = 0;
  for (size_t flow = first;; flow = flow + step < flows.size() ? flow + step : first) {
    const int64_t due = rate > 0 ? begin + static_cast<int64_t>(static_cast<double>(sent) / rate * kSecond) : 0;
    const int64_t at = now();
    if (at >= end) return sent;
    if (due > at) sleepUntil(due);
    if (send(flows[flow].fd, flows[flow].bytes.data(), flows[flow].bytes.size(), 0) < 0 && errno != ENOBUFS) {
      if (errno != ECONNREFUSED) fail("send");
      continue;
    }
    sent += plan.burst;
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 12) {
    fprintf(stderr, "burst-udp SOURCE PORT FLOWS ADDRESS PORT SIZE RATE SECONDS BURST PREFIX AT\n");
    return 2;
  }
  Plan plan{};
  plan.source = words[1];
  plan.sourcePort = atoi(words[2]);
  plan.flows = atoi(words[3]);
  plan.address = words[4];
  plan.port = atoi(words[5]);
  plan.size = atoi(words[6]);
  plan.rate = atof(words[7]);
  plan.seconds = atof(words[8]);
  plan.burst = atoi(words[9]);
  plan.prefix = words[10];
  plan.at = atoi(words[11]);
  std::vector<Flow> flows;
  for (int i = 0; i < plan.flows; i++) flows.push_back(openFlow(plan, i));
  std::atomic<uint64_t> sent{0};
  const int64_t begin = now();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads && i < plan.flows; i++)
    threads.emplace_back([&, i] { sent += sendFlows(plan, flows, i, begin); });
  for (std::thread& thread : threads) thread.join();
  const double took = static_cast<double>(now() - begin) / kSecond;
  printf("{\"sent\":%lu,\"seconds\":%.6f,\"rate\":%.1f}\n", sent.load(), took, static_cast<double>(sent.load()) / took);
}
