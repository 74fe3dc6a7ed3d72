import { groupId, keyVersion, nodeId, unixSeconds } from '../../base/brands.ts';
import { fromHex, toHex } from '../../base/bytes.ts';
import { type CborValue, cborMap, encodeCbor } from '../../base/cbor.ts';
import { decodeCbor } from '../../base/cbor-decode.ts';
import { asBytes, asListOf, asMap, asText, asUint } from '../../base/cbor-fields.ts';
import { MODE } from '../../base/datagram-kinds.ts';
import { type AddressPrefix, decodePrefix, encodePrefix } from '../../crypto/address-prefix.ts';
import {
  type AuthorityGroup,
  type AuthorityNode,
  type AuthorityState,
  type EndNodeType,
  type KeyEpoch,
  type KeyHistory,
  ROLL_REASONS,
} from './state.ts';

/** Written in front, so that a later GSCIP knows what it reads. */
const SCHEMA = 1;
const LIMITS = { bytes: 1 << 28, depth: 8 } as const;
const TYPES: readonly EndNodeType[] = ['ges', 'gen', 'gea'];

/** The file that keeps an authority: one CBOR map. */
export function encodeState(state: AuthorityState): Uint8Array {
  return encodeCbor(
    cborMap({
      schema: SCHEMA,
      network: state.network,
      pool: encodePrefix(state.plan.pool),
      ula: state.plan.ula,
      adminSeed: state.adminSeed,
      caSeed: state.caSeed,
      revision: state.revision,
      nextSerial: state.nextSerial,
      domain: cborMap(historyFields(state.domain)),
      groups: state.groups.map((group) => cborMap({ ...historyFields(group), roster: group.roster })),
      nodes: state.nodes.map(encodeNode),
    }),
  );
}

/** Reads that file again; 'schema' when a newer GSCIP wrote it, 'damaged' when it is not such a file. */
export function decodeState(bytes: Uint8Array): AuthorityState | 'schema' | 'damaged' {
  const decoded = decodeCbor(bytes, LIMITS);
  const map = typeof decoded === 'string' ? undefined : asMap(decoded.value);
  if (!map) return 'damaged';
  if (map.get('schema') !== SCHEMA) return 'schema';
  const [network, pool, ula] = [asText(map.get('network')), parsePrefix(map.get('pool')), asBytes(map.get('ula'), 6)];
  const [adminSeed, caSeed] = [asBytes(map.get('adminSeed'), 32), asBytes(map.get('caSeed'), 32)];
  const [revision, nextSerial] = [asUint(map.get('revision')), asUint(map.get('nextSerial'))];
  const domain = parseHistory(map.get('domain'));
  const groups = asListOf(map.get('groups'), parseGroup);
  const nodes = asListOf(map.get('nodes'), parseNode);
  if (!network || !pool || !ula || !adminSeed || !caSeed || !revision || !nextSerial || !domain || !groups || !nodes)
    return 'damaged';
  return { network, plan: { pool, ula }, adminSeed, caSeed, revision, nextSerial, domain, groups, nodes };
}

function historyFields(history: KeyHistory): Readonly<Record<string, CborValue>> {
  const { id, name, rn1, versions } = history;
  return { id: fromHex(id), name, rn1, versions: versions.map(encodeEpoch) };
}

function encodeEpoch(epoch: KeyEpoch): CborValue {
  const { v, rn2, madeAt, activateAt, reason, rosterSeq, rosterHead } = epoch;
  return cborMap({ v, rn2, madeAt, activateAt, reason, rosterSeq, rosterHead });
}

function encodeNode(node: AuthorityNode): CborValue {
  const { name, id, edSeed, caPart, type, mode, ipv4, ipv6, routes, addedAt, removedAt } = node;
  const fields = { name, edSeed, caPart, type, mode: MODE[mode], ipv4, ipv6, addedAt, removedAt };
  return cborMap({ ...fields, id: fromHex(id), routes: routes.map(encodePrefix) });
}

function parseHistory(value: CborValue | undefined): KeyHistory | undefined {
  const map = asMap(value);
  const [id, name, rn1] = [asBytes(map?.get('id'), 16), asText(map?.get('name')), asBytes(map?.get('rn1'), 32)];
  const versions = asListOf(map?.get('versions'), parseEpoch);
  return id && name && rn1 && versions && versions.length > 0
    ? { id: groupId(toHex(id)), name, rn1, versions }
    : undefined;
}

function parseGroup(value: CborValue): AuthorityGroup | undefined {
  const history = parseHistory(value);
  const roster = asListOf(asMap(value)?.get('roster'), (entry) => asBytes(entry));
  return history && roster && roster.length > 0 ? { ...history, roster } : undefined;
}

function parseEpoch(value: CborValue): KeyEpoch | undefined {
  const map = asMap(value);
  const [v, madeAt, activateAt] = [asUint(map?.get('v')), asUint(map?.get('madeAt')), asUint(map?.get('activateAt'))];
  const [rosterSeq, rosterHead] = [asUint(map?.get('rosterSeq')), asBytes(map?.get('rosterHead'), 32)];
  const reason = ROLL_REASONS.find((each) => each === map?.get('reason'));
  if (!v || madeAt === undefined || activateAt === undefined || rosterSeq === undefined) return undefined;
  const rn2 = asBytes(map?.get('rn2'), 32);
  if (!rosterHead || !reason || !rn2) return undefined;
  const times = { madeAt: unixSeconds(madeAt), activateAt: unixSeconds(activateAt) };
  return { v: keyVersion(v), rn2, ...times, reason, rosterSeq, rosterHead };
}

function parseNode(value: CborValue): AuthorityNode | undefined {
  const map = asMap(value);
  const [name, id] = [asText(map?.get('name')), asBytes(map?.get('id'), 16)];
  const edSeed = asBytes(map?.get('edSeed'), 32);
  const [caPart, ipv4, ipv6] = [
    asBytes(map?.get('caPart'), 200),
    asBytes(map?.get('ipv4'), 4),
    asBytes(map?.get('ipv6'), 16),
  ];
  const type = TYPES.find((each) => each === map?.get('type'));
  const modeNumber = asUint(map?.get('mode'), 1);
  const routes = asListOf(map?.get('routes'), parsePrefix);
  const [added, removed] = [asUint(map?.get('addedAt')), asUint(map?.get('removedAt'))];
  if (!name || !id || !caPart || !ipv4 || !ipv6) return undefined;
  if (added === undefined || !type || modeNumber === undefined || !routes) return undefined;
  const mode = modeNumber === MODE.cl ? 'cl' : 'op';
  if ((removed === undefined) !== (edSeed !== undefined)) return undefined;
  const removedAt = removed === undefined ? undefined : unixSeconds(removed);
  return {
    name,
    id: nodeId(toHex(id)),
    edSeed,
    caPart,
    type,
    mode,
    ipv4,
    ipv6,
    routes,
    addedAt: unixSeconds(added),
    removedAt,
  };
}

function parsePrefix(value: CborValue | undefined): AddressPrefix | undefined {
  return decodePrefix(asBytes(value) ?? new Uint8Array(0)) ?? undefined;
}
