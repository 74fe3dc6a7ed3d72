import { describe, expect, it } from 'vitest';
import { IDLE_TIMEOUT, PitExpiry } from '../../src/pit/expire.ts';
import { NO_OWNER } from '../../src/pit/owners.ts';
import { TCP_FLAG } from '../../src/pit/tcp-state.ts';
import { PIT_ACTION } from '../../src/pit/terms.ts';
import { at, type FlowFields, flow, kit, reversed, values } from './table-kit.ts';

const { syn, ack, fin, rst } = TCP_FLAG;
type Packets = readonly (readonly ['out' | 'back', number])[];
const open: Packets = [
  ['out', syn],
  ['back', syn | ack],
  ['out', ack],
];

describe('idle expiry', () => {
  const rows: readonly (readonly [string, FlowFields, boolean, Packets, number])[] = [
    ['anything provisional', { protocol: 6 }, false, open, IDLE_TIMEOUT.provisional],
    ['TCP while it opens', { protocol: 6 }, true, [['out', syn]], IDLE_TIMEOUT.tcpOpening],
    ['TCP that is open', { protocol: 6 }, true, open, IDLE_TIMEOUT.tcpEstablished],
    ['TCP taken up in the middle', { protocol: 6 }, true, [['out', ack]], IDLE_TIMEOUT.tcpEstablished],
    ['TCP half closed', { protocol: 6 }, true, [...open, ['back', fin | ack]], IDLE_TIMEOUT.tcpHalfClosed],
    [
      'TCP closed',
      { protocol: 6 },
      true,
      [...open, ['back', fin | ack], ['out', fin | ack], ['back', ack]],
      IDLE_TIMEOUT.tcpClosing,
    ],
    ['TCP reset', { protocol: 6 }, true, [...open, ['back', rst]], IDLE_TIMEOUT.tcpReset],
    [
      'UDP one way',
      { protocol: 17 },
      true,
      [
        ['out', 0],
        ['out', 0],
      ],
      IDLE_TIMEOUT.udpUnanswered,
    ],
    [
      'UDP both ways',
      { protocol: 17 },
      true,
      [
        ['out', 0],
        ['back', 0],
      ],
      IDLE_TIMEOUT.udpAnswered,
    ],
    ['ICMP', { protocol: 1 }, true, [['out', 0]], IDLE_TIMEOUT.icmp],
    ['ICMPv6', { protocol: 58, family: 6 }, true, [['out', 0]], IDLE_TIMEOUT.icmp],
    ['another protocol', { protocol: 47 }, true, [['out', 0]], IDLE_TIMEOUT.other],
  ];
  it.each(rows)('%s ends after its idle time and not before', (_, fields, confirmed, packets, timeout) => {
    const { pit, owner } = kit();
    const words = flow(fields);
    pit.put(words, values(owner(1), { confirmed }), at(0));
    for (const [way, flags] of packets)
      pit.count(pit.find(way === 'out' ? words : reversed(words)), 1, 1, flags, at(500));
    const expiry = new PitExpiry(pit);
    expect(expiry.tick(at(500 + timeout - 1), 10)).toBe(0);
    expect(expiry.tick(at(500 + timeout), 10)).toBe(1);
    expect([pit.entries.live, pit.counters.idle]).toEqual([0, 1]);
  });

  it('ends a discard after its time even while packets keep coming', () => {
    const { pit } = kit();
    pit.put(flow(), values(NO_OWNER, { action: PIT_ACTION.discard, confirmed: true }), at(1000));
    const expiry = new PitExpiry(pit);
    for (let ms = 1000; ms < 11_000; ms += 1000) {
      pit.count(pit.find(flow()), 1, 1, 0, at(ms));
      expect(expiry.tick(at(ms), 10)).toBe(0);
    }
    expect(expiry.tick(at(11_000), 10)).toBe(1);
  });

  it('looks at no more entries than it may, and at all of them in turn', () => {
    const { pit, owner } = kit(100);
    for (let port = 0; port < 100; port++)
      pit.put(flow({ sourcePort: port, destinationPort: 9 }), values(owner(1), { confirmed: true }), at(0));
    const expiry = new PitExpiry(pit);
    const later = at(IDLE_TIMEOUT.udpUnanswered);
    expect(Array.from({ length: 5 }, () => expiry.tick(later, 30))).toEqual([30, 30, 30, 10, 0]);
    expect(expiry.tick(later, 1_000_000)).toBe(0);
  });

  it('goes on when the millisecond counter of the table wraps', () => {
    const { pit, owner } = kit();
    const start = 2 ** 32 - 1000;
    pit.put(flow(), values(owner(1), { confirmed: true }), at(start));
    const expiry = new PitExpiry(pit);
    expect(pit.entries.idle(0, at(start + 2000))).toBe(2000);
    expect(expiry.tick(at(start + 29_999), 10)).toBe(0);
    expect(expiry.tick(at(start + 30_000), 10)).toBe(1);
  });
});
