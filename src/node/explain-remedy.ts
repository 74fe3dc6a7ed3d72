import { unreachable } from '../base/unreachable.ts';
import type { PathElement } from '../dprp/path-element.ts';
import type { Engine } from './engine.ts';
import type { FlowEnd, FlowPath } from './explain.ts';

/** What an administrator does so that the two may talk, or talk encrypted; empty where nothing is to be done. */
export function remedyOf(engine: Engine, { ends, path, decision, certain }: FlowPath): string {
  const [source, destination] = ends.map(nameOf);
  switch (decision.rule) {
    case 'common-group':
      return '';
    case 'old-version': {
      const behind = decision.stale ? engine.node.peerName(path[decision.stale.element].id) : 'the older one';
      return `${behind} fetches the newer key by itself from its server; without a server put a newer bundle there, then: gscip key reload`;
    }
    case 'closed-uncovered':
      return `give ${closedNames(engine, path)} and the other end a common group: gscip admin group admit GROUP NODE, on the server`;
    case 'no-common-group':
      return certain
        ? `make both members of one group, on the server: ${admission(engine, ends)}`
        : `ask on ${source} or ${destination}: this node knows only the groups that it is in itself`;
    case 'no-element':
      return `${stranger(ends)} is no member: join it (gscip admin token create), or open ${closedNames(engine, path)}: gscip admin node set NAME --mode op`;
    case 'open-no-element':
      return `it goes in clear, past GSCIP; to encrypt it, join ${stranger(ends)}: gscip admin token create`;
    case 'open-no-common-group':
      return `it goes in clear; to encrypt it, on the server: ${admission(engine, ends)}`;
    case 'malformed-path':
      return 'two nodes claim the same place on the path: compare their routes with gscip admin node list';
    default:
      return unreachable(decision.rule);
  }
}

/** The command with the names filled in: the other end comes into the first group of this node. */
function admission({ node }: Engine, ends: FlowPath['ends']): string {
  const self = node.keys.self();
  const other = ends.find(({ member }) => member !== undefined && member.id !== self.id);
  const group = node.keys.groups()[0];
  const name = group === undefined ? 'GROUP' : node.keys.groupName(group.id);
  return `gscip admin group admit ${quoted(name)} ${quoted(other?.member?.name ?? 'NODE')}`;
}

function closedNames(engine: Engine, path: readonly PathElement[]): string {
  const closed = path.filter(({ mode, side }) => mode === 'cl' && (side === 's' || side === 'd'));
  return closed.map(({ id }) => engine.node.peerName(id)).join(' and ');
}

function stranger(ends: FlowPath['ends']): string {
  return ends.find(({ member }) => member === undefined)?.asked ?? 'the end without an element';
}

function nameOf({ member, asked }: FlowEnd): string {
  return member?.name ?? asked;
}

function quoted(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : `"${name}"`;
}
