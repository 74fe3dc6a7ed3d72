// TCP sockets that carry a mark for packet filters from their first packet on; Node takes them over by their number.
#pragma once

namespace gscip {

struct TcpRequest {
  // text; null when listening: all addresses of both families
  const char* address;
  int port;
  // 0 none
  int mark;
};

struct TcpResult {
  // an errno, 0 when open
  int error;
  // the caller's to close
  int fd;
};

// Begins to connect and does not wait for the answer.
TcpResult tcpConnect(const TcpRequest& request);
// Bound, and not listening yet: Node begins that.
TcpResult tcpBind(const TcpRequest& request);

}  // namespace gscip
