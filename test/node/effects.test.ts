import { expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { carryOut, type EffectSinks } from '../../src/node/effects.ts';

/** Sinks that note what came, in order. */
function noting(seen: string[]): EffectSinks {
  const note = (what: string) => () => void seen.push(what);
  const refuse = () => {
    throw new Error('not asked for here');
  };
  return {
    io: {
      send: () => seen.push('send') > 0,
      sendRun: () => seen.push('run') > 0,
      sealAndSend: refuse,
      deliver: note('deliver'),
    },
    log: { log: note('log') },
    tunnels: { carryOut: refuse, take: () => false },
    trace: note('trace'),
    persist: note('persist'),
    refresh: refuse,
    pathResponse: refuse,
    sendSpare: refuse,
    placed: refuse,
    sendFailed: refuse,
  };
}

it('what people read waits until everything else is on its way', () => {
  const seen: string[] = [];
  carryOut(
    [
      { kind: 'trace', message: 'RGI', direction: 'in', peer: 'b', at: millis(0) },
      { kind: 'log', level: 'info', event: 'sa-made', fields: {} },
      { kind: 'persist', what: 'paths' },
      { kind: 'send', bytes: Uint8Array.of(3), to: pathAddress('192.0.2.1:1') },
      { kind: 'deliver', packet: new Uint8Array(20) },
    ],
    noting(seen),
  );
  expect(seen).toEqual(['persist', 'send', 'deliver', 'trace', 'log']);
});

const RUN = {
  kind: 'send-run',
  bytes: Uint8Array.of(1, 2, 3, 4, 5),
  segment: 2,
  to: pathAddress('192.0.2.1:1'),
} as const;

it('a run leaves as one where no tunnel takes it', () => {
  const seen: string[] = [];
  carryOut([RUN], noting(seen));
  expect(seen).toEqual(['run']);
});

it('a tunnel takes each datagram of a run, as copies that it may keep', () => {
  const taken: Uint8Array[] = [];
  const sinks = noting([]);
  const take = (bytes: Uint8Array) => taken.push(bytes) > 0;
  carryOut([RUN], { ...sinks, tunnels: { ...sinks.tunnels, take } });
  expect(taken.map((bytes) => [...bytes])).toEqual([[1, 2], [3, 4], [5]]);
  expect(taken.every(({ buffer }) => buffer !== RUN.bytes.buffer)).toBe(true);
});
