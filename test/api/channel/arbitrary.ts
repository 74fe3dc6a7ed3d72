import fc from 'fast-check';
import type { EnrolAnswer, EnrolRequest } from '../../../src/api/channel/enrol-message.ts';
import type { Greeting } from '../../../src/api/channel/frames.ts';
import { FETCH_REASONS, type NodeMessage } from '../../../src/api/channel/node-message.ts';
import { SESSION_STANDINGS, type ServerMessage } from '../../../src/api/channel/server-message.ts';
import { groupId, keyVersion, nodeId, unixSeconds } from '../../../src/base/brands.ts';
import { toHex } from '../../../src/base/bytes.ts';
import { formatPath } from '../../../src/base/path-address.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uint = fc.integer({ min: 0, max: 0xffff_ffff });
const text = (most: number) => fc.string({ minLength: 1, maxLength: most });
const time = uint.map(unixSeconds);
const port = fc.integer({ min: 1, max: 0xffff });
const endpoint = fc.oneof(
  fc.tuple(bytes(4), port).map(([address, number]) => formatPath(4, address, number)),
  fc.tuple(bytes(16), port).map(([address, number]) => formatPath(6, address, number)),
);
const endpoints = fc.array(endpoint, { maxLength: 16 });
const group = bytes(16).map((id) => groupId(toHex(id)));
const node = bytes(16).map((id) => nodeId(toHex(id)));
const held = fc.record({ id: group, v: uint.map(keyVersion), seq: uint, head: bytes(32) });
const own = { udpPort: fc.integer({ min: 0, max: 0xffff }), endpoints };

export const greetings: fc.Arbitrary<Greeting> = fc.record({ asKey: bytes(32), gmsKey: bytes(32) });

export const nodeMessages: fc.Arbitrary<NodeMessage> = fc.oneof(
  fc.record({
    type: fc.constant('hello' as const),
    credential: bytes(268),
    release: text(64),
    formats: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 16 }),
    have: fc.record({ number: uint, groups: fc.array(held, { maxLength: 64 }) }),
    fetch: fc.constantFrom('start' as const, 'none' as const),
    alwaysOn: fc.boolean(),
    ...own,
  }),
  fc.record({ type: fc.constant('fetch' as const), why: fc.constantFrom(...FETCH_REASONS) }),
  fc.record({ type: fc.constant('fetch' as const), why: fc.constantFrom(...FETCH_REASONS), group }),
  fc.record({ type: fc.constant('endpoints' as const), ...own }),
  fc.record({ type: fc.constant('received' as const), number: uint }),
  fc.constantFrom({ type: 'renew' } as const, { type: 'leave' } as const, { type: 'ping' } as const),
);

const tunnel = fc
  .tuple(fc.constantFrom('vpn.example.net', '192.0.2.1', '[2001:db8::1]'), port)
  .map((at) => at.join(':'));
const refused = fc.record({ type: fc.constant('refused' as const), code: text(64), text: text(1_024), time });

export const serverMessages: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({ type: fc.constant('standing' as const), state: fc.constantFrom(...SESSION_STANDINGS), time }),
  fc.record({ type: fc.constant('update' as const), bundle: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ type: fc.constant('certificate' as const), caPart: bytes(200) }),
  fc.record({
    type: fc.constant('directory' as const),
    peers: fc.array(fc.record({ id: node, endpoints, gone: fc.boolean() }), { maxLength: 20 }),
  }),
  fc.record({
    type: fc.constant('services' as const),
    coordinators: fc.array(fc.record({ key: bytes(32), endpoints, tunnels: fc.array(tunnel, { maxLength: 8 }) }), {
      maxLength: 8,
    }),
  }),
  fc.record({ type: fc.constant('removed' as const), reason: text(255) }),
  refused,
  fc.record({ type: fc.constant('pong' as const), time }),
);

export const enrolRequests: fc.Arbitrary<EnrolRequest> = fc.record({
  type: fc.constant('enrol' as const),
  tokenId: bytes(8).map(toHex),
  edPublic: bytes(32),
  name: text(255),
  signature: bytes(64),
  mac: bytes(32),
});

export const enrolAnswers: fc.Arbitrary<EnrolAnswer> = fc.oneof(
  fc.record({
    type: fc.constant('enrolled' as const),
    network: text(255),
    name: text(255),
    caPart: bytes(200),
    gmsCertificate: fc.uint8Array({ maxLength: 200 }),
    ca: bytes(32),
    admin: bytes(32),
    pending: fc.boolean(),
    time,
  }),
  refused,
);
