import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../../src/base/brands.ts';
import { changeGroup, rollGroup } from '../../../src/server/network/commands/groups.ts';
import { scheduledRolls } from '../../../src/server/network/commands/scheduled-rolls.ts';
import { groupNamed } from '../../../src/server/network/find.ts';
import { admitWaiting } from '../../../src/server/network/membership.ts';
import { newNetwork } from '../../../src/server/network/new-network.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import { currentVersion, newestVersion, versionsOf } from '../../../src/server/network/versions.ts';
import { small, type World, world } from './ground.ts';

const DAY = 86_400;

function domainCauses({ view }: World): readonly string[] {
  const group = view.get('groups', settingsOf(view).domain);
  return group ? versionsOf(view, group).map(({ cause }) => cause) : [];
}

function causesOf(network: World, group: string): readonly string[] {
  return versionsOf(network.view, groupNamed(network.view, group)).map(({ cause }) => cause);
}

describe('a group', () => {
  it('is renamed by an entry and a new version that is bound to the new name, also while it rolls', () => {
    const { network, alice, bob } = small();
    network.run((tools, draft) => rollGroup(tools, draft, 'lab', 60));
    network.run((tools, draft) => changeGroup(tools, draft, 'lab', { name: 'labor' }));
    const [group] = alice.taken().groups;
    expect([group.roster.name, group.versions.map(({ rosterSeq }) => rosterSeq)]).toEqual(['labor', [2, 3]]);
    expect(bob.taken().groups[0].versions.map(({ v }) => v)).toEqual(group.versions.map(({ v }) => v));
    expect(() => groupNamed(network.view, 'lab')).toThrow(/no group "lab"/);
  });

  it('is rolled by hand with two seconds to give the key out, and not five times ahead', () => {
    const { network } = small();
    const made = network.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    expect(made).toMatchObject({ cause: 'manual', activateAt: network.now + 2 });
    expect(currentVersion(network.view, groupNamed(network.view, 'lab'), unixSeconds(network.now)).v).toBeLessThan(
      made.v,
    );
    for (let i = 0; i < 3; i++) network.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    expect(() => network.run((tools, draft) => rollGroup(tools, draft, 'lab'))).toThrow(/wait for their time/);
    network.join();
    network.run(admitWaiting);
    expect(newestVersion(network.view, groupNamed(network.view, 'lab')).activateAt).toBe(network.now);
  });

  it('keeps the newest eight versions and forgets the others', () => {
    const { network } = small();
    for (let i = 0; i < 20; i++) {
      network.now += 3;
      network.run((tools, draft) => rollGroup(tools, draft, 'lab'));
    }
    const { id, versions } = groupNamed(network.view, 'lab');
    expect(versions).toHaveLength(8);
    const rows = [...network.view.rows('versions')].filter(({ group }) => group === id);
    expect(rows.map(({ v }) => v)).toEqual(versions);
  });

  it('tells its members of another policy', () => {
    const { network, alice } = small();
    network.run((tools, draft) => changeGroup(tools, draft, 'lab', { retain: 'flow', push: 'always-on' }));
    expect(alice.taken().groups).toMatchObject([{ retain: 'flow', versions: [] }]);
    expect(groupNamed(network.view, 'lab').push).toBe('always-on');
  });

  it.each([{ roll: '25:00' }, { name: 'a,b' }])('with %j is refused', (change) => {
    const { network } = small();
    expect(() => network.run((tools, draft) => changeGroup(tools, draft, 'lab', change))).toThrow(/is not|cannot be/);
  });
});

describe('scheduled rolls', () => {
  function rolling(roll = '03:00'): World {
    const network = world();
    network.run((tools, draft) => changeGroup(tools, draft, 'home', { roll: '' }));
    network.run((tools, draft) => changeGroup(tools, draft, 'lab', { roll }));
    return network;
  }

  it('are made at least an hour ahead, once a day, with jitter', () => {
    const network = rolling();
    const made: number[] = [];
    for (let hour = 0; hour < 72; hour++) {
      network.now += 3_600;
      if (network.run(scheduledRolls) === 0) continue;
      const { activateAt, madeAt, cause } = newestVersion(network.view, groupNamed(network.view, 'lab'));
      expect(cause).toBe('schedule');
      expect(activateAt - madeAt).toBeGreaterThanOrEqual(3_600);
      expect(activateAt % DAY).toBeGreaterThanOrEqual(3 * 3_600);
      expect(activateAt % DAY).toBeLessThan(3 * 3_600 + 600);
      made.push(activateAt);
    }
    expect(made).toHaveLength(3);
    expect(new Set(made.map((each) => each % DAY)).size).toBeGreaterThan(1);
    expect(causesOf(network, 'home')).toEqual(['created']);
  });

  it('that were missed are made late, once, and still an hour ahead', () => {
    const network = rolling();
    network.now += 5 * DAY;
    expect(network.run(scheduledRolls)).toBe(1);
    const { activateAt } = newestVersion(network.view, groupNamed(network.view, 'lab'));
    expect(activateAt).toBe(network.now + 3_600);
    expect(network.run(scheduledRolls)).toBe(0);
  });

  it('roll the domain key weekly', () => {
    const network = rolling('');
    for (let day = 0; day < 15; day++) {
      network.now += DAY;
      network.run(scheduledRolls);
    }
    expect(domainCauses(network)).toEqual(['created', 'schedule', 'schedule']);
  });

  it('come again the next day after the clock went a day forward and back', () => {
    const network = rolling();
    network.now += DAY;
    network.run(scheduledRolls);
    network.now -= 2 * DAY;
    network.run(scheduledRolls);
    expect(groupNamed(network.view, 'lab').nextRoll - network.now).toBeLessThan(DAY + 3_600);
    for (let hour = 0; hour < 24; hour++) {
      network.now += 3_600;
      network.run(scheduledRolls);
    }
    const { versions } = groupNamed(network.view, 'lab');
    expect([...versions].sort((a, b) => a - b)).toEqual(versions);
  });
});

describe('a network', () => {
  it('is made once', () => {
    const network = world();
    expect(() => network.run((tools, draft) => newNetwork(tools, draft, { network: 'other' }))).toThrow(
      /holds the network "test"/,
    );
  });

  it.each([
    [{ network: ' ' }, /cannot be a network's name/],
    [{ pool: '10.0.0.1/8' }, /inside a range/],
    [{ timeZone: 'Nowhere' }, /no time zone/],
    [{ lease: 60 }, /lease of 60 s is not possible/],
    [{ certificateLife: 0.5 }, /certificate of 0.5 s is not possible/],
  ])('with %j is refused', (request, reason) => {
    expect(() => world(request)).toThrow(reason);
  });
});
