/** Header offsets of the inner packet, from the start of each header (RFC 791, 8200, 9293, 768). */
export const IPV4 = {
  size: 20,
  totalLength: 2,
  id: 4,
  fragment: 6,
  protocol: 9,
  checksum: 10,
  addresses: 12,
  addressBytes: 8,
  reserved: 0x8000,
  moreFragments: 0x2000,
  fragmentOffset: 0x1fff,
} as const;

export const IPV6 = { size: 40, payloadLength: 4, nextHeader: 6, addresses: 8, addressBytes: 32 } as const;

/** Next-header numbers of the IPv6 extension headers that are stepped over. */
export const EXTENSION = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const;

export const TCP = {
  protocol: 6,
  size: 20,
  sequence: 4,
  dataOffset: 12,
  flags: 13,
  checksum: 16,
  fin: 0x01,
  push: 0x08,
  ack: 0x10,
  cwr: 0x80,
} as const;

export const UDP = { protocol: 17, size: 8, length: 4, checksum: 6 } as const;
