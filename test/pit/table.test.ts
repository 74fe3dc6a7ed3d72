import { describe, expect, it } from 'vitest';
import { cidOfWords } from '../../src/base/flow-cid.ts';
import { describeEntry, entriesFrom } from '../../src/pit/listing.ts';
import { NO_OWNER } from '../../src/pit/owners.ts';
import { TCP_FLAG } from '../../src/pit/tcp-state.ts';
import { PIT_ACTION, PUT_FAULT } from '../../src/pit/terms.ts';
import { at, flow, groupOf, kit, node, reversed, values } from './table-kit.ts';

describe('finding a flow', () => {
  it.each([
    ['IPv4', flow({ sourcePort: 1000, destinationPort: 53 })],
    ['IPv4 from the higher address', flow({ source: 9, destination: 2, sourcePort: 1, destinationPort: 2 })],
    ['IPv6', flow({ family: 6, sourcePort: 1000, destinationPort: 53 })],
    ['the same address at both ends', flow({ source: 1, destination: 1, sourcePort: 65535, destinationPort: 1 })],
    ['an address with the top bit set', flow({ source: 0x7fff_ffff, destination: 1 })],
  ])('%s: one entry for both directions, which tells them apart', (_, words) => {
    const { pit, owner } = kit();
    const entry = pit.put(words, values(owner(1)), at(0));
    expect(pit.find(words)).toBe(entry << 1);
    expect(pit.find(reversed(words))).toBe((entry << 1) | 1);
    expect(pit.entries.live).toBe(1);
  });

  it('tells apart what differs in one field only', () => {
    const { pit, owner } = kit();
    const one = { sourcePort: 1, destinationPort: 2 };
    pit.put(flow(one), values(owner(1)), at(0));
    for (const other of [
      { protocol: 6 },
      { family: 6 as const },
      { source: 3 },
      { destination: 3 },
      { sourcePort: 3 },
      { destinationPort: 3 },
    ]) {
      expect(pit.find(flow({ ...one, ...other }))).toBe(-1);
    }
    expect(pit.find(flow({ sourcePort: 2, destinationPort: 1 }))).toBe(-1);
  });

  it('does not let a second put change a known flow', () => {
    const { pit, owner } = kit();
    const entry = pit.put(flow(), values(owner(1), { version: 5 }), at(0));
    expect(pit.put(reversed(flow()), values(owner(2), { version: 9 }), at(0))).toBe(PUT_FAULT.exists);
    expect([pit.entries.owner(entry), pit.entries.version(entry)]).toEqual([owner(1), 5]);
  });

  it('by pit id asks for the owner too', () => {
    const { pit, owner } = kit();
    const id = { pitIdHigh: -7, pitIdLow: 9 };
    const one = pit.put(flow({ source: 5 }), values(owner(1), id), at(0));
    const two = pit.put(flow({ source: 6 }), values(owner(2), id), at(0));
    expect([pit.findPitId(owner(1), -7, 9), pit.findPitId(owner(2), -7, 9), pit.findPitId(owner(3), -7, 9)]).toEqual([
      one,
      two,
      -1,
    ]);
    pit.renamePitId(one, 1, 1);
    expect([pit.findPitId(owner(1), -7, 9), pit.findPitId(owner(1), 1, 1)]).toEqual([-1, one]);
    pit.remove(one, 'closed', at(0));
    expect([pit.findPitId(owner(1), 1, 1), pit.findPitId(owner(2), -7, 9)]).toEqual([-1, two]);
    const none = pit.put(flow({ source: 7 }), values(NO_OWNER, { action: PIT_ACTION.plain }), at(0));
    expect([none >= 0, pit.findPitId(NO_OWNER, 0, 0)]).toEqual([true, -1]);
  });
});

describe('an entry', () => {
  it('counts both ways, keeps the time, and shows all of it', () => {
    const { pit, owners, owner } = kit();
    const words = flow({ protocol: 6, source: 9, destination: 2, sourcePort: 40000, destinationPort: 443 });
    const entry = pit.put(words, values(owner(1, 4, 3), { version: 0xffff_fff0, reason: 200 }), at(5_000));
    pit.count(pit.find(words), 1, 60, TCP_FLAG.syn, at(6_000));
    pit.count(pit.find(reversed(words)), 2, 5e9, TCP_FLAG.syn | TCP_FLAG.ack, at(7_500));
    pit.count(pit.find(words), 3, 5e9, TCP_FLAG.ack, at(8_000));
    expect(describeEntry(pit, owners, entry, at(12_345))).toEqual({
      entry,
      cid: cidOfWords(words),
      action: 'encrypt',
      state: 'provisional',
      owner: { peer: node(1), group: groupOf(4), chain: 3 },
      version: 0xffff_fff0,
      packets: [4, 2],
      bytes: [5e9 + 60, 5e9],
      ageSeconds: 7,
      idleSeconds: 4,
      tcpState: 'established',
      reason: 200,
    });
  });

  it('shows the flow as it was opened, also for IPv6 from the higher end', () => {
    const { pit, owners, owner } = kit();
    for (const words of [
      flow({ family: 6, source: 9, destination: 2, sourcePort: 1 }),
      flow({ family: 6, source: 1, destination: 2, sourcePort: 7 }),
    ]) {
      const entry = pit.put(words, values(owner(1)), at(0));
      expect(describeEntry(pit, owners, entry, at(0)).cid).toEqual(cidOfWords(words));
    }
  });

  it('goes from provisional to confirmed and, on NOENTRY, back, without a change of anything else', () => {
    const { pit, owner } = kit();
    const entry = pit.put(flow(), values(owner(1), { pitIdLow: 3 }), at(0));
    pit.count(pit.find(flow()), 1, 10, 0, at(1));
    pit.confirm(entry);
    expect(pit.entries.isConfirmed(entry)).toBe(true);
    pit.confirm(entry);
    pit.makeProvisional(entry);
    pit.makeProvisional(entry);
    expect([pit.entries.isConfirmed(entry), pit.entries.packets(entry, 0), pit.findPitId(owner(1), 0, 3)]).toEqual([
      false,
      1,
      entry,
    ]);
    expect(pit.countOf(owner(1))).toBe(1);
  });

  it('can be given to another owner', () => {
    const { pit, owner } = kit();
    const entry = pit.put(flow(), values(NO_OWNER, { action: PIT_ACTION.discard, pitIdLow: 8 }), at(0));
    pit.reassign(entry, { action: PIT_ACTION.encrypt, owner: owner(1), version: 7, reason: 2 }, at(0));
    expect([pit.countOf(NO_OWNER), pit.countOf(owner(1)), pit.findPitId(owner(1), 0, 8)]).toEqual([0, 1, entry]);
    expect([pit.entries.action(entry), pit.entries.version(entry), pit.entries.reason(entry)]).toEqual([
      PIT_ACTION.encrypt,
      7,
      2,
    ]);
  });

  it('starts from nothing where another one ended', () => {
    const { pit, owners, owner } = kit(1);
    const first = pit.put(
      flow({ protocol: 6 }),
      values(owner(1), { confirmed: true, reason: 9, pitIdLow: 4 }),
      at(1000),
    );
    pit.count(pit.find(flow({ protocol: 6 })), 9, 9, TCP_FLAG.rst, at(2000));
    pit.remove(first, 'closed', at(3000));
    const second = pit.put(flow({ source: 7 }), values(owner(2)), at(4000));
    expect(second).toBe(first);
    expect(describeEntry(pit, owners, second, at(4000))).toMatchObject({
      packets: [0, 0],
      bytes: [0, 0],
      tcpState: 'none',
      state: 'provisional',
      ageSeconds: 0,
      idleSeconds: 0,
      reason: 0,
    });
    expect(pit.entries.isAnswered(second)).toBe(false);
  });
});

describe('removal', () => {
  it('of an owner takes all and only its entries', () => {
    const { pit, owner } = kit();
    for (let source = 1; source <= 20; source++)
      pit.put(flow({ source }), values(owner(1 + (source % 2)), { confirmed: source % 3 === 0 }), at(0));
    expect(pit.removeOwner(owner(1), 'owner-removed', at(0))).toBe(10);
    expect([pit.countOf(owner(1)), pit.countOf(owner(2)), pit.entries.live]).toEqual([0, 10, 10]);
    for (let source = 1; source <= 20; source++) expect(pit.find(flow({ source })) >= 0).toBe(source % 2 === 1);
    expect(pit.removeOwner(owner(1), 'owner-removed', at(0))).toBe(0);
    expect(pit.removeOwner(owner(99), 'owner-removed', at(0))).toBe(0);
  });

  it('names the owners of a peer, in one group or in all', () => {
    const { owners, owner } = kit();
    const numbers = [owner(1, 1), owner(1, 2), owner(1, 2, 5), owner(2, 2)];
    expect(owners.numbersOf(node(1))).toEqual(numbers.slice(0, 3));
    expect(owners.numbersOf(node(1), groupOf(2))).toEqual(numbers.slice(1, 3));
    expect(owners.numbersOf(node(7))).toEqual([]);
    expect(owner(1, 2, 5)).toBe(numbers[2]);
    expect(owners.find({ peer: node(7), group: groupOf(1), chain: 0 })).toBe(-1);
  });
});

describe('watching', () => {
  it('hears of each change once, with the entry still readable', () => {
    const { pit, owner } = kit(4, { entriesPerPeer: 2, newPerSecond: 100 });
    const seen: string[] = [];
    pit.watch((event, entry, cause) => seen.push(`${event} ${pit.entries.version(entry)} ${cause}`));
    const put = (version: number) =>
      pit.put(flow({ source: 10 + version }), values(owner(1), { version }), at(version));
    const first = put(1);
    pit.confirm(first);
    pit.confirm(first);
    put(2);
    put(3);
    pit.removeOwner(owner(1), 'flushed', at(9));
    pit.watch(null);
    put(4);
    expect(seen).toEqual([
      'created 1 null',
      'confirmed 1 null',
      'created 2 null',
      'closed 2 evicted',
      'created 3 null',
      'closed 3 flushed',
      'closed 1 flushed',
    ]);
    expect(pit.counters).toEqual({ created: 4, idle: 0, evicted: 1, closed: 0, 'owner-removed': 0, flushed: 2 });
  });

  it('lists entries while they are removed', () => {
    const { pit, owner } = kit();
    for (let source = 1; source <= 9; source++) pit.put(flow({ source, destination: 99 }), values(owner(1)), at(0));
    const seen: number[] = [];
    for (const entry of entriesFrom(pit)) {
      seen.push(entry);
      pit.remove(entry, 'flushed', at(0));
    }
    expect([seen.length, pit.entries.live]).toEqual([9, 0]);
  });
});
