import { ByteReader } from '../../base/byte-reader.ts';
import { DNS_FLAG, DNS_HEADER, LONGEST_LABEL, LONGEST_NAME, RR_TYPE, UDP_BYTES } from './dns-codes.ts';

/*
 *  0        2        4        6        8        10       12
 *  +--------+--------+--------+--------+--------+--------+-------------------+------+-------+----------
 *  |   id   | flags  | qd = 1 | an = 0 | ns = 0 | ar     | name: len label … | type | class | OPT, perhaps
 *  +--------+--------+--------+--------+--------+--------+-------------------+------+-------+----------
 */

/** One question of a resolver, RFC 1035 4.1. */
export interface DnsQuestion {
  readonly id: number;
  readonly recursionDesired: boolean;
  /** from the front, lower case */
  readonly labels: readonly string[];
  readonly type: number;
  readonly class: number;
  /** the question as it was asked, which the answer repeats: name, type, class */
  readonly raw: Uint8Array;
  /** it takes more than 512 bytes over UDP (RFC 6891): so many; undefined where it did not say */
  readonly edns: number | undefined;
}

/** Why there is no question. To the first two nobody answers; to the others, with the id, an error. */
export type QuestionFault =
  | 'short'
  | 'response'
  | { readonly id: number; readonly fault: 'opcode' | 'count' | 'name' | 'end' };

/** Parses what a resolver sent. Never throws. */
export function decodeQuestion(bytes: Uint8Array): DnsQuestion | QuestionFault {
  if (bytes.length < DNS_HEADER) return 'short';
  const header = new ByteReader(bytes);
  const id = header.u16();
  const flags = header.u16();
  const [questions, answers, authorities, additional] = [header.u16(), header.u16(), header.u16(), header.u16()];
  if ((flags & DNS_FLAG.response) !== 0) return 'response';
  if ((flags & DNS_FLAG.opcode) !== 0) return { id, fault: 'opcode' };
  if (questions !== 1 || answers !== 0 || authorities !== 0) return { id, fault: 'count' };
  const name = decodeName(bytes, DNS_HEADER);
  if (!name) return { id, fault: 'name' };
  const end = name.end + 4;
  if (bytes.length < end) return { id, fault: 'end' };
  const rest = new ByteReader(bytes, name.end);
  return {
    id,
    recursionDesired: (flags & DNS_FLAG.recursionDesired) !== 0,
    labels: name.labels,
    type: rest.u16(),
    class: rest.u16(),
    raw: bytes.slice(DNS_HEADER, end),
    edns: additional > 0 ? ednsBytes(bytes, end) : undefined,
  };
}

/** A name without compression: a question is the first name of its message, and has nothing to point to. */
function decodeName(bytes: Uint8Array, from: number): { labels: string[]; end: number } | undefined {
  const labels: string[] = [];
  let at = from;
  while (at < bytes.length) {
    const length = bytes[at];
    at += 1;
    if (length === 0) return at - from <= LONGEST_NAME ? { labels, end: at } : undefined;
    if (length > LONGEST_LABEL || at + length > bytes.length) return undefined;
    labels.push(lowerCase(bytes.subarray(at, at + length)));
    at += length;
  }
  return undefined;
}

/** Byte by byte: only ASCII letters have cases in the DNS (RFC 4343). */
function lowerCase(label: Uint8Array): string {
  return String.fromCharCode(...label).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Of an OPT record right behind the question: root name, type, then in place of the class the size. */
function ednsBytes(bytes: Uint8Array, at: number): number | undefined {
  if (bytes.length < at + 11 || bytes[at] !== 0) return undefined;
  const record = new ByteReader(bytes, at + 1);
  if (record.u16() !== RR_TYPE.opt) return undefined;
  return Math.min(Math.max(record.u16(), UDP_BYTES.least), UDP_BYTES.most);
}
