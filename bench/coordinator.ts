import { UNKNOWN_NAT } from '../src/nat/nat-kind.ts';
import type { SignalMessage } from '../src/nat/signal-message.ts';
import { HELLO_RATE_ALL } from '../src/server/dc/dc-limits.ts';
import type { Participant } from '../test/server/dc/dc-world.ts';
import { benchMain } from './tools/bench-main.ts';
import { median, percentile, short } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { type Step, TimedCoordinator, type Times } from './tools/timed-coordinator.ts';

const STEPS: Readonly<Record<Step, string>> = {
  hello: 'HELLO: a session begins, with a credential to check',
  register: 'registration: a node says where it is',
  again: 'the same again: a keep-alive that changed nothing',
  direction: 'direction: both ends of a pair are told of each other',
  ack: 'acknowledgement of the end node',
};

/** What a direction coordinator takes for each thing that nodes want of it, in memory and by one thread. */
await benchMain(
  {
    name: 'coordinator',
    about: 'registrations and directions per second and core of a direction coordinator; in memory',
    help: {
      few: 'nodes of the first row',
      many: 'nodes of the second row',
      rounds: 'of directions, each with other pairs',
    },
    values: { few: 50, many: 1_000, rounds: 5 },
    quick: { few: 10, many: 50, rounds: 2 },
  },
  ({ few, many, rounds }) => {
    const found = [few, many].map((nodes) => ({ nodes, times: measure(nodes, rounds) }));
    return Promise.resolve({ results: found, text: page(found) });
  },
);

function measure(nodes: number, rounds: number): Times {
  const bed = new TimedCoordinator();
  const all = Array.from({ length: nodes }, (_, at) => bed.world.node(`node-${at}`));
  const register = (step: 'register' | 'again', each: Participant, seq: number) => {
    const candidates = [{ kind: 'reflexive', address: each.from, seen: false } as const];
    bed.say(step, each, { type: 'register', seq, nat: UNKNOWN_NAT, candidates, relays: [] });
  };
  for (const each of all) {
    const [welcome] = bed.send('hello', each.hello(), each.from);
    if (welcome) each.node.welcomed(welcome.bytes);
    register('register', each, 1);
  }
  for (const each of all) register('again', each, 2);
  for (let round = 1; round <= rounds; round++)
    for (const [at, asker] of all.entries()) meet(bed, asker, all[(at + round) % nodes], round);
  return bed.times;
}

/** One asks for another, and that one acknowledges what it is told. */
function meet(bed: TimedCoordinator, asker: Participant, target: Participant | undefined, request: number): void {
  if (target === undefined || target === asker) return;
  const wanted = { kind: 'node', node: target.node.id } as const;
  const told = bed.say('direction', asker, { type: 'direction-request', request, target: wanted });
  for (const { bytes, to } of told) {
    const end: Participant = to === target.from ? target : asker;
    const message: SignalMessage = end.node.open(bytes);
    if (message.type !== 'route-direction') throw new Error(`no direction: ${message.type}`);
    if (end !== target) continue;
    const { pathId } = message;
    bed.say('ack', target, { type: 'ack', pathId, status: 'ready', nat: UNKNOWN_NAT, candidates: [] });
  }
}

function page(found: readonly { readonly nodes: number; readonly times: Times }[]): string {
  const steps = Object.keys(STEPS).filter((step): step is Step => step in STEPS);
  const rows = steps.map((step) => [
    STEPS[step],
    ...found.flatMap(({ times }) => [
      short(median(times[step])),
      short(percentile(times[step], 0.99)),
      short(1e6 / median(times[step])),
    ]),
  ]);
  const head = found.flatMap(({ nodes }) => [`${short(nodes)} nodes: µs`, 'p99', '/s and core']);
  return [
    markdownTable(['a coordinator takes for', ...head], rows),
    `Without sockets. A coordinator takes no more than ${HELLO_RATE_ALL.perSecond} HELLOs a second from all together, whatever it could: sessions outlive a node's change of ` +
      'network and every outage but its own, after which so many begin again each second.',
  ].join('\n\n');
}
