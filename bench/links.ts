import { withLab } from '../src/cli/lab/lab.ts';
import { LossyWire, type Seen, type Trouble } from './links/lossy-wire.ts';
import { benchMain } from './tools/bench-main.ts';
import { type IperfRoute, iperfTcp, iperfUdp } from './tools/iperf.ts';
import { median, short, shortSpread } from './tools/statistics.ts';
import { markdownTable } from './tools/table.ts';
import { pairBed, withNodesOn } from './tools/two-nodes.ts';

const BAR = 80;
const MTU = 1_420;

/** Loss and order on the wire, in per mille; all of them on card-like links, frame by frame. */
const TROUBLES: readonly (Trouble & { readonly name: string; readonly hasBar: boolean })[] = [
  { name: 'nothing', lost: 0, late: 0, hasBar: false },
  { name: '0.1 % lost', lost: 1, late: 0, hasBar: false },
  { name: '1 % lost', lost: 10, late: 0, hasBar: true },
  { name: '3 % lost', lost: 30, late: 0, hasBar: false },
  { name: '5 % lost', lost: 50, late: 0, hasBar: false },
  { name: '1 % overtaken', lost: 0, late: 10, hasBar: true },
];

/** Inner datagrams of these sizes; the wire takes the largest in one frame. */
const SIZES = [64, 256, 1_200, 1_392, 4_000, 8_800];
const LARGE_MTU = 9_000;
/** Room for the largest header of a tunnel over IPv6. */
const OVERHEAD = 80;

/** Links as they are: sizes, IPv6 inside and outside, loss and reordering, each beside the bare wire in the same round. */
await benchMain(
  {
    name: 'links',
    about: 'sizes of packets, IPv6 inside and outside, loss and reordering, beside the bare wire',
    help: {
      rounds: 'of all rows in turn',
      seconds: 'of each run',
      trouble: '0 leaves loss and reordering out',
      sizes: '0 leaves the sizes out',
      families: '0 leaves IPv6 out',
    },
    values: { rounds: 3, seconds: 4, trouble: 1, sizes: 1, families: 1 },
    quick: { rounds: 1, seconds: 1 },
  },
  measure,
);

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly trouble: number;
  readonly sizes: number;
  readonly families: number;
}

/** One row: what each round gave over the bare wire and through the tunnel. */
interface Row {
  readonly name: string;
  readonly bare: number[];
  readonly tunnel: number[];
}

async function measure(options: Options) {
  const trouble = options.trouble > 0 ? await withTrouble(options) : undefined;
  const sizes = options.sizes > 0 ? await withSizes(options) : undefined;
  const families = options.families > 0 ? await withFamilies(options) : undefined;
  const text = [
    ...(trouble ? [page('card-like link, TCP 1 stream, Gbit/s', trouble.rows), seenPage(trouble)] : []),
    ...(sizes ? [page(`MTU ${LARGE_MTU} outside, UDP as fast as it goes, datagrams received /s`, sizes)] : []),
    ...(families ? [page('veth, TCP 1 stream, Gbit/s', families)] : []),
  ];
  return { results: { trouble, sizes, families }, text: text.join('\n\n') };
}

function rowOf(name: string): Row {
  return { name, bare: [], tunnel: [] };
}

async function withTrouble({ rounds, seconds }: Options) {
  return withLab(async (lab) => {
    const wire = new LossyWire(lab);
    const { a, b, aAddress, bAddress } = wire;
    const rows = TROUBLES.map(({ name }) => rowOf(name));
    const seen: Seen[] = [];
    return withNodesOn({ lab, a, b, aAddress, bAddress, mtu: MTU }, {}, async ({ bInside }) => {
      for (const [at, each] of TROUBLES.entries()) {
        wire.set(each);
        seen[at] = await wire.seen();
      }
      for (let round = 0; round < rounds; round++)
        for (const [at, each] of TROUBLES.entries()) {
          wire.set(each);
          rows[at]?.bare.push(await gigabits({ client: a, server: b, address: bAddress }, seconds));
          rows[at]?.tunnel.push(await gigabits({ client: a, server: b, address: bInside }, seconds));
        }
      wire.set({ lost: 0, late: 0 });
      return { rows, seen };
    });
  });
}

async function withSizes({ rounds, seconds }: Options): Promise<Row[]> {
  return withLab(async (lab) => {
    const bed = pairBed(lab, LARGE_MTU - OVERHEAD);
    for (const each of [bed.a, bed.b]) each.ip('link', 'set', 'eth0', 'mtu', String(LARGE_MTU));
    return withNodesOn(bed, {}, async ({ bInside }) => {
      const rows = SIZES.map((size) => rowOf(`${short(size)} bytes`));
      const received = async (address: string, size: number) =>
        (await iperfUdp({ client: bed.a, server: bed.b, address }, seconds, size, 0)).received;
      for (let round = 0; round < rounds; round++)
        for (const [at, size] of SIZES.entries()) {
          rows[at]?.bare.push(await received(bed.bAddress, size));
          rows[at]?.tunnel.push(await received(bInside, size));
        }
      return rows;
    });
  });
}

/** All four ways on machines of their own: the tunnel's outside is chosen when it starts. */
async function withFamilies({ rounds, seconds }: Options): Promise<Row[]> {
  const rows = [4, 6].flatMap((outside) =>
    [4, 6].map((inside) => ({ outside, inside, row: rowOf(`IPv${inside} inside, IPv${outside} outside`) })),
  );
  for (let round = 0; round < rounds; round++)
    for (const outside of [4, 6])
      await withLab((lab) => {
        const plain = pairBed(lab, MTU);
        const bed = outside === 6 ? { ...plain, aAddress: '[fd99::1]', bAddress: '[fd99::2]' } : plain;
        return withNodesOn(bed, {}, async ({ b, bInside }) => {
          const { node } = await b.ready();
          const six = node.addresses.find((address) => address.includes(':'))?.replace(/\/\d+$/, '');
          if (six === undefined) throw new Error('a node has an IPv6 address');
          for (const each of rows.filter((row) => row.outside === outside)) {
            const route = { client: bed.a, server: bed.b };
            const bare = outside === 6 ? 'fd99::2' : plain.bAddress;
            each.row.bare.push(await gigabits({ ...route, address: bare }, seconds));
            each.row.tunnel.push(await gigabits({ ...route, address: each.inside === 6 ? six : bInside }, seconds));
          }
        });
      });
  return rows.map(({ row }) => row);
}

async function gigabits(route: IperfRoute, seconds: number): Promise<number> {
  return (await iperfTcp(route, seconds)).gigabits;
}

function page(title: string, rows: readonly Row[]): string {
  const table = rows.map(({ name, bare, tunnel }) => {
    const shares = tunnel.map((value, round) => (100 * value) / (bare[round] ?? Number.NaN));
    return [name, shortSpread(bare), shortSpread(tunnel), shortSpread(shares)];
  });
  return markdownTable([title, 'bare', 'tunnel', '% of bare, by round'], table);
}

function seenPage({ rows, seen }: { readonly rows: readonly Row[]; readonly seen: readonly Seen[] }): string {
  const found = TROUBLES.map(({ name }, at) => {
    const { lost = Number.NaN, outOfOrder = Number.NaN } = seen[at] ?? {};
    return `${name}: ${short(100 * lost)} % lost, ${short(outOfOrder)} out of order`;
  });
  const barred = TROUBLES.flatMap(({ name, hasBar }, at) => {
    const { bare = [], tunnel = [] } = rows[at] ?? {};
    const shares = tunnel.map((value, round) => (100 * value) / (bare[round] ?? Number.NaN));
    return hasBar ? [`${name} ${short(median(shares))} %`] : [];
  });
  return `Bar: at least ${BAR} % of the bare link: ${barred.join(', ')}. The bare link, by numbered datagrams and by the segments out of order in one second of TCP: ${found.join('; ')}.`;
}
