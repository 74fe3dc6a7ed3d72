import type { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import type { PathAddress } from '../base/path-address.ts';
import { ENDPOINT_BYTES, readEndpoint, writeEndpoint } from './endpoint.ts';

/** Where a node may be reached: on its own interface, as others see it, or by a mapping that its router gave. */
export const CANDIDATE_KIND = { host: 1, reflexive: 2, mapped: 3 } as const;
export type CandidateKind = keyof typeof CANDIDATE_KIND;

export interface Candidate {
  readonly kind: CandidateKind;
  readonly address: PathAddress;
  /** the DC saw a datagram of this node come from this very address; set by the DC, never believed of a node */
  readonly seen: boolean;
}

/*
 * A candidate in 20 bytes: kind 1 (bit 7: seen by the DC) · endpoint 19 (protocol.md 6.6).
 */

export const CANDIDATE_BYTES = 1 + ENDPOINT_BYTES;
const SEEN = 0x80;

export function writeCandidate(writer: ByteWriter, { kind, address, seen }: Candidate): ByteWriter {
  return writeEndpoint(writer.u8(CANDIDATE_KIND[kind] | (seen ? SEEN : 0)), address);
}

export function readCandidate(reader: ByteReader): Candidate | null {
  const first = reader.u8();
  const address = readEndpoint(reader);
  const kind = kindOf(first & ~SEEN);
  return kind === undefined || !address ? null : { kind, address, seen: (first & SEEN) !== 0 };
}

function kindOf(code: number): CandidateKind | undefined {
  switch (code) {
    case CANDIDATE_KIND.host:
      return 'host';
    case CANDIDATE_KIND.reflexive:
      return 'reflexive';
    case CANDIDATE_KIND.mapped:
      return 'mapped';
    default:
      return undefined;
  }
}
