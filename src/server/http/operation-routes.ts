import { Type } from 'typebox';
import type {
  AuditCheck,
  AuditEntryAnswer,
  BackupAnswer,
  BackupRequest,
  ServerStatus,
} from '../../api/admin/operations.ts';
import { GscipError } from '../../base/errors.ts';
import { liveNodes, namedGroups } from '../network/find.ts';
import { settingsOf } from '../network/settings.ts';
import type { AuditEntry } from '../store/store.ts';
import { type Route, route, UNUSED } from './route.ts';
import { CLOSED, COUNT, orNull, schemaOf, TEXT, TEXTS, TIME } from './schema-parts.ts';
import { tokenState } from './token-view.ts';

const STATUS = schemaOf<ServerStatus>()(
  Type.Object({
    network: TEXT,
    release: TEXT,
    roles: TEXTS,
    url: TEXT,
    pin: TEXT,
    servers: TEXTS,
    database: Type.Enum(['sqlite', 'postgresql']),
    uptimeSeconds: Type.Number(),
    revision: COUNT,
    users: COUNT,
    groups: COUNT,
    nodes: Type.Object({ active: COUNT, pending: COUNT, connected: COUNT }),
    tokens: COUNT,
    health: Type.Array(Type.Object({ code: TEXT, text: TEXT })),
  }),
);

const AUDIT_ENTRY = schemaOf<AuditEntryAnswer>()(
  Type.Object({
    number: COUNT,
    time: TIME,
    actor: Type.Object({ kind: TEXT, name: TEXT }),
    action: TEXT,
    result: Type.Enum(['done', 'refused', 'failed']),
    code: orNull(TEXT),
    changes: TEXTS,
    detail: Type.Record(Type.String(), Type.Unknown()),
    hash: TEXT,
  }),
);

const AUDIT_QUERY = Type.Object(
  {
    after: Type.Optional(COUNT),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    last: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  },
  CLOSED,
);

const AUDIT_CHECK = schemaOf<AuditCheck>()(
  Type.Object({
    intact: Type.Boolean(),
    entries: orNull(COUNT),
    head: orNull(TEXT),
    brokenAt: orNull(COUNT),
    text: TEXT,
  }),
);

const BACKUP_REQUEST = schemaOf<BackupRequest>()(
  Type.Object({ file: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })) }, CLOSED),
);
const BACKUP = schemaOf<BackupAnswer>()(Type.Object({ file: TEXT, bytes: COUNT, auditEntries: COUNT, note: TEXT }));

const status = route({
  ...UNUSED,
  method: 'GET',
  path: '/status',
  id: 'status',
  summary: 'The server and its network in numbers',
  roles: ['owner', 'group-administrator', 'auditor'],
  answer: STATUS,
  handle: ({ desk, view }) => {
    const { now } = desk.tools();
    const nodes = [...liveNodes(view)];
    const standing = (wanted: string) => nodes.filter((node) => node.standing === wanted).length;
    return {
      ...desk.facts(),
      network: settingsOf(view).network,
      revision: desk.store.state.revision,
      users: desk.store.state.tables.users.size,
      groups: [...namedGroups(view)].length,
      nodes: {
        active: standing('active'),
        pending: standing('pending'),
        connected: nodes.filter(({ id }) => desk.isConnected(id)).length,
      },
      tokens: [...view.rows('tokens')].filter((token) => tokenState(token, now) === 'usable').length,
    };
  },
});

const audit = route({
  ...UNUSED,
  method: 'GET',
  path: '/audit',
  id: 'list-audit',
  summary: 'Who did what, oldest first: after an entry, or the last ones',
  roles: ['owner', 'auditor'],
  query: AUDIT_QUERY,
  answer: Type.Object({ entries: Type.Array(AUDIT_ENTRY) }),
  handle: async ({ desk, query }) => ({ entries: (await desk.store.audit(query)).map(entryAnswer) }),
});

function entryAnswer({ seq, at, actor, action, outcome, code, changes, detail, hash }: AuditEntry): AuditEntryAnswer {
  const { kind, name } = actor;
  const why = code === '' ? null : code;
  return { number: seq, time: at, actor: { kind, name }, action, result: outcome, code: why, changes, detail, hash };
}

const verifyAudit = route({
  ...UNUSED,
  method: 'GET',
  path: '/audit/verify',
  id: 'verify-audit',
  summary: 'Whether every entry of the audit log follows from the one before',
  roles: ['owner', 'auditor'],
  answer: AUDIT_CHECK,
  handle: async ({ desk }) => {
    const check = await desk.store.verifyAudit();
    return check.ok
      ? { intact: true, entries: check.entries, head: check.head, brokenAt: null, text: '' }
      : { intact: false, entries: null, head: null, brokenAt: check.seq, text: check.text };
  },
});

const backup = route({
  ...UNUSED,
  method: 'POST',
  path: '/backup',
  id: 'backup',
  summary: 'Write a copy of the database on the machine of the server',
  roles: ['owner'],
  body: BACKUP_REQUEST,
  answer: BACKUP,
  handle: async ({ desk, caller, body, act }) => {
    // from afar nobody chooses where a process that is often root writes
    const isLocal = caller.kind === 'local';
    await act(() => {
      if (body.file !== undefined && !isLocal)
        throw new GscipError(
          'not-allowed',
          'the file of a backup can be chosen only on the machine of the server',
          'Leave "file" out: the answer says where the backup is.',
        );
    });
    const { file, bytes, auditEntries, note } = await desk.store.backup(body.file ?? desk.nextBackup());
    return { file, bytes, auditEntries, note };
  },
});

export const OPERATION_ROUTES: readonly Route[] = [status, audit, verifyAudit, backup];
