import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseControlRequest } from '../../src/api/control.ts';

describe('a request to the agent', () => {
  it.each([
    [{ verb: 'status' }, { verb: 'status' }],
    [{ verb: 'status', more: 1 }, { verb: 'status' }],
    [{ verb: 'pit-watch' }, { verb: 'pit-watch', open: false }],
    [
      { verb: 'pit-watch', open: true },
      { verb: 'pit-watch', open: true },
    ],
    [{ verb: 'metrics' }, { verb: 'metrics' }],
    [{ verb: 'netcheck' }, { verb: 'netcheck' }],
    [{ verb: 'key-reload' }, { verb: 'key-reload' }],
    [{ verb: 'trace' }, { verb: 'trace' }],
    [{ verb: 'down' }, { verb: 'down' }],
    [{ verb: 'pit-list' }, { verb: 'pit-list', limit: 1_000 }],
    [
      { verb: 'pit-list', limit: 1_000_000 },
      { verb: 'pit-list', limit: 1_000_000 },
    ],
    [{ verb: 'pit-flush' }, { verb: 'pit-flush', sas: false }],
    [
      { verb: 'pit-flush', sas: true },
      { verb: 'pit-flush', sas: true },
    ],
    [
      { verb: 'ping', target: 'b' },
      { verb: 'ping', target: 'b', count: 4, timeoutMs: 2_000 },
    ],
    [{ verb: 'wait' }, { verb: 'wait', peer: undefined, timeoutMs: 10_000 }],
    [
      { verb: 'wait', peer: 'b', timeoutMs: 0 },
      { verb: 'wait', peer: 'b', timeoutMs: 0 },
    ],
    [
      { verb: 'explain', flow: { source: 'a', destination: 'b' } },
      { verb: 'explain', flow: { source: 'a', destination: 'b', protocol: 6, port: 0 } },
    ],
    [
      { verb: 'explain', flow: { source: 'a', destination: 'b', protocol: 255, port: 65_535 } },
      { verb: 'explain', flow: { source: 'a', destination: 'b', protocol: 255, port: 65_535 } },
    ],
  ])('%j is understood', (written, request) => {
    expect(parseControlRequest(JSON.stringify(written))).toEqual(request);
  });

  it.each([
    ['', 'json'],
    ['{', 'json'],
    ['null', 'json'],
    ['5', 'json'],
    ['[]', 'json'],
    ['"status"', 'json'],
    ['{}', 'verb'],
    ['{"verb":5}', 'verb'],
    ['{"verb":"Status"}', 'verb'],
    ['{"verb":"__proto__"}', 'verb'],
    ['{"verb":"pit-list","limit":-1}', 'field'],
    ['{"verb":"pit-watch","open":1}', 'field'],
    ['{"verb":"pit-list","limit":1000001}', 'field'],
    ['{"verb":"pit-list","limit":1.5}', 'field'],
    ['{"verb":"pit-list","limit":"5"}', 'field'],
    ['{"verb":"pit-list","limit":null}', 'field'],
    ['{"verb":"pit-flush","sas":"yes"}', 'field'],
    ['{"verb":"ping"}', 'field'],
    ['{"verb":"ping","target":""}', 'field'],
    ['{"verb":"ping","target":5}', 'field'],
    [`{"verb":"ping","target":"${'x'.repeat(256)}"}`, 'field'],
    ['{"verb":"ping","target":"b","count":1001}', 'field'],
    ['{"verb":"ping","target":"b","timeoutMs":60001}', 'field'],
    ['{"verb":"wait","peer":""}', 'field'],
    ['{"verb":"wait","peer":null}', 'field'],
    ['{"verb":"wait","timeoutMs":3600001}', 'field'],
    ['{"verb":"explain"}', 'field'],
    ['{"verb":"explain","flow":[]}', 'field'],
    ['{"verb":"explain","flow":{"source":"a"}}', 'field'],
    ['{"verb":"explain","flow":{"source":"a","destination":"b","protocol":256}}', 'field'],
    ['{"verb":"explain","flow":{"source":"a","destination":"b","port":65536}}', 'field'],
  ])('%s is refused by the name of what is wrong', (line, fault) => {
    expect(parseControlRequest(line)).toBe(fault);
  });

  it('never throws, whatever the line is', () => {
    const verbs = ['status', 'pit-list', 'pit-flush', 'explain', 'ping', 'wait'] as const;
    const fields = fc.record(
      {
        verb: fc.constantFrom(...verbs),
        target: fc.anything(),
        flow: fc.anything(),
        limit: fc.anything(),
        peer: fc.anything(),
      },
      { requiredKeys: [] },
    );
    const lines = fc.oneof(
      fc.string(),
      fc.json(),
      fields.map((record) => JSON.stringify(record) ?? ''),
    );
    fc.assert(
      fc.property(lines, (line) => {
        const request = parseControlRequest(line);
        expect(typeof request === 'string' || typeof request.verb === 'string').toBe(true);
      }),
      { numRuns: 1_000, seed: 3 },
    );
  });
});
