import { describe, expect, it } from 'vitest';
import { unixSeconds } from '../../../src/base/brands.ts';
import { verifyCaPart } from '../../../src/crypto/credential.ts';
import { verifyGmsCertificate } from '../../../src/crypto/gms-certificate.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import { gmsCertificate } from '../../../src/server/network/certificates.ts';
import {
  addAdministrator,
  administratorOf,
  mayDo,
  removeAdministrator,
} from '../../../src/server/network/commands/administrators.ts';
import {
  changeNode,
  removeIdleNodes,
  removeNode,
  renewCertificate,
  touchNodes,
} from '../../../src/server/network/commands/nodes.ts';
import { groupNamed, nodeNamed } from '../../../src/server/network/find.ts';
import { admitWaiting } from '../../../src/server/network/membership.ts';
import { settingsOf } from '../../../src/server/network/settings.ts';
import { Member, START, small, type World, world } from './ground.ts';

const DAY = 86_400;

describe('a certificate', () => {
  function verified(network: World, name: string) {
    const { caSeed } = settingsOf(network.view);
    const ca = nodeProvider.ed25519KeyPair(caSeed).publicKey;
    return verifyCaPart(nodeProvider, nodeNamed(network.view, name).caPart, [ca], unixSeconds(network.now));
  }

  function renew(network: World) {
    const { id } = nodeNamed(network.view, 'bob');
    return network.run((tools, draft) => renewCertificate(tools, draft, id)).certificateEnds;
  }

  it('renews at two thirds of its life, and not before', () => {
    const { network } = small();
    const ends = nodeNamed(network.view, 'bob').certificateEnds;
    network.now = START + 39 * DAY;
    expect(renew(network)).toBe(ends);
    network.now = START + 41 * DAY;
    expect(renew(network)).toBe(network.now + 60 * DAY);
  });

  it('renews after its end too', () => {
    const { network } = small();
    network.now += 90 * DAY;
    expect(verified(network, 'bob')).toBe('expired');
    renew(network);
    expect(verified(network, 'bob')).toMatchObject({ notAfter: network.now + 60 * DAY });
  });

  it('renews when the clock that wrote it was a day ahead or more', () => {
    const { network } = small();
    network.now -= 2 * DAY;
    expect(verified(network, 'bob')).toBe('not-yet-valid');
    renew(network);
    expect(verified(network, 'bob')).toMatchObject({ notAfter: network.now + 60 * DAY });
  });

  it('is refused to a removed or unknown node', () => {
    const { network, bob } = small();
    network.run((tools, draft) => removeNode(tools, draft, 'bob'));
    expect(() => network.run((tools, draft) => renewCertificate(tools, draft, bob.id))).toThrow(/was removed/);
    const other = new Member(world(), nodeNamed(network.view, 'alice'));
    expect(other.fetch()).toBe('unknown');
  });

  it('has the mode and routes that the node was given since', () => {
    const { network } = small();
    network.join({ name: 'gate', type: 'gen' });
    network.run(admitWaiting);
    network.run((tools, draft) => changeNode(tools, draft, 'gate', { mode: 'cl', routes: ['10.9.0.0/16'] }));
    expect(verified(network, 'gate')).toMatchObject({ mode: 1, routes: [{ length: 16 }] });
    expect(network.run(admitWaiting).nodes).toEqual([nodeNamed(network.view, 'gate').id]);
  });

  it('of the group management server names its key', () => {
    const { network } = small();
    const { caSeed, gmsSeed } = settingsOf(network.view);
    const ca = nodeProvider.ed25519KeyPair(caSeed).publicKey;
    const bytes = gmsCertificate(network.tools, network.view);
    expect(verifyGmsCertificate(nodeProvider, bytes, ca, network.tools.now)).toMatchObject({
      gmsKey: nodeProvider.x25519KeyPair(gmsSeed).publicKey,
    });
  });
});

describe('signs of life', () => {
  it('are written at most once a minute', () => {
    const { network, bob } = small();
    const touch = () => network.run((tools, draft) => touchNodes(tools, draft, [bob.id]));
    network.now += 60;
    expect(touch()).toBe(1);
    const { revision } = network.store.state;
    network.now += 59;
    expect([touch(), network.store.state.revision]).toEqual([0, revision]);
    network.now -= DAY;
    expect(touch()).toBe(1);
  });

  it('keep ephemeral nodes, for a day each, and those connected whatever the clock says', () => {
    const { network } = small();
    const { id } = network.join({ name: 'brief', ephemeral: true });
    const remove = (connected: ReadonlySet<typeof id>) =>
      network.run((tools, draft) => removeIdleNodes(tools, draft, connected)).map(({ name }) => name);
    network.now += DAY - 1;
    expect(remove(new Set())).toEqual([]);
    network.now += DAY;
    expect(remove(new Set([id]))).toEqual([]);
    expect(remove(new Set())).toEqual(['brief']);
    expect(nodeNamed(network.view, 'bob').standing).toBe('active');
  });
});

describe('administrators', () => {
  it('are known by their key, of which only the hash is kept', () => {
    const { network } = small();
    const { key } = network.run((tools, draft) => addAdministrator(tools, draft, { name: 'max', role: 'owner' }));
    expect(administratorOf(nodeProvider, network.view, key)?.name).toBe('max');
    expect(
      administratorOf(nodeProvider, network.view, `${key.slice(0, -1)}${key.endsWith('0') ? 1 : 0}`),
    ).toBeUndefined();
    expect(administratorOf(nodeProvider, network.view, '')).toBeUndefined();
    network.run((_, draft) => removeAdministrator(draft, 'max'));
    expect(administratorOf(nodeProvider, network.view, key)).toBeUndefined();
  });

  it.each([
    [{ role: 'group-administrator' }, /needs groups/],
    [{ role: 'owner', groups: ['lab'] }, /for all groups/],
    [{ role: 'group-administrator', groups: ['nowhere'] }, /no group/],
    [{ role: 'owner', name: 'a b' }, /cannot be the name/],
  ] as const)('with %j are refused', (request, reason) => {
    const { network } = small();
    expect(() => network.run((tools, draft) => addAdministrator(tools, draft, { name: 'x', ...request }))).toThrow(
      reason,
    );
  });

  it('may do what their role allows', () => {
    const { network } = small();
    const [lab, home] = ['lab', 'home'].map((name) => groupNamed(network.view, name).id);
    const wishes = [
      { to: 'read' },
      { to: 'change-groups', groups: [lab] },
      { to: 'change-groups', groups: [lab, home] },
      { to: 'change-groups', groups: [] },
      { to: 'change-network' },
    ] as const;
    const allowed = (role: 'owner' | 'group-administrator' | 'auditor') =>
      wishes.map((wish) => mayDo({ role, groups: role === 'group-administrator' ? [lab] : [] }, wish));
    expect(allowed('owner')).toEqual([true, true, true, true, true]);
    expect(allowed('group-administrator')).toEqual([true, true, false, false, false]);
    expect(allowed('auditor')).toEqual([true, false, false, false, false]);
  });
});
