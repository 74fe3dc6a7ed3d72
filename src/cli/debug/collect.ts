import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname, release } from 'node:os';
import { join } from 'node:path';
import type { ControlRequest } from '../../api/control.ts';
import type { LogAnswer } from '../../api/questions.ts';
import type { SettingsAnswer } from '../../api/settings.ts';
import type { StatusAnswer } from '../../api/status.ts';
import { GscipError } from '../../base/errors.ts';
import { DEFAULTS, parseConfigFile, settingsToKeep } from '../../node/agent-config.ts';
import { gatewayTable } from '../../node/gateway/gateway-rules.ts';
import { lockTable } from '../../node/lock/lock-rules.ts';
import { ask } from '../control-client.ts';
import { versions } from '../version.ts';
import type { Collected } from './bundle-files.ts';

/** Peers that are explained, flows that are listed. */
const MOST_PEERS = 32;
const MOST_FLOWS = 2_000;

/** Everything that a bundle holds of this machine. What cannot be had is told in its place: a node that is down has one, too. */
export async function collect(socket: string, state: string): Promise<Collected> {
  const status = await attempt(() => ask<StatusAnswer>(socket, { verb: 'status' }));
  const known = 'node' in status ? status : undefined;
  const tun = known?.node.interface ?? DEFAULTS.tun;
  const answer = (request: ControlRequest) => attempt(() => ask(socket, request));
  const metrics = await attempt(() => ask<{ readonly text: string }>(socket, { verb: 'metrics' }));
  const log = await attempt(() => ask<LogAnswer>(socket, { verb: 'log' }));
  return {
    at: new Date(),
    answers: {
      'version.json': versions(),
      'status.json': status,
      'health.json': known?.health ?? status,
      'explain.json': known ? await explained(socket, known) : status,
      'pit.json': await answer({ verb: 'pit-list', limit: MOST_FLOWS }),
    },
    settings: await settingsOf(socket, state),
    texts: {
      'metrics.txt': 'text' in metrics ? metrics.text : JSON.stringify(metrics),
      ...(await machine(tun)),
      kernel: release(),
    },
    log: 'lines' in log ? log.lines : [JSON.stringify(log)],
    hostname: hostname(),
  };
}

interface Missing {
  readonly missing: string;
}

async function attempt<T extends object>(act: () => Promise<T>): Promise<T | Missing> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof GscipError) return { missing: `${error.code}: ${error.message}` };
    throw error;
  }
}

function explained(socket: string, { node, peers }: StatusAnswer): Promise<readonly object[]> {
  return Promise.all(
    peers.slice(0, MOST_PEERS).map((peer) => {
      const flow = { source: node.name, destination: peer.name, protocol: 6, port: 0 };
      return attempt(() => ask(socket, { verb: 'explain', flow }));
    }),
  );
}

async function settingsOf(socket: string, state: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await attempt(() => ask<SettingsAnswer>(socket, { verb: 'settings', name: undefined }));
  if ('settings' in answer) return Object.fromEntries(answer.settings.map(({ name, value }) => [name, value]));
  try {
    const file = join(state, 'config.toml');
    return { ...settingsToKeep(parseConfigFile(readFileSync(file, 'utf8'), file)) };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** What the kernel has of ours: interface, addresses, routes and tables; nobody else's. */
async function machine(tun: string): Promise<Readonly<Record<string, string>>> {
  const shown = async (...words: readonly string[]) => `$ ${words.join(' ')}\n${await printed(words)}\n`;
  const ip = [
    ['ip', '-s', '-d', 'link', 'show', 'dev', tun],
    ['ip', 'addr', 'show', 'dev', tun],
    ['ip', '-4', 'route', 'show', 'table', 'all', 'dev', tun],
    ['ip', '-6', 'route', 'show', 'table', 'all', 'dev', tun],
  ];
  const nft = [lockTable(tun), gatewayTable(tun)].map((table) => ['nft', 'list', 'table', ...table.split(' ')]);
  const [links, tables] = await Promise.all(
    [ip, nft].map((group) => Promise.all(group.map((words) => shown(...words)))),
  );
  return { 'ip.txt': links.join('\n'), 'nft.txt': tables.join('\n') };
}

function printed([program = '', ...words]: readonly string[]): Promise<string> {
  return new Promise((resolve) =>
    execFile(program, words, { timeout: 10_000, maxBuffer: 16 << 20 }, (error, stdout, stderr) =>
      resolve(error ? `${stdout}${stderr.trim() || error.message}` : stdout),
    ),
  );
}
