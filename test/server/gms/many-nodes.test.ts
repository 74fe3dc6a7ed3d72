import { describe, expect, it } from 'vitest';
import { rollGroup } from '../../../src/server/network/commands/groups.ts';
import { removeNode } from '../../../src/server/network/commands/nodes.ts';
import { bundlesIn, type HubPeer, HubWorld, typesOf } from './hub-world.ts';

const COUNT = 1_000;

/** A thousand machines that enrol over the channel and are connected; each says that it has what the first was given. */
function crowd(): { readonly at: HubWorld; readonly peers: readonly HubPeer[] } {
  const at = new HubWorld();
  const token = at.token({ uses: COUNT });
  for (let i = 0; i < COUNT; i++) {
    const peer = at.connect(`n${i}`);
    expect(peer.enrol(token)?.type).toBe('enrolled');
    at.disconnect(peer);
  }
  at.pass(1_000);
  const rows = [...at.ground.view.rows('nodes')];
  const first = at.session(rows[0], 'n0');
  const have = at.hub.sessions.get(rows[0].id)?.have ?? { number: 0, groups: [] };
  const rest = rows.slice(1).map((row) => at.session(row, row.name, { have, fetch: 'none' }));
  at.pass(600);
  const peers = [first, ...rest];
  for (const peer of peers) {
    peer.received();
    peer.say({ type: 'received', number: have.number });
  }
  return { at, peers };
}

describe('a thousand nodes over one hub', () => {
  const { at, peers } = crowd();

  it('are members by a few versions, not by a thousand', () => {
    expect(at.hub.sessions.size).toBe(COUNT);
    const versions = [...at.ground.view.rows('versions')].filter(({ cause }) => cause === 'join');
    expect(versions.length).toBeLessThan(3);
  });

  it('all have a roll, one node in each piece of work, so that the loop is never held up', () => {
    at.isWorking = false;
    const v = at.ground.run((tools, draft) => rollGroup(tools, draft, 'lab')).v;
    at.settle();
    at.sent.length = 0;
    let pieces = 0;
    while (at.hub.work(at.moment)) {
      at.settle();
      expect(at.sent.length).toBeLessThanOrEqual(++pieces);
    }
    expect(pieces).toBe(COUNT);
    for (const peer of peers) expect(bundlesIn(peer.received())[0].groups[0].versions.at(-1)?.v).toBe(v);
    at.isWorking = true;
  });

  it('are told of a removal before anything else, and the one that is removed first of all', () => {
    at.isWorking = false;
    at.ground.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    at.hub.work(at.moment);
    at.settle();
    at.sent.length = 0;
    at.ground.run((tools, draft) => removeNode(tools, draft, 'n500'));
    at.settle();
    expect(at.sent[0]).toBe(peers[500].id);
    expect(typesOf(peers[500].received())).toEqual(['removed']);
    at.isWorking = true;
    at.settle();
    const rest = peers.filter((_, i) => i !== 500);
    const reasons = rest.map((peer) => bundlesIn(peer.received()).at(-1)?.groups[0].versions.at(-1)?.reason);
    expect(new Set(reasons)).toEqual(new Set(['removal']));
  });

  it('are told of rolls and removals while what was sent piles up, but a newcomer of all of them only afterwards', () => {
    at.isFull = true;
    const newcomer = at.session(at.row('n7'), 'n7', { have: { number: 0, groups: [] } });
    const back = at.session(at.row('n8'), 'n8', { have: { number: 0, groups: [] }, fetch: 'none' });
    at.pass(1_000);
    const v = at.ground.run((tools, draft) => rollGroup(tools, draft, 'lab')).v;
    at.pass(1_000);
    expect(typesOf([...newcomer.first, ...newcomer.received()])).toEqual(['standing']);
    expect(bundlesIn(peers[9].received()).at(-1)?.groups[0].versions.at(-1)?.v).toBe(v);
    at.ground.run((tools, draft) => removeNode(tools, draft, 'n600'));
    at.pass(100);
    expect(bundlesIn(peers[9].received()).at(-1)?.groups[0].versions.at(-1)?.reason).toBe('removal');
    expect(bundlesIn(back.received())).toHaveLength(1);
    at.isFull = false;
    at.pass(1_000);
    expect(typesOf(newcomer.received())).toContain('directory');
  });
});
