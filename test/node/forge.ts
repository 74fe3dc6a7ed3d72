import { DATA_OVERHEAD } from '../../src/base/primitives.ts';
import type { Sent, SimNode } from './world.ts';

/** What a member that does as it likes sends inside its SA: `plaintext` sealed by `from` for `to`. */
export function sealAs(from: SimNode, to: SimNode, plaintext: Uint8Array): Sent {
  const { sas } = from.engine.node;
  const peer = to.keys.self().id;
  const sa = [...sas.sas()].find((each) => each.peer === peer && sas.isSender(each));
  if (sa === undefined) throw new Error(`${from.name} has no SA with ${to.name}`);
  const bytes = new Uint8Array(DATA_OVERHEAD + plaintext.length);
  if (from.primitives.sealOne(sa.local, plaintext, 0, bytes) === 0) throw new Error('no send key');
  return { bytes, to: to.path };
}
