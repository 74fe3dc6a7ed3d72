import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DirectoryPeer } from '../../src/api/channel/server-message.ts';
import type { CoordinatorPlace } from '../../src/api/channel/services.ts';
import { type NodeId, nodeId } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { DirectoryShare } from '../../src/server/directory-share.ts';
import { TestPostgres } from './store/postgres.ts';

let postgres: TestPostgres;
beforeAll(() => {
  postgres = new TestPostgres();
});
afterAll(() => postgres.remove());

const peer = (digit: string): DirectoryPeer => ({
  id: nodeId(digit.repeat(32)),
  endpoints: [pathAddress(`192.0.2.${digit}:47247`)],
  gone: false,
});

/** A process: what it has, what it knows, and what it was told. */
function member(
  database: string,
  own: readonly DirectoryPeer[],
  known: ReadonlySet<NodeId> | undefined,
  places: readonly CoordinatorPlace[] = [],
) {
  const heard: (readonly CoordinatorPlace[])[] = [];
  const told: DirectoryPeer[] = [];
  let wake: () => void = () => undefined;
  const share = new DirectoryShare(database, {
    isKnown: (node) => known === undefined || known.has(node),
    take: (peers) => {
      told.push(...peers);
      wake();
    },
    all: () => own,
    places: () => places,
    takePlaces: (_process, all) => {
      heard.push(all);
      wake();
    },
    tick: () => undefined,
  });
  /** Settles when as many coordinators as this are the last news; news may come more than once. */
  const heardOf = async (count: number) => {
    while (heard.at(-1)?.length !== count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  /** Settles when every one of these was told of. */
  const toldOf = async (...peers: readonly DirectoryPeer[]) => {
    while (!peers.every(({ id }) => told.some((each) => each.id === id)))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { share, told, toldOf, heard, heardOf };
}

describe('the directories of two processes', () => {
  it('are one: what is there when they begin, and what comes', async () => {
    const database = postgres.newDatabase();
    const first = member(database, [peer('1')], undefined);
    const second = member(database, [peer('2')], undefined);
    await Promise.all([second.toldOf(peer('1')), first.toldOf(peer('2'))]);
    first.share.send([peer('3'), peer('4')]);
    await second.toldOf(peer('3'), peer('4'));
    expect(second.told).toContainEqual(peer('4'));
    await Promise.all([first.share.stop(), second.share.stop()]);
  });

  it('name their coordinators, and say when they end', async () => {
    const database = postgres.newDatabase();
    const place = { key: new Uint8Array(32).fill(1), endpoints: [pathAddress('192.0.2.1:47247')], tunnels: [] };
    const first = member(database, [], undefined, [place]);
    const second = member(database, [], undefined);
    await second.heardOf(1);
    expect(second.heard[0]).toEqual([place]);
    await first.share.stop();
    await second.heardOf(0);
    expect(first.heard).toEqual([]); // the second has none, and none is no news
    await second.share.stop();
  });

  it('keep a peer until the change that brings it was read, and pass over what is no peer', async () => {
    const database = postgres.newDatabase();
    const known = new Set<NodeId>();
    const first = member(database, [], undefined);
    const second = member(database, [peer('9')], known);
    await first.toldOf(peer('9')); // both listen
    const stranger = new pg.Client(database);
    await stranger.connect();
    for (const text of ['x', 'x y', `x ${'A'.repeat(40)}`, ''])
      await stranger.query('select pg_notify($1, $2)', ['gscip_directory', text]);
    await stranger.end();
    known.add(peer('6').id);
    first.share.send([peer('5'), peer('6')]);
    await second.toldOf(peer('6'));
    expect(second.told).toEqual([peer('6')]);
    known.add(peer('5').id);
    second.share.handleChanges();
    expect(second.told).toEqual([peer('6'), peer('5')]);
    second.share.handleChanges();
    expect(second.told).toHaveLength(2);
    await Promise.all([first.share.stop(), second.share.stop()]);
  });

  it('are joined again when the database comes back', async () => {
    const database = postgres.newDatabase();
    const first = member(database, [peer('1')], undefined);
    const second = member(database, [peer('2')], undefined);
    await Promise.all([first.toldOf(peer('2')), second.toldOf(peer('1'))]);
    postgres.stop();
    postgres.start();
    first.told.length = 0;
    second.told.length = 0;
    await Promise.all([first.toldOf(peer('2')), second.toldOf(peer('1'))]);
    await Promise.all([first.share.stop(), second.share.stop()]);
  });
});
