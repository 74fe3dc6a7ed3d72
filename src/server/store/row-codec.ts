import { groupId, keyVersion, nodeId, unixSeconds } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import { type Change, ROLES, type Rows, TABLES, type TableName } from '../network/state.ts';
import {
  branded,
  bytes,
  type FieldCodec,
  FLAG,
  isObject,
  listOf,
  oneOf,
  optional,
  PREFIX,
  secret,
  TEXT,
  whole,
} from './field-codec.ts';
import type { Sealer } from './sealer.ts';
import type { JsonObject, JsonValue } from './store.ts';

type RowCodec<R> = { readonly [F in keyof R]-?: FieldCodec<R[F]> };

const TIME = whole(unixSeconds);
const COUNT = whole(Number);
const GROUP = branded(groupId);
const VERSION = whole(keyVersion);
const NODE = branded(nodeId);
const SEED = secret(32);
const TYPE = oneOf('ges', 'gen', 'gea');
const MODE = oneOf('op', 'cl');

const CODECS: { readonly [T in TableName]: RowCodec<Rows[T]> } = {
  settings: {
    network: TEXT,
    pool: PREFIX,
    ula: bytes(6),
    adminSeed: SEED,
    caSeed: SEED,
    asSeed: SEED,
    gmsSeed: SEED,
    nextSerial: COUNT,
    nextHost: COUNT,
    number: COUNT,
    timeZone: TEXT,
    domain: GROUP,
    lease: COUNT,
    certificateLife: COUNT,
    createdAt: TIME,
  },
  users: { name: TEXT, createdAt: TIME },
  administrators: { name: TEXT, role: oneOf(...ROLES), groups: listOf(GROUP), keyHash: bytes(32), createdAt: TIME },
  groups: {
    id: GROUP,
    name: TEXT,
    retain: oneOf('migrate', 'flow'),
    push: oneOf('all', 'always-on'),
    roll: TEXT,
    nextRoll: TIME,
    versions: listOf(VERSION),
    number: COUNT,
    rn1: SEED,
    createdAt: TIME,
  },
  versions: {
    group: GROUP,
    v: VERSION,
    rn2: SEED,
    madeAt: TIME,
    activateAt: TIME,
    cause: oneOf('created', 'join', 'schedule', 'manual', 'removal'),
    number: COUNT,
    rosterSeq: COUNT,
    rosterHead: bytes(),
  },
  roster: { group: GROUP, seq: COUNT, entry: bytes() },
  nodes: {
    id: NODE,
    name: TEXT,
    user: TEXT,
    type: TYPE,
    mode: MODE,
    standing: oneOf('pending', 'active', 'removed'),
    edPublic: bytes(32),
    caPart: bytes(),
    certificateEnds: TIME,
    ipv4: bytes(4),
    ipv6: bytes(16),
    routes: listOf(PREFIX),
    groups: listOf(GROUP),
    ephemeral: FLAG,
    endsAt: optional(TIME),
    token: TEXT,
    number: COUNT,
    addedAt: TIME,
    lastSeen: TIME,
    removedAt: optional(TIME),
  },
  tokens: {
    id: TEXT,
    secret: SEED,
    user: TEXT,
    groups: listOf(GROUP),
    type: TYPE,
    mode: MODE,
    routes: listOf(PREFIX),
    uses: COUNT,
    used: listOf(NODE),
    expiresAt: TIME,
    approval: FLAG,
    ephemeral: FLAG,
    endsAt: optional(TIME),
    replaces: optional(NODE),
    createdBy: TEXT,
    createdAt: TIME,
    revoked: FLAG,
  },
  relays: { id: TEXT, name: TEXT, secret: SEED, createdAt: TIME },
};

/** A row as it lies in the database. */
export interface StoredRow {
  readonly kind: string;
  readonly key: string;
  readonly document: string | null;
}

/** The row of a change as JSON, its secrets sealed. */
export function encodeChange({ table, key, row }: Change, sealer: Sealer): StoredRow {
  return { kind: table, key, document: row === undefined ? null : encodeRow(table, key, row, sealer) };
}

/** What a stored row means; throws GscipError when it is not one of ours or a secret in it does not open. */
export function decodeChange({ kind, key, document }: StoredRow, sealer: Sealer): Change {
  const table = TABLES.find((each) => each === kind);
  if (table === undefined) throw damaged(kind, key, 'there is no such table');
  if (document === null) return changeOf(table, key, undefined);
  try {
    return changeOf(table, key, decodeRow(table, key, document, sealer));
  } catch (cause) {
    if (cause instanceof RangeError || cause instanceof SyntaxError) throw damaged(kind, key, cause.message);
    throw cause;
  }
}

function encodeRow<T extends TableName>(table: T, key: string, row: Rows[T], sealer: Sealer): string {
  const codec: RowCodec<Rows[T]> = CODECS[table];
  const document: Record<string, JsonValue> = {};
  for (const field in codec) {
    const value = codec[field].encode(row[field], sealer, { table, key, field });
    if (value !== undefined) document[field] = value;
  }
  return JSON.stringify(document);
}

function decodeRow<T extends TableName>(table: T, key: string, text: string, sealer: Sealer): Rows[T] {
  const codec: RowCodec<Rows[T]> = CODECS[table];
  const document = parseDocument(text);
  for (const field of Object.keys(document)) if (!(field in codec)) throw new RangeError(`unknown field ${field}`);
  const row: Record<string, unknown> = {};
  for (const field in codec) row[field] = decodeField(codec[field], document[field], sealer, { table, key, field });
  return rowOf(row);
}

function decodeField<T>(
  codec: FieldCodec<T>,
  value: JsonValue | undefined,
  sealer: Sealer,
  place: Parameters<FieldCodec<T>['decode']>[2],
): T {
  try {
    return codec.decode(value, sealer, place);
  } catch (cause) {
    throw new RangeError(`${place.field}: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function parseDocument(text: string): JsonObject {
  const document: JsonValue = JSON.parse(text);
  if (!isObject(document)) throw new RangeError('no object');
  return document;
}

/** The maker of rows: the caller has put a value of its codec into each field. */
function rowOf<R>(fields: Readonly<Record<string, unknown>>): R {
  return fields as R;
}

function changeOf<T extends TableName>(table: T, key: string, row: Rows[T] | undefined): Change {
  return { table, key, row } as Change;
}

function damaged(kind: string, key: string, what: string): GscipError {
  return new GscipError(
    'database-damaged',
    `the row ${kind}/${key} of the database cannot be read: ${what}`,
    'Restore the newest backup: gscip admin backup restore FILE.',
  );
}
