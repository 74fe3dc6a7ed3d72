/*
 * Reads what `nft -j list …` prints: whether the lock stands as it was made, and what of the machine's other tables
 * could let packets pass in front of it.
 */

interface Entry {
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A table as text that is the same as long as nobody changes it: without counters, handles and what is remembered for seconds. */
export function fingerprint(listing: readonly unknown[]): string {
  const lasting = entries(listing)
    .filter(({ kind }) => kind !== 'metainfo')
    .map(({ kind, body }) => ({ kind, body: isPassing(body) ? { ...body, elem: [] } : body }));
  return JSON.stringify(lasting, (key, value: unknown) => (PASSING.includes(key) ? undefined : value));
}

const PASSING = ['handle', 'packets', 'bytes'];

/** Packets by the name of the counter. */
export function countsOf(listing: readonly unknown[]): ReadonlyMap<string, number> {
  const named = entries(listing).filter(({ kind }) => kind === 'counter');
  return new Map(named.map(({ body }) => [String(body['name']), Number(body['packets'])]));
}

/** True when the table holds the three chains of a closed node, in force and dropping what no rule lets pass. */
export function isClosed(listing: readonly unknown[]): boolean {
  const all = entries(listing);
  const asleep = all.some(({ kind, body }) => kind === 'table' && flagsOf(body).includes('dormant'));
  const shut = all.flatMap(({ kind, body }) => (kind === 'chain' && body['policy'] === 'drop' ? [body['hook']] : []));
  return !asleep && ['input', 'output', 'forward'].every((hook) => shut.includes(hook));
}

/** Foreign parts of the whole ruleset that pass packets by before the lock sees them, or give them its mark; as text for people. */
export function threats(ruleset: readonly unknown[], table: string, mark: number): string[] {
  const all = entries(ruleset).filter(({ body }) => tableOf(body) !== table);
  const early = new Set(all.filter(isEarly).map(({ body }) => `${tableOf(body)} ${String(body['name'])}`));
  const found = all.flatMap(({ kind, body }) => {
    if (kind === 'flowtable')
      return [`table ${tableOf(body)} forwards known flows past it (flowtable ${String(body['name'])})`];
    if (kind !== 'rule') return [];
    const chain = `${tableOf(body)} ${String(body['chain'])}`;
    const text = JSON.stringify(body['expr']);
    if (early.has(chain) && FORWARDS.test(text)) return [`chain ${chain} sends packets on before it`];
    return early.has(chain) && setsMark(text, mark) ? [`chain ${chain} gives packets the mark of this node`] : [];
  });
  return [...new Set(found)];
}

/** Of the netdev family, or with a priority before ours. */
function isEarly({ kind, body }: Entry): boolean {
  if (kind !== 'chain') return false;
  const { hook, prio } = body;
  return hook === 'ingress' || hook === 'egress' || (typeof prio === 'number' && prio < OURS);
}

/** Priority raw - 10. */
const OURS = -310;
const FORWARDS = /"(fwd|dup|tproxy)":/;

function setsMark(expressions: string, mark: number): boolean {
  return expressions.includes('"mangle":{"key":{"meta":{"key":"mark"}}') && expressions.includes(`${mark}`);
}

function tableOf({ family, table }: Readonly<Record<string, unknown>>): string {
  return `${String(family)} ${String(table)}`;
}

/** A set that packets fill. */
function isPassing(body: Readonly<Record<string, unknown>>): boolean {
  return 'timeout' in body;
}

/** nft writes one flag as a text and several as a list. */
function flagsOf({ flags }: Readonly<Record<string, unknown>>): readonly unknown[] {
  if (flags === undefined) return [];
  return Array.isArray(flags) ? flags : [flags];
}

function entries(listing: readonly unknown[]): Entry[] {
  return listing.flatMap((each) =>
    typeof each === 'object' && each !== null
      ? Object.entries(each).map(([kind, body]: [string, unknown]) => ({ kind, body: { ...object(body) } }))
      : [],
  );
}

function object(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
