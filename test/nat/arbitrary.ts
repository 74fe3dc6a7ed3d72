import fc from 'fast-check';
import { nodeId } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import { formatPath } from '../../src/base/path-address.ts';
import { BIND_STATUS } from '../../src/nat/bind.ts';
import type { Candidate, CandidateKind } from '../../src/nat/candidate.ts';
import { NAT_RULES } from '../../src/nat/nat-kind.ts';
import { REFLECT_DELAY_MAX, REFLECT_FROM, type Reflection } from '../../src/nat/reflect.ts';
import {
  ACK_STATUS,
  DIRECTION_REASONS,
  DIRECTION_ROLES,
  type DirectionTarget,
  type SignalMessage,
} from '../../src/nat/signal-message.ts';
import type { TunnelProbe } from '../../src/nat/tunnel-probe.ts';

/** Generators of everything that path, relay and signalling messages carry. */

export const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const port = fc.integer({ min: 1, max: 0xffff });
/** all zero means "none yet" in some fields */
const someBytes = (length: number) => bytes(length).map((each) => each.fill(1, 0, 1));

export const endpoint = fc.oneof(
  fc.tuple(bytes(4), port).map(([address, at]) => formatPath(4, address, at)),
  fc.tuple(bytes(16), port).map(([address, at]) => formatPath(6, address, at)),
);
export const node = bytes(16).map((each) => nodeId(toHex(each)));
const candidate: fc.Arbitrary<Candidate> = fc.record({
  kind: fc.constantFrom<CandidateKind[]>('host', 'reflexive', 'mapped'),
  address: endpoint,
  seen: fc.boolean(),
});
const candidates = fc.array(candidate, { maxLength: 8 });
const endpoints = fc.array(endpoint, { maxLength: 8 });
const reached = fc.array(
  fc.record({ address: endpoint, rtt: fc.option(fc.integer({ min: 0, max: 0xfffe }), { nil: undefined }) }),
  { maxLength: 8 },
);
const nat = fc.record({
  mapping: fc.constantFrom(...NAT_RULES),
  filtering: fc.constantFrom(...NAT_RULES),
  hairpin: fc.constant(undefined),
});
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

export const probe: fc.Arbitrary<TunnelProbe> = fc.oneof(
  fc.record({
    kind: fc.constant('request' as const),
    pathId: bytes(8),
    txid: bytes(12),
    destination: endpoint,
    seen: fc.constant(undefined),
  }),
  fc.record({
    kind: fc.constant('response' as const),
    pathId: bytes(8),
    txid: bytes(12),
    destination: endpoint,
    seen: endpoint,
  }),
);

export const reflect: fc.Arbitrary<Reflection> = fc.oneof(
  fc.record({
    kind: fc.constant('question' as const),
    from: fc.constantFrom(...REFLECT_FROM),
    ticket: u32,
    nonce: bytes(12),
    delay: fc.integer({ min: 0, max: REFLECT_DELAY_MAX }),
  }),
  fc.record({
    kind: fc.constant('answer' as const),
    from: fc.constantFrom(...REFLECT_FROM),
    ticket: u32,
    nonce: bytes(12),
    seen: endpoint,
  }),
);

const channel = fc.integer({ min: 1, max: 0xffffffff });
const seq = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

export const bind = fc.record({
  kind: fc.constant('bind' as const),
  channel,
  node,
  seq,
  nonce: bytes(16),
  challenge: maybe(someBytes(16)),
});
export const bindChallenge = fc.record({
  kind: fc.constant('bind-challenge' as const),
  channel,
  seq,
  challenge: bytes(16),
});
export const bindAck = fc.record({
  kind: fc.constant('bind-ack' as const),
  status: fc.constantFrom(...BIND_STATUS),
  channel,
  seq,
  nonce: bytes(16),
  seen: endpoint,
});

const target: fc.Arbitrary<DirectionTarget> = fc.oneof(
  fc.record({ kind: fc.constant('node' as const), node }),
  fc.record({ kind: fc.constant('address' as const), address: bytes(16) }),
);

export const signal: fc.Arbitrary<SignalMessage> = fc.oneof(
  fc.record({ type: fc.constant('register' as const), seq: u32, nat, candidates, relays: reached }),
  fc.record({
    type: fc.constant('registered' as const),
    seq: u32,
    lifetime: port,
    seen: maybe(endpoint),
    ticket: u32,
    reflectKey: bytes(32),
    vantages: endpoints,
    relays: fc.array(fc.record({ address: endpoint, key: bytes(32) }), { maxLength: 8 }),
  }),
  fc.record({ type: fc.constant('keep-alive' as const), seq: u32 }),
  fc.record({ type: fc.constant('kept' as const), seq: u32, seen: maybe(endpoint) }),
  fc.record({ type: fc.constant('direction-request' as const), request: u32, target }),
  fc.record({
    type: fc.constant('route-direction' as const),
    request: u32,
    pathId: bytes(8),
    role: fc.constantFrom(...DIRECTION_ROLES),
    peer: node,
    tempKey: bytes(32),
    nat,
    relay: maybe(fc.record({ address: endpoint, channel })),
    candidates,
  }),
  fc.record({
    type: fc.constant('ack' as const),
    pathId: bytes(8),
    status: fc.constantFrom(...ACK_STATUS),
    nat,
    candidates,
  }),
  fc.record({
    type: fc.constant('direction-refused' as const),
    request: u32,
    reason: fc.constantFrom(...DIRECTION_REASONS),
  }),
  fc.record({ type: fc.constant('unregister' as const) }),
);
