import { padAddress } from '../../base/ip-address.ts';
import { prefixCovers } from '../../crypto/address-prefix.ts';
import { RCODE, RR_CLASS, RR_TYPE } from './dns-codes.ts';
import type { DnsQuestion } from './dns-question.ts';
import type { DnsRecord, Reply } from './dns-reply.ts';
import type { HostName, NameTable } from './name-table.ts';
import { reverseAddress } from './reverse-name.ts';

const REFUSED: Reply = { rcode: RCODE.refused, records: [] };
const NO_SUCH_NAME: Reply = { rcode: RCODE.nxDomain, records: [] };
/** The name is there, and has nothing of this kind. */
const NO_DATA: Reply = { rcode: RCODE.noError, records: [] };

/** Answers for the network's own names and addresses; everything else is not for this node to say. */
export function answerQuestion(table: NameTable, question: Pick<DnsQuestion, 'labels' | 'type' | 'class'>): Reply {
  if (question.class !== RR_CLASS.internet && question.class !== RR_CLASS.any) return REFUSED;
  const { labels } = question;
  const domain = table.domain.split('.');
  if (labels.slice(-domain.length).join('.') === table.domain) {
    const front = labels.slice(0, -domain.length);
    return front.length === 0 ? NO_DATA : forward(front, table, question.type);
  }
  return backward(table, labels, question.type);
}

function forward(front: readonly string[], table: NameTable, type: number): Reply {
  const host = front.length === 1 ? table.find(front[0]) : undefined;
  return host ? { rcode: RCODE.noError, records: addresses(host, type) } : NO_SUCH_NAME;
}

function addresses(host: HostName, type: number): DnsRecord[] {
  return host.addresses
    .filter(({ length }) => type === RR_TYPE.any || type === (length === 4 ? RR_TYPE.a : RR_TYPE.aaaa))
    .map((address) => ({ type: 'address', address }));
}

function backward(table: NameTable, labels: readonly string[], type: number): Reply {
  const address = reverseAddress(labels);
  if (address === 'none') return REFUSED;
  if (address === 'part') return isInZone(table, labels) ? NO_DATA : REFUSED;
  if (!table.pool.some((range) => prefixCovers({ ...range, address: padAddress(range.address) }, address)))
    return REFUSED;
  const name = table.nameAt(address);
  if (name === undefined) return NO_SUCH_NAME;
  return type === RR_TYPE.ptr || type === RR_TYPE.any
    ? { rcode: RCODE.noError, records: [{ type: 'pointer', name }] }
    : NO_DATA;
}

function isInZone(table: NameTable, labels: readonly string[]): boolean {
  const name = labels.join('.');
  return table.zones.some((zone) => name === zone || name.endsWith(`.${zone}`));
}
