import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Receiving, SEQ_PORT, type Sending, startReceiver, startSending } from '../../bench/tools/seq-udp.ts';
import type { TraceAnswer } from '../../src/api/questions.ts';
import type { StatusAnswer } from '../../src/api/status.ts';
import { watch } from '../../src/cli/control-client.ts';
import { Lab } from '../../src/cli/lab/lab.ts';
import { ensureBuilt, type OverlayNode } from '../../src/cli/lab/overlay.ts';
import { ServedOverlay } from '../../src/cli/lab/served-overlay.ts';
import { drop } from '../../src/cli/lab/traffic-rules.ts';
import { until } from '../../src/cli/lab/until.ts';
import { counted, GROUP, inside, PORT } from './two-nodes.ts';

/*
 * The papers' nine steps of a rollover, on their stage: a management server (gms), an end node that is always on (the
 * papers' server, here `hall`), and two clients that ask for keys at their start, or when they are told that theirs are
 * old. Programs, interfaces and clocks are the real ones, so it takes two minutes, most of which are the grace of a
 * replaced key (60 s) and the end of an idle flow (30 s).
 */

const AT = { gms: '10.99.0.254', hall: '10.99.0.1', one: '10.99.0.2', two: '10.99.0.3' };
const SIZE = 200;
/** What a key change may never cause. */
const LOSSES = ['unknown-index', 'no-key', 'auth-failed', 'replayed', 'too-old', 'held-expired'];

/** Numbered datagrams from one node to another, one way: their entry ends when they do. */
class Flow {
  readonly #name: string;
  readonly #receiver: Receiving;
  readonly #sender: Sending;

  private constructor(name: string, receiver: Receiving, sender: Sending) {
    this.#name = name;
    this.#receiver = receiver;
    this.#sender = sender;
  }

  /** `bare`: the address on the wire itself, beside the overlay. */
  static async begin(from: OverlayNode, to: OverlayNode, rate: number, port: number, bare?: string): Promise<Flow> {
    const address = bare ?? (await inside(to, 4));
    const receiver = await startReceiver(to.namespace, address, 1, 'count', port);
    const name = `${from.name} to ${to.name}${bare === undefined ? '' : ', bare wire'}`;
    return new Flow(name, receiver, startSending(from.namespace, address, rate, SIZE, port));
  }

  /** Ends it; every datagram must have arrived once. */
  async end(): Promise<void> {
    const { sent } = await this.#sender.stop();
    const received = await this.#receiver.stop();
    console.log(
      `${this.#name}: ${sent} sent, longest gap ${received.longestGapMs.toFixed(1)} ms, ${(received.gapEndsMs / 1000).toFixed(1)} s after its begin`,
    );
    expect(sent).toBeGreaterThan(0);
    expect(received).toMatchObject({ received: sent, distinct: sent, duplicates: 0, firstMissing: [] });
  }
}

/** Versions whose key a node holds, newest first. */
async function keyStore(node: OverlayNode): Promise<number[]> {
  const { groups } = await node.status();
  return groups.flatMap(({ name, held }) => (name === GROUP ? held.map(({ version }) => version) : []));
}

/** Versions that a node seals with towards another one. */
async function sendsUnder(node: OverlayNode, peer: OverlayNode): Promise<number[]> {
  return sasWith(await node.status(), peer).flatMap(({ version, sending }) => (sending ? [version] : []));
}

function sasWith({ peers }: StatusAnswer, peer: OverlayNode) {
  return peers.find(({ name }) => name === peer.name)?.sas ?? [];
}

/** Waits until the key store of a node is just this. */
async function comesToHold(node: OverlayNode, versions: readonly number[], seconds: number): Promise<void> {
  let seen: number[] = [];
  await until(
    () => `${node.name} to hold ${versions}; it holds ${seen}`,
    async () => {
      seen = await keyStore(node);
      return seen.join() === versions.join();
    },
    { seconds, everyMs: 100 },
  );
}

describe('the nine steps of a rollover with a server, programs and traffic', { timeout: 150_000 }, () => {
  let lab: Lab;
  let gms: ServedOverlay;
  let [hall, one, two]: OverlayNode[] = [];
  let nodes: readonly OverlayNode[];
  let session: readonly Flow[];
  let ofTwo: Flow;
  let [old, fresh, rolledAt] = [0, 0, 0];
  let before: unknown;

  beforeAll(async () => {
    ensureBuilt();
    lab = new Lab();
    const names = ['gms', 'hall', 'one', 'two'] as const;
    const spaces = names.map((name) => lab.namespace(name));
    const ends = spaces.map((namespace, at) => ({ namespace, device: 'eth0', addresses: [`${AT[names[at]]}/24`] }));
    lab.bridge('switch', ends);
    const [office, ...machines] = spaces;
    const group = { name: GROUP, roll: '', push: 'always-on', retain: 'flow' } as const;
    gms = await ServedOverlay.start(lab, office, `${AT.gms}:${PORT}`, [group], ['--network', 'papers']);
    for (const machine of machines) await gms.add(machine.label, machine, [GROUP]);
    [hall, one, two] = nodes = gms.nodes;
    for (const node of nodes) {
      powerOn(node);
      await node.ready();
    }
  });
  afterAll(() => lab.close());

  function powerOn(node: OverlayNode): void {
    const at = node === hall ? AT.hall : node === one ? AT.one : AT.two;
    node.start({ listen: `${at}:${PORT}`, extra: node === hall ? ['--always-on'] : [] });
  }

  /** A new key, in force at once; who is told is what the steps are about. */
  async function roll(): Promise<number> {
    const { version } = await gms.admin.post<{ version: number }>(`/groups/${GROUP}/roll`, { in: 0 });
    return version;
  }

  /** By node, what was counted of `LOSSES`. */
  async function losses(): Promise<unknown> {
    const of = async (node: OverlayNode) => {
      const counts = await Promise.all(LOSSES.map(async (event) => [event, await counted(node, event)] as const));
      return [node.name, Object.fromEntries(counts)] as const;
    };
    return Object.fromEntries(await Promise.all(nodes.map(of)));
  }

  it('(1, 2) the key is delivered to the node that is always on; clients get it when they are switched on', async () => {
    for (const client of [one, two]) await client.process?.stop();
    old = await roll();
    await until('the delivery', async () => (await keyStore(hall))[0] === old);
    for (const client of [one, two]) {
      powerOn(client);
      await client.ready();
      await until(`${client.name} to have fetched`, async () => (await keyStore(client))[0] === old);
    }
    before = await losses();
  });

  it('(3) client 1 and the server talk under the same version', async () => {
    session = [
      await Flow.begin(one, hall, 200, SEQ_PORT),
      await Flow.begin(hall, one, 200, SEQ_PORT),
      await Flow.begin(one, hall, 200, SEQ_PORT + 2, AT.hall), // how long the machine itself pauses
    ];
    await until('the session', async () => (await sendsUnder(one, hall)).length > 0);
    expect([await sendsUnder(one, hall), await sendsUnder(hall, one)]).toEqual([[old], [old]]);
  });

  it('(4) the server takes a new key during the session and keeps the old one, longer than any grace', async () => {
    fresh = await roll();
    rolledAt = performance.now();
    await until('the delivery', async () => (await keyStore(hall))[0] === fresh);
    expect((await keyStore(hall)).slice(0, 2)).toEqual([fresh, old]);
    await until('the grace to be over', () => performance.now() > rolledAt + 62_000, { seconds: 65, everyMs: 500 });
    expect(await keyStore(hall)).toEqual([fresh, old]);
    expect(await keyStore(one)).toEqual([old]);
    expect(await keyStore(two)).toEqual([old]);
    expect([await sendsUnder(one, hall), await sendsUnder(hall, one)]).toEqual([[old], [old]]);
  });

  it('(5, 6, 7) client 2 is told that its key is old, fetches, discards the old one, and what it sent meanwhile arrives', async () => {
    const told: string[] = [];
    void watch<TraceAnswer>(two.socket, { verb: 'trace' }, ({ message, direction }) => {
      if (direction === 'in') told.push(message);
    }).catch(() => undefined);
    // the step between being told and having fetched is milliseconds long: without the way to the gms it can be looked at
    const cut = drop(two.namespace, { hook: 'output', match: `ip daddr ${AT.gms} tcp dport ${PORT}` });
    await two.status(); // the trace runs
    ofTwo = await Flow.begin(two, hall, 10, SEQ_PORT + 1);
    await until('STALE', () => told.includes('STALE'));
    await until('packets to be held', async () => (await two.status()).pit.heldPackets > 3);
    expect(new Set(told)).toEqual(new Set(['STALE']));
    expect(await keyStore(two)).toEqual([old]);
    expect(sasWith(await two.status(), hall)).toEqual([]);
    expect(sasWith(await hall.status(), two)).toEqual([]);
    cut.remove();
    await comesToHold(two, [fresh], 8);
    await until('client 2 to send', async () => (await sendsUnder(two, hall)).length > 0);
    // sessions of both keys side by side
    expect([await sendsUnder(two, hall), await sendsUnder(hall, one)]).toEqual([[fresh], [old]]);
    expect(await keyStore(hall)).toEqual([fresh, old]);
    expect(await keyStore(one)).toEqual([old]);
  });

  it('(8) client 1 ends: the server discards the old key, client 1 has it still and renews it when it talks next', async () => {
    for (const flow of session) await flow.end();
    expect(await keyStore(hall)).toEqual([fresh, old]); // the entry of the flow lives on for 30 s
    await comesToHold(hall, [fresh], 60);
    expect(await keyStore(one)).toEqual([old]);
    const next = await Flow.begin(one, hall, 50, SEQ_PORT);
    await comesToHold(one, [fresh], 8);
    await until('client 1 to send', async () => (await sendsUnder(one, hall)).includes(fresh));
    await next.end();
  });

  it('(9) client 2 ends: all hold nothing but the new key, and no packet was lost', async () => {
    await ofTwo.end();
    for (const node of nodes) expect(await keyStore(node)).toEqual([fresh]);
    expect(await losses()).toEqual(before);
  });
});
