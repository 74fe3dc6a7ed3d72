import { describe, expect, it } from 'vitest';
import { expectedTable, LETTER } from './expected-table.ts';
import { GOOD_LINK, makeWorld, PLACES, routes, talk } from './sim-world.ts';

const NAMES = Object.keys(PLACES);
const EXPECTED = expectedTable(NAMES);

interface Outcome {
  readonly letter: string;
  /** milliseconds from the first wish to the first application datagram, and to the move to a direct path */
  readonly first: number;
  readonly direct: number | undefined;
  readonly reason: string;
  readonly probes: number;
}

function meet(row: string, column: string, seed = 1, quality = GOOD_LINK): Outcome {
  const world = makeWorld(PLACES[row], PLACES[column], seed, quality);
  const { network, a, b } = world;
  const start = network.now;
  talk(world, 8_000);
  const [there, back] = routes(world);
  const direct = a.moves.find(({ kind }) => kind === 'direct');
  const lastHeard = Math.min(a.received.at(-1)?.at ?? 0, b.received.at(-1)?.at ?? 0);
  const probes = network.sent.filter(({ packet }) => packet.bytes[0] === 0x38 && packet.from === a.path);
  return {
    letter: there === back && network.now - lastHeard < 1_000 ? (LETTER[there ?? ''] ?? '-') : '-',
    first: (b.received[0]?.at ?? Number.POSITIVE_INFINITY) - start,
    direct: direct && direct.at - start,
    reason: a.agents.agent(b.id).report(network.now).reason,
    probes: probes.length,
  };
}

describe('the table of NATs', () => {
  it('has traffic in every cell, direct within a second wherever a direct path can exist', () => {
    const lines = [`| | ${NAMES.join(' | ')} |`];
    const found: Record<string, string> = {};
    for (const row of NAMES) {
      const outcomes = NAMES.map((column) => meet(row, column));
      found[row] = outcomes.map(({ letter }) => letter).join('');
      const cells = outcomes.map(({ letter, direct }) =>
        letter === 'D' ? `direct ${Math.round(direct ?? 0)} ms` : 'relay',
      );
      lines.push(`| ${row} | ${cells.join(' | ')} |`);
      for (const { letter, direct, probes, first } of outcomes) {
        if (letter === 'D') expect(direct).toBeLessThanOrEqual(1_000);
        expect(probes).toBeLessThanOrEqual(30);
        // the relay carries the first packet: coordinator, binding and handshake, each a few times 40 ms
        expect(first).toBeLessThanOrEqual(500);
      }
    }
    console.info(lines.join('\n'));
    expect(found).toEqual(EXPECTED);
  });

  it.each([
    ['symmetric', 'symmetric', 'relay-both-symmetric'],
    ['symmetric', 'port-restricted', 'relay-own-symmetric'],
    ['port-restricted', 'symmetric', 'relay-peer-symmetric'],
    ['UDP blocked', 'open', 'relay-own-udp-blocked'],
    ['open', 'UDP blocked', 'relay-peer-no-address'],
    ['open', 'IPv6 only', 'relay-no-common-family'],
    ['open', 'open', 'direct'],
  ])('%s to %s says why: %s', (row, column, reason) => {
    expect(meet(row, column).reason).toBe(reason);
  });

  it.each([
    ['open', 'none/none'],
    ['full cone', 'endpoint/endpoint'],
    ['address-restricted', 'endpoint/address'],
    ['port-restricted', 'endpoint/port'],
    ['symmetric', 'port/port'],
    ['double NAT', 'endpoint/port'],
    ['symmetric carrier', 'port/port'],
  ])('tells that a node stands behind: %s', (place, kind) => {
    const { a } = makeWorld(PLACES[place], PLACES['open']);
    expect(`${a.nat.mapping}/${a.nat.filtering}`).toBe(kind);
  });

  it('holds for any timing, with loss, jitter and reordering', () => {
    const pairs = NAMES.flatMap((row) => NAMES.map((column) => [row, column] as const));
    for (let seed = 0; seed < 120; seed++) {
      const [row, column] = pairs[(seed * 7) % pairs.length];
      const { letter } = meet(row, column, seed + 100, { delay: 5 + (seed % 4) * 40, jitter: 30, loss: 0.05 });
      const wanted = EXPECTED[row][NAMES.indexOf(column)];
      expect([row, column, seed, letter]).toEqual([row, column, seed, wanted]);
    }
  });
});
