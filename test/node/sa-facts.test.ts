import { expect, it } from 'vitest';
import { groupId, keyVersion, millis, nodeId, saIndex } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import type { SaDescription } from '../../src/dprp/effects.ts';
import { SaFacts } from '../../src/node/sa-facts.ts';

const SA = saIndex(0xfff8_0008);
const OTHER = saIndex(0x10);

function description(exporter: Uint8Array, local = SA): SaDescription {
  return {
    ...{ role: 'initiator', peer: nodeId('11'.repeat(16)), group: groupId('22'.repeat(16)), version: keyVersion(1) },
    ...{ r: 0, chain: 0, suite: 1, lanes: 1, local, remote: saIndex(8), peerType: 'ges', peerMode: 'op' },
    ...{ path: pathAddress('10.0.0.1:47247'), startedAt: millis(0), replaces: saIndex(0x8000_0018), exporter },
  };
}
const key = (value: number) => new Uint8Array(32).fill(value);

it('the exporter of an SA is kept with it, wiped with it, and nowhere else', () => {
  const facts = new SaFacts();
  const [given, other] = [key(7), key(9)];
  facts.add(description(given), 1_400);
  facts.add(description(other, OTHER), 1_400);
  expect([given, other]).toEqual([key(0), key(0)]);
  expect([facts.exporter(SA), facts.exporter(OTHER)]).toEqual([key(7), key(9)]);
  facts.remove(SA);
  expect([facts.exporter(SA), facts.exporter(OTHER)]).toEqual([key(0), key(9)]);
});

it('an SA knows nothing of the one that had its slot before', () => {
  const facts = new SaFacts();
  facts.add(description(key(7)), 1_400);
  facts.refuseFlows(SA);
  facts.setMtu(SA, 1_280);
  expect([facts.takesNoFlows(SA), facts.mtu(SA), facts.replaces(SA)]).toEqual([true, 1_280, 0x8000_0018]);
  expect(facts.path(SA)).toBe('10.0.0.1:47247');
  facts.remove(SA);
  expect(facts.path(SA)).toBeUndefined();
  facts.add({ ...description(key(8)), replaces: 0 }, 1_400);
  expect([facts.takesNoFlows(SA), facts.mtu(SA), facts.replaces(SA)]).toEqual([false, 1_400, 0]);
});
