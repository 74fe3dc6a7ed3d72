import type { WhoisAnswer, WhoisMember } from '../api/questions.ts';
import type { Millis, NodeId } from '../base/brands.ts';
import { compareBytes } from '../base/bytes.ts';
import { GscipError } from '../base/errors.ts';
import { type AddressBytes, padAddress, parseAddress } from '../base/ip-address.ts';
import { parsePath, pathAddress } from '../base/path-address.ts';
import { formatPrefix } from '../tun/prefix.ts';
import { pathAnswer } from './answers.ts';
import type { Engine } from './engine.ts';
import type { Member } from './key-store.ts';
import { prefixOf } from './route-prefix.ts';

/** Who has an address: as its own, behind it, or outside as the endpoint of its datagrams. Throws where nobody has. */
export function whoisAnswer(engine: Engine, asked: string, now: Millis): WhoisAnswer {
  const { kind, found } = search(engine, asked);
  return { schema: 1, asked, kind, members: found.map((member) => memberAnswer(engine, member, now)) };
}

function search(engine: Engine, asked: string): { kind: WhoisAnswer['kind']; found: readonly Member[] } {
  const { directory } = engine.node;
  const named = directory.find(asked);
  if (named) return { kind: 'node', found: [named] };
  const { address, port } = parsed(asked);
  const owner = directory.at(padAddress(address));
  if (owner) {
    const isOwn = owner.vips.some((vip) => compareBytes(vip, padAddress(address)) === 0);
    return { kind: isOwn ? 'node' : 'behind', found: [owner] };
  }
  const found = directory.others().filter(({ id }) => isReachedAt(engine, id, address, port));
  if (found.length > 0) return { kind: 'outer', found };
  throw new GscipError(
    'unknown-address',
    `no member that this node knows of has ${asked}`,
    '"gscip status" lists the members; a stranger is nobody here',
  );
}

/** ADDRESS, ADDRESS:PORT or [IPV6]:PORT. */
function parsed(asked: string): { readonly address: AddressBytes; readonly port: number | undefined } {
  const address = parseAddress(asked);
  if (address) return { address, port: undefined };
  try {
    return parsePath(pathAddress(asked));
  } catch {
    throw new GscipError(
      'unknown-address',
      `"${asked}" is neither the name of a member nor an address`,
      'write a name, ADDRESS, ADDRESS:PORT or [IPV6]:PORT; "gscip status" lists the members',
    );
  }
}

/** A relay's address is the relay's own. */
function isReachedAt({ node }: Engine, id: NodeId, address: AddressBytes, port: number | undefined): boolean {
  const { current, hints } = node.paths.peer(id);
  return [...(current === undefined ? [] : [current]), ...hints].some((path) => {
    const place = parsePath(path);
    if (place.channel !== 0 || place.address.length !== address.length) return false;
    return compareBytes(place.address, address) === 0 && (port === undefined || port === place.port);
  });
}

function memberAnswer(engine: Engine, member: Member, now: Millis): WhoisMember {
  const { keys } = engine.node;
  const { id, name, type, mode, addresses, routes } = member;
  return {
    ...{ name, id, type, mode, addresses },
    routes: routes.map((route) => formatPrefix(prefixOf(route))),
    groups: keys.groups().flatMap((group) => (group.roster.members.has(id) ? [keys.groupName(group.id)] : [])),
    path: id === keys.self().id ? null : pathAnswer(engine, id, now),
  };
}
