#include "steering.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire.h"

namespace gscip {
namespace {

// Registers: 0 what was loaded, 6 the packet, 7 the number so far, 8 an offset.
constexpr uint8_t kAll = 0, kPacket = 6, kNumber = 7, kOffset = 8;
constexpr uint32_t kFactor = 0x9e3779b1;

constexpr bpf_insn insn(int code, uint8_t to, uint8_t from, int16_t jump, uint32_t value) {
  return bpf_insn{static_cast<uint8_t>(code), to, from, jump, static_cast<int32_t>(value)};
}
constexpr bpf_insn load(int size, uint32_t at) { return insn(BPF_LD | BPF_ABS | size, 0, 0, 0, at); }
constexpr bpf_insn loadBehind(int size, uint32_t at) { return insn(BPF_LD | BPF_IND | size, 0, kOffset, 0, at); }
constexpr bpf_insn move(uint8_t to, uint8_t from) { return insn(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
constexpr bpf_insn set(uint8_t to, uint32_t value) { return insn(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
constexpr bpf_insn mix() { return insn(BPF_ALU64 | BPF_XOR | BPF_X, kNumber, kAll, 0, 0); }
constexpr bpf_insn change(int operation, uint8_t to, uint32_t value) {
  return insn(BPF_ALU | operation | BPF_K, to, 0, 0, value);
}
constexpr bpf_insn jumpIf(int condition, uint32_t value, int16_t by) {
  return insn(BPF_JMP | condition | BPF_K, kAll, 0, by, value);
}
constexpr bpf_insn jump(int16_t by) { return insn(BPF_JMP | BPF_JA, 0, 0, by, 0); }

// A packet as TUN has it begins with its IP header; a load beyond its end ends the program with 0. Ports belong to the
// number only of whole TCP and UDP packets, of IPv6 without extension headers.
constexpr bpf_insn kFlowQueue[] = {
    move(kPacket, 1),
    set(kNumber, 0),
    load(BPF_B, 0),
    change(BPF_RSH, kAll, 4),
    jumpIf(BPF_JEQ, 6, 15),
    // IPv4
    load(BPF_W, ip4::kSource),
    mix(),
    load(BPF_W, ip4::kSource + 4),
    mix(),
    load(BPF_H, ip4::kFragment),
    change(BPF_AND, kAll, ip4::kMore | ip4::kOffset),
    jumpIf(BPF_JNE, 0, 33),
    load(BPF_B, ip4::kProtocol),
    jumpIf(BPF_JEQ, tcp::kProtocol, 1),
    jumpIf(BPF_JNE, udp::kProtocol, 30),
    load(BPF_B, 0),
    change(BPF_AND, kAll, 15),
    change(BPF_LSH, kAll, 2),
    move(kOffset, kAll),
    jump(21),
    // IPv6
    load(BPF_W, ip6::kSource),
    mix(),
    load(BPF_W, ip6::kSource + 4),
    mix(),
    load(BPF_W, ip6::kSource + 8),
    mix(),
    load(BPF_W, ip6::kSource + 12),
    mix(),
    load(BPF_W, ip6::kSource + 16),
    mix(),
    load(BPF_W, ip6::kSource + 20),
    mix(),
    load(BPF_W, ip6::kSource + 24),
    mix(),
    load(BPF_W, ip6::kSource + 28),
    mix(),
    set(kOffset, ip6::kMin),
    load(BPF_B, ip6::kNext),
    jumpIf(BPF_JEQ, tcp::kProtocol, 2),
    jumpIf(BPF_JEQ, udp::kProtocol, 1),
    jump(4),
    // ports
    loadBehind(BPF_H, 0),
    mix(),
    loadBehind(BPF_H, 2),
    mix(),
    // the queue
    change(BPF_MUL, kNumber, kFactor),
    change(BPF_RSH, kNumber, 16),
    move(kAll, kNumber),
    insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
};

int loadProgram(const bpf_insn* program, int length) {
  bpf_attr attribute;
  memset(&attribute, 0, sizeof attribute);
  attribute.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attribute.insns = reinterpret_cast<uint64_t>(program);
  attribute.insn_cnt = length;
  attribute.license = reinterpret_cast<uint64_t>("Apache-2.0");
  return static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &attribute, sizeof attribute));
}

}  // namespace

int tunSteer(int fd) {
  int program = loadProgram(kFlowQueue, sizeof kFlowQueue / sizeof *kFlowQueue);
  if (program < 0) return errno;
  const int error = ioctl(fd, TUNSETSTEERINGEBPF, &program) == 0 ? 0 : errno;
  // the device holds it by now
  close(program);
  return error;
}

int udpSteer(int fd) {
  // A number beyond the group leaves the choice to the kernel's own hash.
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, data_header::kType, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog filter{sizeof program / sizeof *program, program};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) == 0 ? 0 : errno;
}

}  // namespace gscip
