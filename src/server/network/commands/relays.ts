import { toHex } from '../../../base/bytes.ts';
import { GscipError } from '../../../base/errors.ts';
import type { Draft } from '../draft.ts';
import { relayNamed } from '../find.ts';
import { nodeName } from '../names.ts';
import type { RelayRow } from '../state.ts';
import type { Tools } from '../tools.ts';

/** Each of them is a link to every server, and nodes are told of eight addresses. */
const MOST_RELAYS = 32;

/** Makes a relay that runs apart known. Its row holds the secret, which the caller shows once, in the text of its token. */
export function addRelay(tools: Tools, draft: Draft, text: string): RelayRow {
  const name = nodeName(text);
  const relays = [...draft.rows('relays')];
  if (relays.some((relay) => relay.name === name))
    throw new GscipError(
      'relay-exists',
      `the relay "${name}" exists already`,
      `Choose another name; for a new token: gscip admin relay remove ${name}, and add it again.`,
    );
  if (relays.length >= MOST_RELAYS)
    throw new GscipError('too-many-relays', `a network has at most ${MOST_RELAYS} relays`, 'Remove one first.');
  const row = { id: toHex(tools.random(8)), name, secret: tools.random(32), createdAt: tools.now };
  draft.put({ table: 'relays', key: row.id, row });
  return row;
}

/** Its token is worth nothing from then on, and no node is directed to it. */
export function removeRelay(draft: Draft, name: string): RelayRow {
  const relay = relayNamed(draft, name);
  draft.put({ table: 'relays', key: relay.id, row: undefined });
  return relay;
}
