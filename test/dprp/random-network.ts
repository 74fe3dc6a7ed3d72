import type { ModelElement } from './path-model.ts';

/** Small networks for the model: LANs under routers, some of which are GENs, with hosts that are plain, GES, or behind a GEA. */

/** Numbers below a bound, the same ones for the same seed. */
export type Pick = (below: number) => number;

export function picker(seed: number): Pick {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** An element before it is known what it protects of a flow. */
export type Placed = Omit<ModelElement, 'side'>;

export interface Router {
  readonly name: string;
  /** null for a router that knows nothing of groups */
  readonly element: Placed | null;
  /** the LAN on its outer side; null for the one in the middle, which has none and protects nobody */
  readonly outer: Lan | null;
}

export interface Lan {
  readonly router: Router;
}

export interface Host {
  readonly name: string;
  readonly lan: Lan;
  /** GES, or the GEA before it */
  readonly element: Placed | null;
}

export interface Network {
  readonly hosts: readonly Host[];
}

const GROUPS = 3;
const VERSIONS = 2;
const DEPTH = 3;

export function randomNetwork(pick: Pick): Network {
  let named = 0;
  const place = (type: Placed['type']): Placed => {
    const held = Array.from({ length: GROUPS }, (_, at) => at + 1).filter(() => pick(5) < 2);
    const groups = new Map(held.map((group) => [group, 1 + (pick(5) === 0 ? pick(VERSIONS) : 0)]));
    return { name: `${type}${named++}`, type, closed: pick(2) === 0, groups };
  };
  const middle: Router = { name: 'middle', element: pick(4) === 0 ? place('GEN') : null, outer: null };
  const lans: Lan[] = Array.from({ length: 2 }, () => ({ router: middle }));
  const grow = (outer: Lan, depth: number) => {
    const router: Router = { name: `r${named++}`, element: pick(5) > 0 ? place('GEN') : null, outer };
    for (let inside = 0; inside <= (pick(4) === 0 ? 1 : 0); inside++) {
      const lan = { router };
      lans.push(lan);
      if (depth < DEPTH && pick(2) === 0) grow(lan, depth + 1);
    }
  };
  for (const lan of [...lans]) grow(lan, 1);
  const hosts = Array.from({ length: 4 }, (_, at): Host => {
    const kind = pick(8);
    const element = kind < 2 ? null : place(kind === 7 ? 'GEA' : 'GES');
    return { name: `host${at}`, lan: lans[pick(lans.length)], element };
  });
  return { hosts };
}

/** The elements that a packet from one host to another passes, in its order. */
export function pathBetween(from: Host, to: Host): ModelElement[] {
  const [up, down] = [routersOver(from.lan), routersOver(to.lan)];
  const common = from.lan === to.lan ? undefined : up.find((router) => down.includes(router));
  const below = (routers: readonly Router[]) =>
    from.lan === to.lan ? [] : routers.slice(0, common ? routers.indexOf(common) : undefined);
  const sided = (element: Placed | null, side: ModelElement['side']): ModelElement[] =>
    element ? [{ ...element, side }] : [];
  return [
    ...sided(from.element, 'S'),
    ...below(up).flatMap(({ element }) => sided(element, 'S')),
    ...sided(common?.element ?? null, common?.outer ? 'B' : 'N'),
    ...below(down)
      .toReversed()
      .flatMap(({ element }) => sided(element, 'D')),
    ...sided(to.element, 'D'),
  ];
}

/** Every ordered pair of hosts whose path has no more than four elements between its ends. */
export function flowsOf({
  hosts,
}: Network): { readonly from: Host; readonly to: Host; readonly path: ModelElement[] }[] {
  return hosts
    .flatMap((from) => hosts.filter((to) => to !== from).map((to) => ({ from, to, path: pathBetween(from, to) })))
    .filter(({ path }) => path.length <= 6);
}

function routersOver(lan: Lan): Router[] {
  return [lan.router, ...(lan.router.outer ? routersOver(lan.router.outer) : [])];
}
