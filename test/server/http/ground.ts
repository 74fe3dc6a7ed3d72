import { millis, unixSeconds } from '../../../src/base/brands.ts';
import type { LogFields } from '../../../src/base/log.ts';
import { nobleProvider } from '../../../src/crypto/noble-provider.ts';
import { makeApp } from '../../../src/server/http/app.ts';
import type { Desk } from '../../../src/server/http/desk.ts';
import { FailedLogins } from '../../../src/server/http/failed-logins.ts';
import { ServerMetrics } from '../../../src/server/http/metrics.ts';
import { newNetwork } from '../../../src/server/network/new-network.ts';
import type { Tools } from '../../../src/server/network/tools.ts';
import { type MemoryStore, memoryStore } from '../memory-store.ts';

export const NOW = unixSeconds(1_800_000_000);
let taken = 0;
/** Different bytes each time, the same in each run. */
const random = (length: number) =>
  nobleProvider.hkdfExpand(new Uint8Array(32), Uint8Array.of(++taken >> 8, taken), length);

export interface LogLine {
  readonly event: string;
  readonly fields: LogFields;
}

/** The API over a store in memory; requests count as local unless they show a key. */
export async function makeGround() {
  const tools: Tools = { provider: nobleProvider, random, now: NOW };
  const rows = memoryStore(() => NOW);
  const store: MemoryStore = {
    ...rows,
    backup: async (file) => ({ file, bytes: 1, revision: rows.state.revision, rows: 1, auditEntries: 1, note: '' }),
  };
  store.runNow({ kind: 'server', name: '' }, 'new-network', (draft) => newNetwork(tools, draft, { network: 'home' }));
  const lines: LogLine[] = [];
  const desk: Desk = {
    store,
    tools: () => tools,
    isConnected: () => false,
    relayEndpoints: () => undefined,
    nextBackup: () => 'backup',
    facts: () => ({
      release: '1.2.3',
      roles: ['as', 'gms'],
      url: 'https://127.0.0.1:1',
      pin: 'pin',
      servers: ['192.0.2.1:47247'],
      database: 'sqlite',
      uptimeSeconds: 1,
      health: [],
    }),
  };
  const metrics = new ServerMetrics({
    connectedNodes: () => 0,
    openConnections: () => 0,
    revision: () => store.state.revision,
    rows: () => ({ nodes: 0 }),
  });
  metrics.close();
  let clock = 0;
  const pass = (ms: number) => {
    clock += ms;
  };
  const app = await makeApp({
    desk,
    metrics,
    log: { log: (_level, event, fields) => void lines.push({ event, fields }) },
    logins: new FailedLogins(),
    now: () => millis(clock),
    isLocal: (request) => request.headers['x-local'] === 'yes',
  });
  return { app, store, tools, lines, metrics, pass };
}
