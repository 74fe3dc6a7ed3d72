import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Lab, withLab } from '../../src/cli/lab/lab.ts';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';
import { ensureBuilt, Overlay, type OverlayNode } from '../../src/cli/lab/overlay.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';
import { type WireConfig, type WireEnd, wirePort } from '../netns/attacked-wire.ts';
import { type CapturedPacket, capture } from '../netns/capture.ts';
import { PORT } from './two-nodes.ts';

/** GSCIP_WIRE_SCHEDULES=50 replays them all, for ten minutes. */
const COUNT = Number(process.env['GSCIP_WIRE_SCHEDULES'] ?? 5);
const MARKER = 'GSCIP member traffic';
const STRANGER = 'GSCIP stranger traffic';
const TALK = 7_400;
/** Milliseconds of a schedule. */
const ATTACK = 4_000;
const FLUSHES = 4;
/** Seconds within which everybody talks again. */
const BOUND = 60;

const SPEAKER = [pinnedNode(), fileURLToPath(new URL('./talk-tool.ts', import.meta.url))];
const WIRE = [pinnedNode(), fileURLToPath(new URL('../netns/attacked-wire.ts', import.meta.url))];

/** A machine that talks: outside of a node's namespace only behind the GEN. */
interface Speaker {
  readonly space: Namespace;
  readonly address: string;
}

/**
 * Three nodes, each on a link of its own to a machine in the middle, which is their router and the attacker:
 *
 *   a, open [eth0 10.99.1.2] ── [la .1]┐
 *   b, closed [eth0 10.99.2.2] ── [lb .1] mid
 *   t, plain [10.9.0.5] ── [lan .1] g, a GEN [eth0 10.99.3.2] ── [lg .1]┘      in mid also 10.9.0.66, an address of g's network
 */
class Attacked {
  readonly lab: Lab;
  readonly mid: Namespace;
  readonly ends: WireEnd[] = [];
  readonly nodes: OverlayNode[] = [];
  readonly terminal: Namespace;
  readonly #overlay: Overlay;

  constructor(lab: Lab) {
    ensureBuilt();
    this.lab = lab;
    this.mid = lab.router('mid');
    this.#overlay = new Overlay(lab, ['office', 'outsiders'], { nice: 0 });
    this.#add('a', {});
    this.#add('b', { mode: 'cl' });
    const g = this.#add('g', { type: 'gen', routes: ['10.9.0.0/24'] });
    this.terminal = lab.namespace('t');
    lab.link(
      { namespace: this.terminal, device: 'eth0', addresses: ['10.9.0.5/24'] },
      { namespace: g.namespace, device: 'lan', addresses: ['10.9.0.1/24'] },
    );
    this.terminal.route('default', '10.9.0.1');
    this.mid.ip('addr', 'add', '10.9.0.66/32', 'dev', 'lo');
    this.#overlay.add('eve', this.mid, { groups: ['outsiders'] });
    this.#overlay.rewriteBundles();
  }

  #add(name: string, what: { mode?: 'cl'; type?: 'gen'; routes?: readonly string[] }): OverlayNode {
    const space = this.lab.namespace(name);
    const place = this.ends.length + 1;
    const end = { name, address: `10.99.${place}.2`, port: PORT, facing: `10.99.${place}.1` };
    this.lab.link(
      { namespace: space, device: 'eth0', addresses: [`${end.address}/24`] },
      { namespace: this.mid, device: `l${name}`, addresses: [`${end.facing}/24`] },
    );
    space.route('default', end.facing);
    this.ends.push(end);
    const node = this.#overlay.add(name, space, { groups: ['office'], ...what });
    this.nodes.push(node);
    return node;
  }

  /** The wire first: nodes find their peers on it alone. */
  async up(): Promise<LabProcess> {
    const config: WireConfig = { nodes: this.ends, inside: '10.9.0.66', bundle: join(this.lab.folder, 'eve.bundle') };
    const file = join(this.lab.folder, 'wire.json');
    writeFileSync(file, JSON.stringify(config));
    const wire = this.mid.start([...WIRE, file], { seconds: 3_600, stdin: true });
    await until(
      () => `the wire: ${wire.stderr()}`,
      () => wire.stdout().includes('ready'),
    );
    this.nodes.forEach((node, at) => {
      const others = this.ends.map(({ name }, place) => ({
        name,
        at: `${this.ends[at].facing}:${wirePort(at, place)}`,
      }));
      node.start({
        listen: `${this.ends[at].address}:${PORT}`,
        peers: others.filter(({ name }) => name !== node.name),
      });
    });
    await Promise.all(this.nodes.map((node) => node.ready()));
    return wire;
  }

  /** Everybody talks with everybody by overlay addresses; the terminal, and with it, by its own. */
  async talk(): Promise<LabProcess[]> {
    const members = await Promise.all(
      this.nodes.map(async (node): Promise<Speaker> => ({ space: node.namespace, address: await node.address() })),
    );
    const [a, b] = members;
    const speakers = [a, b, { space: this.terminal, address: '10.9.0.5' }];
    const made = speakers.map(({ space, address }) => {
      const others = speakers.filter((other) => other.address !== address).map((other) => other.address);
      return space.start([...SPEAKER, `${TALK}`, MARKER, ...others], { seconds: 3_600, stdin: true });
    });
    for (const each of made)
      await until(
        () => `a speaker: ${each.stderr()}`,
        () => each.stdout().includes('ready'),
      );
    return made;
  }
}

interface Heard {
  readonly answers: Readonly<Record<string, { readonly udp: number; readonly tcp: number }>>;
  readonly faults: readonly string[];
}

/** What a speaker has heard so far. */
async function heard(speaker: LabProcess): Promise<Heard> {
  const before = speaker.stdout().split('\n').length;
  speaker.write('\n');
  const lines = await until('what a speaker heard', () => {
    const all = speaker.stdout().split('\n');
    return all.length > before && all;
  });
  return JSON.parse(lines.at(-2) ?? '');
}

/** Waits until each has had an answer from each, by UDP and TCP, that it had not before; how many milliseconds that took. */
async function allHeard(speakers: readonly LabProcess[]): Promise<number> {
  const begin = performance.now();
  for (const speaker of speakers) {
    const before = await heard(speaker);
    const isMore = ({ answers }: Heard) =>
      Object.entries(answers).every(
        ([peer, { udp, tcp }]) => udp > before.answers[peer].udp && tcp > before.answers[peer].tcp,
      );
    await until('traffic of all', async () => isMore(await heard(speaker)), { seconds: BOUND });
  }
  return Math.round(performance.now() - begin);
}

/** IPv4 packets on a wire that hold what members say, or have addresses that are reached through the overlay alone. */
function isClear({ bytes }: CapturedPacket): boolean {
  const frame = Buffer.from(bytes);
  if (frame.includes(MARKER)) return true;
  if (frame.length < 34 || frame.readUInt16BE(12) !== 0x0800) return false;
  return [26, 30].some((at) => {
    const isPool = frame[at] === 100 && frame[at + 1] >> 6 === 1;
    const isTerminal = frame.readUInt32BE(at) === 0x0a090005;
    return isPool || isTerminal;
  });
}

it(
  `C1: ${COUNT} schedules of an attacker between real nodes: nothing of members in clear on any link, and traffic again when he stops`,
  { timeout: 120_000 + COUNT * (ATTACK + BOUND * 1_000) },
  () =>
    withLab(async (lab) => {
      const net = new Attacked(lab);
      const seen = await Promise.all(['la', 'lb', 'lg'].map((device) => capture(lab, net.mid, device)));
      const wire = await net.up();
      const speakers = await net.talk();
      await allHeard(speakers);
      // an open machine and a stranger, in clear: what the captures would see of members
      const stranger = await startStranger(net);
      const again: number[] = [];
      const deeds: Record<string, number> = {};
      for (let seed = 0; seed < COUNT; seed++) {
        wire.write(`attack ${seed}\n`);
        // keys and flows go, so that negotiations meet the attacker
        for (let flushed = 0; flushed < FLUSHES; flushed++) {
          await net.nodes[(seed + flushed) % net.nodes.length].flush(true);
          await pause(ATTACK / FLUSHES);
        }
        const lines = wire.stdout().split('\n').length;
        wire.write('stop\n');
        await until('the end of the attack', () => wire.stdout().split('\n').length > lines);
        const done: Record<string, number> = JSON.parse(wire.stdout().trim().split('\n').at(-1) ?? '{}');
        for (const [deed, count] of Object.entries(done)) deeds[deed] = (deeds[deed] ?? 0) + count;
        again.push(await allHeard(speakers));
      }
      await stranger.stop();
      const faults = (await Promise.all(speakers.map(heard))).flatMap((each) => each.faults);
      const packets = await Promise.all(seen.map((each) => each.stop()));
      const counts = packets.map((each) => each.length);
      console.log(
        `attackers on wires: seeds 0 to ${COUNT - 1}, ${JSON.stringify(deeds)}; ${counts.join(', ')} packets captured; ` +
          `traffic of all again after ${Math.max(...again)} ms at most`,
      );
      expect(faults).toEqual([]);
      expect(packets.map((each) => each.filter(isClear).length)).toEqual([0, 0, 0]);
      // the captures see clear text where there is some, and sealed traffic was there
      expect(packets[0].filter(({ bytes }) => Buffer.from(bytes).includes(STRANGER)).length).toBeGreaterThan(0);
      for (const each of packets) expect(each.filter(isSealed).length).toBeGreaterThan(100);
    }),
);

/** `a` tells the machine in the middle things in clear, as any open machine may. */
async function startStranger({ nodes, ends }: Attacked): Promise<LabProcess> {
  const [a] = nodes;
  return a.namespace.start([...SPEAKER, '7401', STRANGER, ends[0].facing], {
    seconds: 3_600,
    stdin: true,
  });
}

/** UDP that begins as data does (protocol.md 4.1). */
function isSealed({ bytes }: CapturedPacket): boolean {
  return bytes.length > 58 && bytes[12] === 0x08 && bytes[23] === 17 && bytes[42] === 0x10;
}
