import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeJoinToken } from '../../src/api/join-token.ts';
import type { Lab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { until } from '../../src/cli/lab/until.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { traces } from './machine-traces.ts';
import { GROUP, GSCIP, settled, type TwoNodes, withTwoNodes } from './two-nodes.ts';

const STAYS = ['lo', 'eth0'];
/** The programs that a start runs, whose calls are its moments. */
const TOOLS = ['ip', 'nft'];
const NEVER = 1_000;
/** so many moments, spread over the start */
const MOMENTS = 4;

/** `ip` and `nft` that send their caller a signal at one of their calls, before they do what they are for. */
class Moments {
  readonly #folder: string;
  readonly #calls: string;

  constructor(lab: Lab) {
    this.#folder = mkdtempSync(join(lab.folder, 'moments-'));
    this.#calls = join(this.#folder, 'calls');
    writeFileSync(this.#calls, '');
    for (const tool of TOOLS) {
      const real = runNow('sh', ['-c', `command -v ${tool}`]).trim();
      const text = [
        '#!/bin/sh',
        `echo ${tool} "$*" >>${this.#calls}`,
        `if [ "$(wc -l <${this.#calls})" -ge "$MOMENT" ] && mkdir ${this.#calls}.sent 2>/dev/null; then`,
        '  kill "-$SIGNAL" "$PPID"',
        'fi',
        `exec ${real} "$@"`,
      ];
      writeFileSync(join(this.#folder, tool), `${text.join('\n')}\n`, { mode: 0o755 });
    }
  }

  environment(moment: number, signal: string): Readonly<Record<string, string>> {
    return { PATH: `${this.#folder}:${process.env['PATH']}`, MOMENT: `${moment}`, SIGNAL: signal };
  }

  calls(): readonly string[] {
    return readFileSync(this.#calls, 'utf8').trim().split('\n');
  }
}

/** Starts a node, which is ended at this call of its tools. */
function starts(nodes: TwoNodes, moment: number, signal = 'TERM', node = nodes.a) {
  const moments = new Moments(nodes.lab);
  const env = moments.environment(moment, signal);
  return { moments, process: node.start({ listen: nodes.at(nodes.a), env }) };
}

/** It ended in order, and says by which signal. */
async function expectEnd(process: LabProcess, signal: string): Promise<void> {
  expect({ code: await process.exited, said: process.stderr() }).toMatchObject({
    code: 0,
    said: expect.stringMatching(`"event":"down".*SIG${signal}`),
  });
  expect(process.stderr()).not.toMatch(/internal error|^gscip:/m);
}

describe('a start that is ended', () => {
  let length = 0;
  beforeAll(() =>
    withTwoNodes(async (nodes) => {
      const { moments, process } = starts(nodes, NEVER);
      await nodes.a.ready();
      length = moments.calls().length;
      await process.stop();
    }),
  );

  it(`by a signal at ${MOMENTS} moments takes back all that it had begun`, () =>
    withTwoNodes(async (nodes) => {
      const { a } = nodes;
      await settled(a.namespace);
      const before = traces(a.namespace, STAYS);
      expect(length).toBeGreaterThan(MOMENTS);
      for (let count = 0; count < MOMENTS; count++) {
        const signal = count % 2 === 0 ? 'TERM' : 'INT';
        const { moments, process } = starts(nodes, 1 + Math.floor((count * length) / MOMENTS), signal);
        await expectEnd(process, signal);
        const where = moments.calls().at(-1);
        const after = { where, traces: traces(a.namespace, STAYS), socket: existsSync(a.socket) };
        expect(after).toEqual({ where, traces: before, socket: false });
      }
    }));

  it('of a closed node leaves its lock, and nothing else', () =>
    withTwoNodes(async (nodes) => {
      const { a, overlay } = nodes;
      const closed = overlay.add('c', a.namespace, { groups: [GROUP], mode: 'cl' });
      await settled(a.namespace);
      const before = traces(a.namespace, STAYS);
      await expectEnd(starts(nodes, length - 1, 'TERM', closed).process, 'TERM');
      const [table] = a.namespace.now('nft', ['list', 'tables']).split('\n');
      expect(table).toBe('table inet gscip_lock_gscip0');
      a.namespace.now('nft', ['delete', ...table.split(' ')]);
      expect(traces(a.namespace, STAYS)).toEqual(before);
      expect(existsSync(closed.socket)).toBe(false);
    }));

  it('while it waits for its first keys takes its socket away', () =>
    withTwoNodes(async ({ lab, a }) => {
      const fields = { fingerprint: new Uint8Array(16), id: '0'.repeat(16), secret: new Uint8Array(32) };
      const token = encodeJoinToken(nodeProvider, { ...fields, servers: ['10.99.0.2:1'] });
      const file = join(lab.folder, 'token');
      writeFileSync(file, token, { mode: 0o600 });
      const before = traces(a.namespace, STAYS);
      const words = ['up', '--join', file, '--state', a.state, '--socket', a.socket];
      const process = a.namespace.start([...GSCIP, ...words]);
      await until('the socket', () => existsSync(a.socket));
      process.signal('SIGTERM');
      await expectEnd(process, 'TERM');
      expect([traces(a.namespace, STAYS), existsSync(a.socket)]).toEqual([before, false]);
    }));
});
