import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, vi } from 'vitest';
import { Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { Finished } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { ensureBuilt, Overlay, type OverlayNode, type UpOptions } from '../../src/cli/lab/overlay.ts';
import { gscipProgram } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type Pair, pair } from '../netns/kit.ts';

/** Dozens of processes for one test, on a machine that may be busy with other tests. */
vi.setConfig({ testTimeout: 60_000 });

export const PORT = 47247;
export const GROUP = 'office';

/** How the program is started here: built before, without the launcher. */
export const GSCIP: readonly string[] = gscipProgram();

/** Two machines on one wire that hold bundles of one authority; neither agent runs yet. */
export class TwoNodes {
  readonly lab: Lab;
  readonly overlay: Overlay;
  readonly a: OverlayNode;
  readonly b: OverlayNode;
  /** which IP version carries the outer datagrams */
  readonly #underlay: 4 | 6;

  constructor(lab: Lab, underlay: 4 | 6 = 4, machines: Pick<Pair, 'a' | 'b'> = pair(lab)) {
    this.lab = lab;
    this.#underlay = underlay;
    this.overlay = new Overlay(lab, [GROUP], { saved: prepared(), nice: 0 });
    this.a = this.overlay.adopt('a', machines.a);
    this.b = this.overlay.adopt('b', machines.b);
  }

  /** Where this node listens, as --listen and --peer take it. */
  at(node: OverlayNode): string {
    if (this.#underlay === 4) return `10.99.0.${node === this.a ? 1 : 2}:${PORT}`;
    return `[fd99::${node === this.a ? 1 : 2}]:${PORT}`;
  }

  /** How one of the two is started, knowing where the other is. */
  how(node: OverlayNode, more: Partial<UpOptions> = {}): UpOptions {
    const other = node === this.a ? this.b : this.a;
    return { listen: this.at(node), peers: [{ name: other.name, at: this.at(other) }], ...more };
  }

  /** Starts both agents and waits until they answer. */
  async up(a: Partial<UpOptions> = {}, b: Partial<UpOptions> = a): Promise<void> {
    this.a.start(this.how(this.a, a));
    this.b.start(this.how(this.b, b));
    await Promise.all([this.a.ready(), this.b.ready()]);
  }

  /** Runs one command of the CLI against a node's agent. */
  cli(node: OverlayNode, ...words: readonly string[]): Promise<Finished> {
    return gscip(node.namespace, ...words, '--socket', node.socket);
  }
}

let folder: string | undefined;
afterAll(() => folder === undefined || rmSync(folder, { recursive: true }));

/** An authority with bundles of a and b, made once for all tests of a file: what it takes to make one is not what they test. */
function prepared(): string {
  if (folder !== undefined) return folder;
  ensureBuilt();
  const lab = new Lab();
  const overlay = new Overlay(lab, [GROUP]);
  for (const name of ['a', 'b']) overlay.add(name, lab.namespace(name), { groups: [GROUP] });
  overlay.rewriteBundles();
  folder = mkdtempSync(join(tmpdir(), 'gscip-e2e-'));
  overlay.save(folder);
  void lab.close();
  return folder;
}

/** Runs one command line of the program in a namespace to its end. */
export function gscip(where: Namespace, ...words: readonly string[]): Promise<Finished> {
  return where.attempt([...GSCIP, ...words], { seconds: 60 });
}

/** Lays two machines, runs `body`, and takes everything down. */
export function withTwoNodes<T>(body: (nodes: TwoNodes) => Promise<T>, underlay: 4 | 6 = 4): Promise<T> {
  return withLab((lab) => body(new TwoNodes(lab, underlay)));
}

/** The overlay address of a node, of one family. */
export async function inside(node: OverlayNode, family: 4 | 6): Promise<string> {
  const { addresses } = (await node.ready()).node;
  const found = addresses.find((address) => address.includes(':') === (family === 6));
  if (found === undefined) throw new Error(`${node.name} has no IPv${family} address: ${addresses.join(', ')}`);
  return found;
}

/** One `ping` of the kernel through the overlay; true when it was answered within so many seconds. */
export async function pings(from: OverlayNode, to: OverlayNode, family: 4 | 6 = 4, seconds = 8): Promise<boolean> {
  const words = ['ping', `-${family}`, '-c', '1', '-W', `${seconds}`, await inside(to, family)];
  return (await from.namespace.attempt(words, { seconds: seconds + 10 })).code === 0;
}

/** Waits until the kernel has tried out the addresses that it makes by itself: what `ip` shows changes until then. */
export async function settled(where: Namespace): Promise<void> {
  await until('addresses without doubt', () => !where.ip('addr').includes('tentative'));
}

/** True when a `ping` stays unanswered for a second. */
export async function isCutOff(from: OverlayNode, to: OverlayNode): Promise<boolean> {
  return !(await pings(from, to, 4, 1));
}

/** A counter of `gscip metrics` by its event name; 0 while nothing was counted. */
export async function counted(node: OverlayNode, event: string): Promise<number> {
  const metrics = await node.metrics();
  const key = (family: string) => `gscip_${family}_total{event="${event}"}`;
  return (metrics.get(key('packets')) ?? 0) + (metrics.get(key('events')) ?? 0);
}
