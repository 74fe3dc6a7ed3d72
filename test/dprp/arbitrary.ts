import fc from 'fast-check';
import { groupId, keyVersion, nodeId, saIndex } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import type { Cid } from '../../src/base/cid.ts';
import type { ActionName, ModeName } from '../../src/base/datagram-kinds.ts';
import type { Caps } from '../../src/dprp/caps.ts';
import type { CdnPayload } from '../../src/dprp/cdn.ts';
import type { CdnStatus, FormName, SideName, StaleReason } from '../../src/dprp/constants.ts';
import type { ControlRecord } from '../../src/dprp/control-record.ts';
import type { DdeBox } from '../../src/dprp/dde-box.ts';
import type { GroupRef, RosterPoint } from '../../src/dprp/group-ref.ts';
import type { DprpHeader } from '../../src/dprp/header.ts';
import type { HopInfo, HopSigner } from '../../src/dprp/hop-record.ts';
import type { MpitPayload } from '../../src/dprp/mpit-payload.ts';
import type { RgiPayload } from '../../src/dprp/rgi-payload.ts';
import type { EndType } from '../../src/dprp/wire-names.ts';

/** Generators of everything that DPRP carries. */

export const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u16 = fc.integer({ min: 0, max: 0xffff });
export const u32 = fc.integer({ min: 0, max: 0xffffffff });
const byte = fc.integer({ min: 0, max: 255 });

const action = fc.constantFrom<ActionName[]>('encrypt', 'relay', 'discard', 'terminate');
const mode = fc.constantFrom<ModeName[]>('op', 'cl');
const endType = fc.constantFrom<EndType[]>('ges', 'gen', 'gea');
const side = fc.constantFrom<SideName[]>('n', 's', 'd', 'b');
const status = fc.constantFrom<CdnStatus[]>('accepted', 'refused', 'full');

const baseIndex = fc.integer({ min: 1, max: 0x1fffffff }).map((n) => saIndex(n * 8));
const id16 = bytes(16).map((raw) => nodeId(toHex(raw)));

/** A header between two nodes that both have an index. */
export const header = (hops = 0): fc.Arbitrary<DprpHeader> =>
  fc.record({ flags: fc.constant(0), hops: fc.constant(hops), sender: baseIndex, receiver: baseIndex });

/** The header of an answer from a node that keeps no state. */
export const answerHeader: fc.Arbitrary<DprpHeader> = fc.record({
  flags: fc.constant(0),
  hops: fc.constant(0),
  sender: fc.constant(saIndex(0)),
  receiver: baseIndex,
});

const address = (family: 4 | 6) =>
  bytes(16).map((raw) => {
    if (family === 4) raw.fill(0, 0, 12);
    return raw;
  });

const cid: fc.Arbitrary<Cid> = fc.constantFrom<(4 | 6)[]>(4, 6).chain((family) =>
  fc.record({
    family: fc.constant(family),
    protocol: byte,
    source: address(family),
    destination: address(family),
    sourcePort: u16,
    destinationPort: u16,
  }),
);

const caps: fc.Arbitrary<Caps> = fc.record({
  lanes: fc.integer({ min: 1, max: 8 }),
  noGms: fc.boolean(),
  type: endType,
});
const group: fc.Arbitrary<GroupRef> = fc.record({
  group: bytes(16).map((raw) => groupId(toHex(raw))),
  epoch: u32,
  version: u32.map(keyVersion),
});
const roster: fc.Arbitrary<RosterPoint> = fc.record({ seq: u32, head: bytes(32) });

const preference = fc
  .uniqueArray(fc.record({ rank: fc.integer({ min: 0, max: 7 }), previous: fc.boolean() }), {
    maxLength: 16,
    selector: ({ rank, previous }) => rank * 2 + Number(previous),
  })
  .map((used) => Array.from({ length: 16 }, (_, slot) => used[slot] ?? null));

export const ddeBox: fc.Arbitrary<DdeBox> = fc.record({
  cid,
  preference,
  suites: fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 2 }),
  mtu: u16,
  caps,
});

export const rgiPayload: fc.Arbitrary<RgiPayload> = fc.record({
  cred: bytes(268),
  group,
  suite: byte,
  mode,
  type: endType,
  roster,
  caps,
  oldSlot: fc.option(fc.integer({ min: 0, max: 15 })),
});

export const mpitPayload: fc.Arbitrary<MpitPayload> = fc.record({
  cred: bytes(268),
  cid,
  group,
  suite: byte,
  action,
  pitId: bytes(8),
  lifetime: u32,
  roster,
  hops: fc.array(fc.record({ node: id16, action, ephemeral: bytes(32) }), { maxLength: 4 }),
  rekeyProof: fc.option(bytes(32)),
});

export const cdnPayload: fc.Arbitrary<CdnPayload> = fc.record({
  pitId: bytes(8),
  status,
  action,
  lanes: fc.integer({ min: 1, max: 8 }),
  lifetime: u32,
  mtu: u16,
});

export const staleBox = fc.record({
  epoch: u32,
  version: u32.map(keyVersion),
  rosterSeq: u32,
  reason: fc.constantFrom<StaleReason[]>('old', 'domain', 'behind'),
});

export const nogroupBox = fc.record({ mode, type: endType });

export const hopInfo: fc.Arbitrary<HopInfo> = fc.record({ type: endType, mode, side, matchedSlots: u16, caps });
export const hopOrder = fc.record({ action, lifetime: u32 });

export const signer = (form: FormName): fc.Arbitrary<HopSigner> =>
  form === 'value'
    ? fc.record({ form: fc.constant('value'), caPart: bytes(200) })
    : fc.record({ form: fc.constant('reference'), node: id16 });

export const controlRecord: fc.Arbitrary<ControlRecord> = fc.oneof(
  fc.record({
    kind: fc.constant('mpit'),
    pitId: bytes(8),
    cid,
    action,
    lifetime: u32,
    packet: fc.uint8Array({ maxLength: 80 }),
  }),
  fc.record({ kind: fc.constant('cdn'), pitId: bytes(8), status, lifetime: u32 }),
  fc.record({ kind: fc.constant('no-entry'), cid }),
  fc.record({ kind: fc.constant('close-entry'), pitId: bytes(8) }),
  fc.record({ kind: fc.constant('path-challenge'), token: bytes(8), padding: fc.integer({ min: 0, max: 1400 }) }),
  fc.record({ kind: fc.constant('path-response'), token: bytes(8) }),
  fc.record({ kind: fc.constant('close-sa') }),
  fc.record({ kind: fc.constant('signed-remove'), entry: fc.uint8Array({ minLength: 1, maxLength: 1100 }) }),
);
