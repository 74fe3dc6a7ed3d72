/** Numbers of the DNS that names of members need (RFC 1035 3.2, 4.1; RFC 3596; RFC 6891). */
export const RR_TYPE = { a: 1, ns: 2, soa: 6, ptr: 12, aaaa: 28, opt: 41, any: 255 } as const;
export const RR_CLASS = { internet: 1, any: 255 } as const;
export const RCODE = { noError: 0, formErr: 1, notImp: 4, nxDomain: 3, refused: 5 } as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

/** Of the flags of a header. */
export const DNS_FLAG = {
  response: 0x8000,
  opcode: 0x7800,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
} as const;

export const DNS_HEADER = 12;
/** Longest label and longest name, in bytes on the wire. */
export const LONGEST_LABEL = 63;
export const LONGEST_NAME = 255;
/** What every resolver takes over UDP, and the most that is sent where it says that it takes more. */
export const UDP_BYTES = { least: 512, most: 1_232 } as const;
