import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../src/base/bytes.ts';
import { padAddress } from '../../../src/base/ip-address.ts';
import { pathAddress } from '../../../src/base/path-address.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { REMOVE_REASON } from '../../../src/crypto/roster-entry.ts';
import { NAT_KIND } from '../../../src/nat/constants.ts';
import { UNKNOWN_NAT } from '../../../src/nat/nat-kind.ts';
import { decodeReflect, encodeReflect, isAuthenticReflect } from '../../../src/nat/reflect.ts';
import type { Ack, RouteDirection } from '../../../src/nat/signal-message.ts';
import { tunnelPath } from '../../../src/nat/tunnel-address.ts';
import { relayKeyOf, relaySecret } from '../../../src/server/datagrams/relay-keys.ts';
import { LIFETIME_S, REFLECT_RATE, REQUEST_RATE, SIGNAL_RATE } from '../../../src/server/dc/dc-limits.ts';
import { removeNode } from '../../../src/server/network/commands/nodes.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import { DcWorld, MAIN, type Participant, RELAY, RELAY_6, type Sent, SPARE } from './dc-world.ts';

function opened({ node }: Participant, sent: readonly Sent[]): RouteDirection {
  const [first] = sent;
  const message = first && node.open(first.bytes);
  if (message?.type !== 'route-direction') throw new Error(`no direction: ${JSON.stringify(message)}`);
  return message;
}

function reasonOf({ node }: Participant, sent: readonly Sent[]): string {
  const [first] = sent;
  const message = first && node.open(first.bytes);
  return message?.type === 'direction-refused' ? message.reason : String(message?.type);
}

function ack(pathId: Uint8Array, change: Partial<Ack> = {}): Ack {
  return { type: 'ack', pathId, status: 'ready', nat: UNKNOWN_NAT, candidates: [], ...change };
}

function two() {
  const dc = new DcWorld();
  const [anna, ben] = [dc.node('anna'), dc.node('ben')];
  anna.join();
  ben.join();
  return { dc, anna, ben };
}

describe('a session with the coordinator', () => {
  it('begins with a HELLO of a member, and registration tells it all that it needs', () => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    const registered = anna.join();
    expect(registered).toMatchObject({ lifetime: LIFETIME_S, seen: anna.from, vantages: [MAIN, SPARE] });
    const secret = relaySecret(nodeProvider, settingsOf(dc.ground.view).gmsSeed);
    const key = relayKeyOf(nodeProvider, secret, anna.node.id);
    expect(registered.relays).toEqual([
      { address: RELAY, key },
      { address: RELAY_6, key },
    ]);
    expect(dc.coordinator.nodes).toBe(1);
  });

  it.each([
    [
      'with the credential of another',
      (_: DcWorld, anna: Participant) => anna.hello({ thief: 'eve' }),
      'dc-hello-credential',
    ],
    ['with a key part that has ended', (_: DcWorld, anna: Participant) => anna.hello({ life: -1 }), 'dc-hello-expired'],
    [
      'with a clock that is far off',
      (dc: DcWorld, anna: Participant) => anna.node.hello(anna.row.caPart, dc.ground.now + 301),
      'dc-hello-time',
    ],
    [
      'that was altered',
      (_: DcWorld, anna: Participant) => anna.hello().map((byte, at) => (at === 60 ? byte ^ 1 : byte)),
      'dc-hello-auth',
    ],
    ['that was cut', (_: DcWorld, anna: Participant) => anna.hello().slice(0, 100), 'dc-hello-length'],
  ] as const)('is not opened by a HELLO %s', (_, hello, counter) => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    expect(dc.send(hello(dc, anna), anna.from)).toEqual([]);
    expect([...dc.counters.keys()]).toEqual([counter]);
  });

  it('is not opened by a certificate that this CA did not sign, whoever knows the coordinator', () => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    const forged = anna.row.caPart.slice();
    forged[forged.length - 1] ^= 1;
    expect(dc.send(anna.node.hello(forged, dc.ground.now), anna.from)).toEqual([]);
    expect(dc.counters.get('dc-hello-credential')).toBe(1);
  });

  it('is not opened for a removed node, and ends when a node is removed', () => {
    const { dc, anna, ben } = two();
    dc.ground.run((tools, draft) => removeNode(tools, draft, ben.node.id, REMOVE_REASON.unspecified));
    dc.coordinator.handleRemoved(ben.node.id);
    dc.members.handleNodesChanged();
    expect(dc.coordinator.nodes).toBe(1);
    expect(ben.say({ type: 'keep-alive', seq: 1 })).toEqual([]);
    expect(ben.meet()).toBe(false);
    expect(dc.counters.get('dc-hello-not-a-member')).toBe(1);
    expect(reasonOf(anna, anna.ask(ben))).toBe('unknown');
  });

  it('is not taken from the node by whoever plays its HELLO again', () => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    const hello = anna.hello();
    const [welcome] = dc.send(hello, anna.from);
    anna.node.welcomed(welcome?.bytes ?? hello);
    anna.register([]);
    expect(dc.send(hello, pathAddress('203.0.113.66:6666'))).toEqual([]);
    expect(dc.counters.get('dc-hello-repeated')).toBe(1);
    expect(anna.say({ type: 'keep-alive', seq: 2 })).toHaveLength(1);
  });

  it('changes hands only when something was said in the new one', () => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    anna.join();
    const late = anna.hello();
    dc.send(late, pathAddress('203.0.113.67:6667'));
    expect(anna.say({ type: 'keep-alive', seq: 2 })).toHaveLength(1);
    expect(dc.pass(11_000)).toEqual([]);
    expect(anna.say({ type: 'keep-alive', seq: 3 })).toHaveLength(1);
  });

  it('stays with whoever greets by UDP and through a tunnel at once, and speaks where it was answered first', () => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    anna.meet();
    const [other] = dc.send(anna.hello(), tunnelPath(new Uint8Array(6).fill(9), 1), 'tunnel');
    expect(other?.bytes[0]).toBe(NAT_KIND.welcome);
    expect(anna.register([]).seen).toBe(anna.from);
    expect(dc.coordinator.nodes).toBe(1);
  });

  it('answers a HELLO that comes again by the same WELCOME, which is no longer than it', () => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    const hello = anna.hello();
    const [first] = dc.send(hello, anna.from);
    expect(dc.send(hello, anna.from)).toEqual([first]);
    expect(first?.bytes.length).toBeLessThanOrEqual(hello.length);
  });

  it('N2: tells an address that it has not proved what it is, in less than twice the question, and nothing else', () => {
    const { dc, anna, ben } = two();
    const elsewhere = pathAddress('203.0.113.99:999');
    const question = anna.node.seal({ type: 'keep-alive', seq: 7 });
    const [kept] = dc.send(question, elsewhere);
    expect(kept && anna.node.open(kept.bytes)).toEqual({ type: 'kept', seq: 7, seen: elsewhere });
    expect(kept?.bytes.length).toBeLessThan(2 * question.length);
    const more = [
      { type: 'register', seq: 9, nat: UNKNOWN_NAT, candidates: [], relays: [] },
      { type: 'direction-request', request: 1, target: { kind: 'node', node: ben.node.id } },
    ] as const;
    for (const message of more) expect(dc.send(anna.node.seal(message), elsewhere)).toEqual([]);
    expect(ben.ask(anna)[0]?.to).toBe(anna.from);
  });

  it('is forgotten after silence, and when the credential ends', () => {
    const { dc, anna, ben } = two();
    dc.pass((LIFETIME_S / 2) * 1_000);
    anna.say({ type: 'keep-alive', seq: 2 });
    dc.pass((LIFETIME_S / 2) * 1_000);
    expect(reasonOf(anna, anna.ask(ben))).toBe('offline');
    dc.ground.now += 86_400;
    expect(anna.say({ type: 'keep-alive', seq: 3 })).toEqual([]);
    expect(dc.coordinator.nodes).toBe(0);
  });

  it('W2: takes bytes of every kind, cut and altered anywhere, and does not answer those it cannot read', () => {
    const { dc, anna } = two();
    const good = [anna.hello(), anna.node.seal({ type: 'keep-alive', seq: 5 })];
    for (const bytes of good)
      for (let at = 0; at < bytes.length; at++) {
        const altered = bytes.slice();
        altered[at] ^= 0x55;
        const answered = [
          ...dc.send(altered, pathAddress(`203.0.113.1:${at + 1}`)),
          ...dc.send(bytes.slice(0, at), anna.from),
        ];
        // the index of HELLO is in no MAC: it only says where the answer is to be found
        if (bytes[0] === NAT_KIND.signal || at < 4 || at >= 8) expect([at, answered]).toEqual([at, []]);
        dc.pass(100);
      }
    expect(dc.counters.get('dc-hello-source-rate')).toBe(undefined);
  });

  it('says nothing from or to addresses that must not be used', () => {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    for (const from of ['127.0.0.1:5', '224.0.0.1:5', '10.0.0.1:5', '100.64.0.9:5', MAIN, '203.0.113.1:0'])
      expect(dc.send(anna.hello(), pathAddress(from))).toEqual([]);
    expect([...dc.counters.keys()].sort()).toEqual(
      ['loopback', 'multicast', 'private', 'overlay', 'own-address', 'port']
        .map((fault) => `dc-source-${fault}`)
        .sort(),
    );
  });
});

describe('a direction', () => {
  it('is told to the end node first, and to the asker twice: one path id, key and channel for both', () => {
    const { dc, anna, ben } = two();
    const asked = anna.ask(ben, 17);
    expect(asked.map(({ to }) => to)).toEqual([ben.from, anna.from]);
    const atBen = opened(ben, asked);
    expect(atBen).toMatchObject({ role: 'end', request: 0, peer: anna.node.id });
    const early = opened(anna, asked.slice(1));
    expect(atBen.candidates).toEqual([{ kind: 'reflexive', address: anna.from, seen: true }]);
    const atAnna = opened(anna, ben.say(ack(atBen.pathId)));
    expect(atAnna).toMatchObject({ role: 'asker', request: 17, peer: ben.node.id, pathId: atBen.pathId });
    expect(early).toEqual(atAnna);
    expect(atAnna.tempKey).toEqual(atBen.tempKey);
    expect(atAnna.relay).toEqual(atBen.relay);
    expect(atAnna.relay?.address).toBe(RELAY);
    expect(dc.allowed).toMatchObject([{ channel: atAnna.relay?.channel, nodes: [anna.node.id, ben.node.id] }]);
  });

  it('is shared by requests of the pair within 2 s, from either side, and a new one after that, on the same channel', () => {
    const { dc, anna, ben } = two();
    const first = opened(ben, anna.ask(ben));
    dc.pass(1_000);
    const crossing = opened(anna, ben.ask(anna));
    expect(crossing.pathId).toEqual(first.pathId);
    expect(crossing.tempKey).toEqual(first.tempKey);
    dc.pass(1_000);
    const later = opened(ben, anna.ask(ben));
    expect(later.pathId).not.toEqual(first.pathId);
    expect(later.tempKey).not.toEqual(first.tempKey);
    expect(later.relay).toEqual(first.relay);
    // an ACK is answered with the pair that it names, however late it comes
    expect(opened(anna, ben.say(ack(first.pathId))).tempKey).toEqual(first.tempKey);
  });

  it('goes by the newest that the end node says of itself', () => {
    const { anna, ben } = two();
    const { pathId } = opened(ben, anna.ask(ben));
    const address = pathAddress('192.168.1.7:47247');
    const candidates = [{ kind: 'host', address, seen: true }] as const;
    expect(opened(anna, ben.say(ack(pathId, { candidates }))).candidates).toEqual([
      { kind: 'host', address, seen: false },
    ]);
  });

  it('to an overlay address leads to the node that has it', () => {
    const { anna, ben } = two();
    for (const address of [padAddress(ben.row.ipv4), ben.row.ipv6]) {
      const sent = anna.say({ type: 'direction-request', request: 1, target: { kind: 'address', address } });
      expect(sent[0]?.to).toBe(ben.from);
    }
  });

  it('names a relay of the family by which the node is seen', () => {
    const { dc, anna } = two();
    const six = dc.node('six');
    six.from = pathAddress('[2001:db8::7]:7');
    six.join();
    const atSix = opened(six, anna.ask(six));
    expect(atSix.relay?.address).toBe(RELAY_6);
  });

  it('is refused with a reason', () => {
    const { dc, anna, ben } = two();
    const stranger = dc.node('stranger', { groups: ['home'] });
    const silent = dc.node('silent');
    const unasked = dc.node('unasked');
    unasked.meet();
    const nobody = { type: 'direction-request', request: 1, target: { kind: 'node', node: ben.node.id } } as const;
    expect(reasonOf(unasked, unasked.say(nobody))).toBe('not-registered');
    expect(reasonOf(anna, anna.ask(anna))).toBe('unknown');
    expect(reasonOf(anna, anna.ask(silent))).toBe('offline');
    expect(reasonOf(anna, anna.ask(stranger))).toBe('no-common-group');
    const address = fromHex('0000000000000000000000000a000001');
    const toAddress = { type: 'direction-request', request: 1, target: { kind: 'address', address } } as const;
    expect(reasonOf(anna, anna.say(toAddress))).toBe('unknown');
    const { pathId } = opened(ben, anna.ask(ben, 5));
    expect(reasonOf(anna, ben.say(ack(pathId, { status: 'refused' })))).toBe('refused');
  });

  it('is not told to whom nobody asked about: ACKs of others and of unknown paths get nothing', () => {
    const { dc, anna, ben } = two();
    const eve = dc.node('eve');
    eve.join();
    const { pathId } = opened(ben, anna.ask(ben));
    expect(eve.say(ack(pathId))).toEqual([]);
    expect(anna.say(ack(pathId))).toEqual([]);
    expect(ben.say(ack(new Uint8Array(8)))).toEqual([]);
    expect(dc.counters.get('dc-ack-unknown')).toBe(3);
    dc.pass(31_000);
    expect(ben.say(ack(pathId))).toEqual([]);
    expect(dc.coordinator.pairs).toBe(0);
  });

  it('is there again as soon as the nodes have registered after a restart', () => {
    const { dc, anna, ben } = two();
    dc.restart();
    expect(anna.say({ type: 'keep-alive', seq: 2 })).toEqual([]);
    anna.join();
    ben.join();
    expect(opened(ben, anna.ask(ben)).peer).toBe(anna.node.id);
  });
});

describe('the bounds of a coordinator', () => {
  it('N2: candidates that nobody may send to, that come twice, or that may be third parties, are not told', () => {
    const { dc, anna, ben } = two();
    const named = (text: string) => ({ kind: 'host', address: pathAddress(text), seen: true }) as const;
    const bad = ['127.0.0.1:1', '224.0.0.1:1', '100.64.0.7:1', MAIN];
    const [lan, one, twoth, third] = ['10.1.1.1:1', '8.8.8.8:1', '8.8.4.4:1', '1.1.1.1:1'];
    anna.register([...bad, lan, one, twoth, third].map(named));
    const told = opened(ben, anna.ask(ben)).candidates;
    expect(told.map(({ address, seen }) => [address, seen])).toEqual([
      [lan, false],
      [one, false],
      [twoth, false],
    ]);
    expect(dc.counters.get('dc-candidate-unseen-public')).toBe(1);
    anna.register([named(lan), named(lan)]);
    expect(opened(ben, anna.ask(ben, 2)).candidates).toHaveLength(1);
  });

  it('requests of one node', () => {
    const { dc, anna, ben } = two();
    const reasons = Array.from({ length: REQUEST_RATE.burst + 5 }, (_, at) => {
      const [sent] = anna.ask(ben, at);
      return sent?.to;
    });
    expect(reasons.filter((to) => to === ben.from).length).toBeLessThanOrEqual(REQUEST_RATE.burst);
    expect(dc.counters.get('dc-signal-rate')).toBeGreaterThan(0);
    expect(SIGNAL_RATE.burst).toBeGreaterThanOrEqual(REQUEST_RATE.burst);
  });
});

describe('a reflect question', () => {
  const nonce = new Uint8Array(12).fill(3);
  function asked() {
    const dc = new DcWorld();
    const anna = dc.node('anna');
    const { ticket, reflectKey: key } = anna.join();
    const question = (
      change: { readonly from?: 'asked' | 'other-port' | 'other-address'; readonly delay?: number } = {},
    ) => encodeReflect(nodeProvider, key, { kind: 'question', from: 'asked', ticket, nonce, delay: 0, ...change });
    return { dc, anna, key, question };
  }

  it.each([
    ['asked', 'main', 'main'],
    ['asked', 'other-port', 'other-port'],
    ['other-port', 'main', 'other-port'],
    ['other-address', 'main', 'other-address'],
  ] as const)('N3: to be answered from %s, at %s, is answered by %s, and in as many bytes', (from, socket, by) => {
    const { dc, key, question } = asked();
    const at = pathAddress('203.0.113.77:7');
    const bytes = question({ from });
    const [answer] = dc.send(bytes, at, socket);
    expect(answer).toMatchObject({ to: at, socket: by });
    expect(answer?.bytes.length).toBe(bytes.length);
    const decoded = decodeReflect(answer?.bytes ?? bytes);
    expect(decoded).toMatchObject({ kind: 'answer', seen: at, nonce });
    if (typeof decoded !== 'string')
      expect(isAuthenticReflect(nodeProvider, key, answer?.bytes ?? bytes, decoded)).toBe(true);
  });

  it('with a delay is answered then, and not before', () => {
    const { dc, anna, question } = asked();
    expect(dc.send(question({ delay: 40 }), anna.from)).toEqual([]);
    expect(dc.pass(39_000)).toEqual([]);
    expect(dc.pass(2_000)).toHaveLength(1);
    for (let at = 0; at < 12; at++) dc.send(question({ delay: 40 }), anna.from);
    expect(dc.counters.get('dc-reflect-full')).toBe(4);
  });

  it('of a stranger, or without the key, gets nothing', () => {
    const { dc, anna, question } = asked();
    const forged = question();
    forged[45] ^= 1;
    const strange = question();
    strange[7] ^= 1;
    expect([...dc.send(forged, anna.from), ...dc.send(strange, anna.from)]).toEqual([]);
    expect([...dc.counters.keys()].sort()).toEqual(['dc-reflect-forged', 'dc-reflect-unknown']);
  });

  it('is answered so often', () => {
    const { dc, anna, question } = asked();
    for (let at = 0; at < REFLECT_RATE.burst + 2; at++) dc.send(question(), anna.from);
    expect(dc.counters.get('dc-reflect-rate')).toBe(2);
  });
});
