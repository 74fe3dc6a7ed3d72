/**
 * SO_MARK of the sockets that carry a node's own traffic: by it, and by nothing else, the lock tells them from those of
 * other programs (protocol.md 11.6). Its bits are none of those that Kubernetes, Calico, Cilium, Docker or Tailscale test.
 */
export const CONTROL_MARK = 0x3047;
