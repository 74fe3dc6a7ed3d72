import { ByteWriter } from '../../base/byte-writer.ts';
import { concat, utf8 } from '../../base/bytes.ts';
import { DNS_FLAG, DNS_HEADER, RCODE, type Rcode, RR_CLASS, RR_TYPE, UDP_BYTES } from './dns-codes.ts';
import type { DnsQuestion, QuestionFault } from './dns-question.ts';

/** What a question is answered with: records for the very name that was asked for. */
export interface Reply {
  readonly rcode: Rcode;
  readonly records: readonly DnsRecord[];
}

export type DnsRecord =
  /** 4 or 16 bytes */
  { readonly type: 'address'; readonly address: Uint8Array } | { readonly type: 'pointer'; readonly name: string };

/** Seconds for which an answer may be remembered: a member that was removed has no name soon after. */
const TTL = 10;
/** Where the name of the question stands, as a pointer (RFC 1035 4.1.4). */
const POINTER = 0xc000 | DNS_HEADER;
const OPT_BYTES = 11;

/** The bytes of an answer; over UDP cut to none, and marked so, where it does not fit into what the asker takes. */
export function encodeReply(question: DnsQuestion, reply: Reply, over: 'udp' | 'tcp'): Uint8Array {
  const records = reply.records.map(encodeRecord);
  const opt = question.edns === undefined ? 0 : OPT_BYTES;
  const room = over === 'tcp' ? 0xffff : (question.edns ?? UDP_BYTES.least);
  const wanted = records.reduce((sum, { length }) => sum + length, DNS_HEADER + question.raw.length + opt);
  const kept = wanted <= room ? records : [];
  const flags =
    DNS_FLAG.response |
    (reply.rcode === RCODE.refused ? 0 : DNS_FLAG.authoritative) |
    (wanted <= room ? 0 : DNS_FLAG.truncated) |
    (question.recursionDesired ? DNS_FLAG.recursionDesired : 0) |
    reply.rcode;
  return concat(
    header(question.id, flags, [1, kept.length, 0, opt === 0 ? 0 : 1]),
    question.raw,
    ...kept,
    ...(opt === 0 ? [] : [optRecord()]),
  );
}

/** The answer to what is no question; undefined where there is nobody to answer to. */
export function encodeFault(fault: QuestionFault): Uint8Array | undefined {
  if (typeof fault === 'string') return undefined;
  const rcode = fault.fault === 'opcode' ? RCODE.notImp : RCODE.formErr;
  return header(fault.id, DNS_FLAG.response | rcode, [0, 0, 0, 0]);
}

/** A name on the wire; its labels are known to be short enough. */
export function encodeName(name: string): Uint8Array {
  const labels = name === '' ? [] : name.split('.');
  return concat(...labels.flatMap((label) => [Uint8Array.of(label.length), utf8(label)]), Uint8Array.of(0));
}

function header(id: number, flags: number, counts: readonly number[]): Uint8Array {
  const writer = new ByteWriter(DNS_HEADER).u16(id).u16(flags);
  for (const count of counts) writer.u16(count);
  return writer.finish();
}

function encodeRecord(record: DnsRecord): Uint8Array {
  const data = record.type === 'address' ? record.address : encodeName(record.name);
  const addressType = data.length === 4 ? RR_TYPE.a : RR_TYPE.aaaa;
  const type = record.type === 'address' ? addressType : RR_TYPE.ptr;
  return new ByteWriter(12 + data.length)
    .u16(POINTER)
    .u16(type)
    .u16(RR_CLASS.internet)
    .u32(TTL)
    .u16(data.length)
    .raw(data)
    .finish();
}

/** RFC 6891 6.1.2; no options, version 0. */
function optRecord(): Uint8Array {
  return new ByteWriter(OPT_BYTES).u8(0).u16(RR_TYPE.opt).u16(UDP_BYTES.most).u32(0).u16(0).finish();
}
