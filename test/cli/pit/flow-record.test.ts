import { describe, expect, it } from 'vitest';
import type { PitRelayedEvent } from '../../../src/api/pit.ts';
import { flowRecord } from '../../../src/cli/pit/flow-record.ts';
import { relayedTable } from '../../../src/cli/pit/flow-table.ts';
import { isWanted, WATCH_HEAD, watchLine } from '../../../src/cli/pit/watch.ts';
import { flowEvent } from './flow-event.ts';

const alice = { name: 'alice', id: '01' };
const at = '2026-01-02T03:04:05.678Z';

/** An event of what is passed on between others. */
function relayEvent(event: PitRelayedEvent['event'], cause = ''): PitRelayedEvent {
  const [forward, reverse] = [
    { packets: 2, bytes: 200 },
    { packets: 1, bytes: 100 },
  ];
  const times = { ageSeconds: 5, idleSeconds: 1 };
  const ends = { start: 'bob', startId: '02', end: '03', endId: '03' };
  return {
    schema: 1,
    at,
    event,
    cause,
    relayed: { ...ends, action: 'relay', rule: 7, packets: 3, bytes: 300, forward, reverse, ...times },
  };
}

describe('what is passed on between others', () => {
  it.each([
    ['relay-open', 'relay-open', ''],
    ['relay-created', 'relay-begin', ''],
    ['relay-closed', 'relay-end', 'idle'],
  ] as const)('is recorded with both ends, the rule, and how much: %s', (event, written, cause) => {
    expect(flowRecord(relayEvent(event, cause), alice)).toEqual({
      schema: 1,
      at,
      node: alice,
      event: written,
      start: { node: 'bob', id: '02' },
      end: { node: '03', id: '03' },
      action: 'relay',
      rule: 7,
      cause,
      since: '2026-01-02T03:04:00.678Z',
      forward: { packets: 2, bytes: 200 },
      reverse: { packets: 1, bytes: 100 },
    });
  });

  it('is a line of the watch, and a table of the list', () => {
    expect(watchLine(relayEvent('relay-closed', 'idle'))).toMatch(
      /^03:04:05 {2}closed .* bob .* 03 .* relay .*3 packets.*: idle$/,
    );
    expect(watchLine(relayEvent('relay-created'))).toMatch(/between others$/);
    expect(relayedTable([relayEvent('relay-open').relayed])).toMatch(
      /unread:\n.*start .*rule[\s\S]*bob .*03 .*relay .*7 .*3 /,
    );
  });
});

describe('a record of a flow', () => {
  it('says who reached what, when, under which group and version, and how much', () => {
    expect(flowRecord(flowEvent('closed', {}, 'idle'), alice)).toEqual({
      schema: 1,
      at,
      node: alice,
      event: 'end',
      protocol: 'tcp',
      source: { address: '100.64.0.1', port: 40_000, node: 'alice' },
      destination: { address: '100.64.0.2', port: 22, node: 'bob' },
      action: 'encrypt',
      group: 'office',
      version: 7,
      peer: 'bob',
      reason: 'negotiated',
      cause: 'idle',
      since: '2026-01-02T03:04:00.678Z',
      forward: { packets: 2, bytes: 200 },
      reverse: { packets: 1, bytes: 100 },
    });
  });

  it.each([
    ['a flow that is being negotiated', flowEvent('created', { state: 'provisional' }), undefined],
    ['one that was agreed', flowEvent('confirmed'), 'begin'],
    ['one that the peer began, agreed at once', flowEvent('created'), 'begin'],
    ['one that is there already', flowEvent('open'), 'open'],
    ['one that is there, being negotiated', flowEvent('open', { state: 'provisional' }), undefined],
    ['one that is dropped', flowEvent('created', { action: 'discard' }), 'refused'],
    ['the end of one', flowEvent('closed'), 'end'],
    ['the end of one that was dropped', flowEvent('closed', { action: 'discard' }), 'end'],
    ['the end of one that never was', flowEvent('closed', { state: 'provisional', packets: 0 }), undefined],
    ['the end of one that carried packets before it was agreed', flowEvent('closed', { state: 'provisional' }), 'end'],
    ['a gap', { schema: 1, at, event: 'missed', missed: 5 }, 'missed'],
    ['the end of the agent', { schema: 1, at, event: 'end', cause: 'agent-stopped' }, 'end-of-agent'],
  ] as const)('of %s', (_, event, expected) => {
    expect(flowRecord(event, alice)?.event).toBe(expected);
  });

  it('says how many were lost in a gap', () => {
    expect(flowRecord({ schema: 1, at, event: 'missed', missed: 5 }, alice)).toMatchObject({ missed: 5 });
  });
});

describe('a line of the watch', () => {
  it('stands under its head', () => {
    const line = watchLine(flowEvent('confirmed'));
    expect(line).toMatch(
      /^03:04:05 {2}confirmed {2}tcp {4}alice 100\.64\.0\.1:40000 .*encrypt +office v7 +negotiated$/,
    );
    for (const [column, text] of [
      ['event', 'confirmed'],
      ['destination', 'bob 100'],
      ['group', 'office'],
    ] as const)
      expect(WATCH_HEAD.indexOf(column)).toBe(line.indexOf(text));
  });

  it.each([
    [flowEvent('closed', {}, 'idle'), /closed .*3 packets, 300 B, 5 s: idle$/],
    [flowEvent('open'), /open .*3 packets, 300 B, 5 s$/],
    [
      flowEvent('created', { action: 'discard', group: null, version: null, reason: 'timeout' }),
      /discard +- +timeout$/,
    ],
    [flowEvent('created', { sourceNode: null, source: 'fd00::1', sourcePort: 1 }), /tcp +\[fd00::1\]:1 /],
    [{ schema: 1, at, event: 'missed', missed: 9 }, /^03:04:05 {2}missed +9 events: this reader was too slow$/],
    [{ schema: 1, at, event: 'end', cause: 'agent-stopped' }, /the agent stopped$/],
  ] as const)('reads %#', (event, words) => {
    expect(watchLine(event)).toMatch(words);
  });

  it.each([
    [{}, true],
    [{ node: 'alice' }, true],
    [{ node: 'bob' }, true],
    [{ node: 'carol' }, false],
    [{ group: 'office' }, true],
    [{ group: 'lab' }, false],
    [{ node: 'bob', group: 'lab' }, false],
  ])('is wanted by %j: %s', (wanted, expected) => {
    expect(isWanted(flowEvent('created').entry, wanted)).toBe(expected);
  });
});
