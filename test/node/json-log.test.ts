import { describe, expect, it } from 'vitest';
import type { LogLevel } from '../../src/base/log.ts';
import { JsonLog } from '../../src/node/json-log.ts';

function log(least: LogLevel) {
  const lines: string[] = [];
  const clock = { at: 1_767_225_600_000 };
  const logger = new JsonLog(
    (line) => lines.push(line),
    least,
    () => new Date(clock.at),
  );
  return { logger, lines, clock, parsed: (): unknown[] => lines.map((line) => JSON.parse(line)) };
}

describe('the log', () => {
  it('is one JSON object a line: time, level, event, fields', () => {
    const { logger, lines } = log('info');
    logger.log('info', 'up', { node: 'a "b"\n', port: 5, open: true, none: null });
    expect(lines).toEqual([
      '{"time":"2026-01-01T00:00:00.000Z","level":"info","event":"up","node":"a \\"b\\"\\n","port":5,"open":true,"none":null}\n',
    ]);
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const)('at %s tells only %j', (least, told) => {
    const { logger, parsed } = log(least);
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger.log(level, level, {});
    expect(parsed()).toEqual(told.map((level) => expect.objectContaining({ level })));
  });

  it('tells ten lines of an event in a second, and later how many it left out', () => {
    const { logger, clock, parsed } = log('info');
    for (let n = 0; n < 25; n++) logger.log('info', 'flood', { n });
    logger.log('info', 'other', {});
    expect(parsed()).toHaveLength(11);
    expect(parsed()[10]).toMatchObject({ event: 'other' });
    clock.at += 1_000;
    logger.log('info', 'flood', { n: 25 });
    logger.log('info', 'flood', { n: 26 });
    expect(parsed()[11]).toMatchObject({ n: 25, suppressed: 15 });
    expect(parsed()[12]).not.toHaveProperty('suppressed');
  });

  it('counts nothing that its level leaves out', () => {
    const { logger, parsed } = log('warn');
    for (let n = 0; n < 20; n++) logger.log('info', 'same', {});
    logger.log('warn', 'same', {});
    expect(parsed()).toEqual([expect.objectContaining({ event: 'same', level: 'warn' })]);
    expect(parsed()[0]).not.toHaveProperty('suppressed');
  });
});
