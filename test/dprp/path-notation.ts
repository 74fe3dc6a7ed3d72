import { groupId, keyVersion, type NodeId, nodeId } from '../../src/base/brands.ts';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import type { Decision } from '../../src/dprp/decision-table.ts';
import type { PathElement } from '../../src/dprp/path-element.ts';

/**
 * Paths as text: elements joined by " – ", each `id type mode side{group.version,…}`, version 1 if left out:
 * `X GES OP S{1,2.3} – G GEN CL S{1} – Y GES OP D{1}`.
 */
export function parsePathText(text: string): PathElement[] {
  return text.split(' – ').map((element) => {
    const match = /^(\w+) (GES|GEN|GEA) (OP|CL) ([SDNB])\{([\d.,]*)\}$/.exec(element);
    if (match === null) throw new Error(`not an element: ${element}`);
    const [, id, type, mode, side, groups] = match;
    return {
      id: idOf(id),
      type: type === 'GES' ? 'ges' : type === 'GEN' ? 'gen' : 'gea',
      mode: mode === 'OP' ? 'op' : 'cl',
      side: side === 'S' ? 's' : side === 'D' ? 'd' : side === 'N' ? 'n' : 'b',
      groups: new Map(
        groups
          .split(',')
          .filter((part) => part !== '')
          .map((part) => {
            const [group, version = '1'] = part.split('.');
            return [numbered(Number(group)), keyVersion(Number(version))];
          }),
      ),
    };
  });
}

/** Group number n as a group id, in the order of the numbers. */
export function numbered(n: number) {
  return groupId(n.toString(16).padStart(32, '0'));
}

/** The actions of a plan as text, one per element: `ENC(2)`, `ENC(1.2)` for a version that is not 1, `RELAY-C`. */
export function actionsText(decision: Decision): string {
  return decision.elements
    .map(({ action, group, version }) => {
      if (action !== 'ENC' || group === undefined) return action;
      return `ENC(${Number.parseInt(group, 16)}${version === 1 ? '' : `.${version}`})`;
    })
    .join(' ');
}

function idOf(name: string): NodeId {
  return nodeId(toHex(utf8(name)).padEnd(32, '0').slice(0, 32));
}
