import { describe, expect, it } from 'vitest';
import type { GroupStatus } from '../../src/api/status.ts';
import { type HealthFacts, healthLines } from '../../src/node/health.ts';

const DAY = 86_400;
const GROUP: GroupStatus = {
  name: 'office',
  id: '',
  version: 3,
  state: 'current',
  managed: true,
  readableByAdministrator: true,
  next: null,
  held: [{ version: 3, state: 'current' }],
  members: 2,
};
const WELL: HealthFacts = {
  closedWithoutAddon: false,
  fallbacks: [],
  groups: [GROUP],
  certificateLeft: 31 * DAY,
  setAside: [],
  notKept: undefined,
  isPolled: false,
  smallPaths: [],
  hasServer: false,
};

describe('the health of a node', () => {
  it('has no line when all is well', () => expect(healthLines(WELL)).toEqual([]));

  it.each<[string, Partial<HealthFacts>, RegExp]>([
    ['closed-without-addon', { closedWithoutAddon: true }, /install g\+\+/],
    ['slow-path', { fallbacks: ['udp-no-gso'] }, /^udp-no-gso: .*slowly/],
    ['group-stopped', { groups: [GROUP, { ...GROUP, name: 'lab', state: 'stopped' }] }, /group lab: stopped/],
    ['group-stopped', { groups: [{ ...GROUP, state: 'stopped' }], hasServer: true }, /server has to be reached/],
    ['certificate-ends', { certificateLeft: 29.9 * DAY }, /ends in 29 days/],
    ['state-not-kept', { notKept: 'cannot write x: ENOSPC' }, /^cannot write x: ENOSPC; .*make room/],
    ['path-mtu-small', { smallPaths: [{ name: 'b', mtu: 1_240 }] }, /path to b carries 1240 bytes/],
    ['network-polled', { isPolled: true }, /noticed up to 5 s late/],
    ['unknown-peer', { setAside: [{ code: 'unknown-peer', text: 'names "x"' }] }, /names "x"/],
  ])('has the line %s', (code, facts, text) => {
    expect(healthLines({ ...WELL, ...facts })).toEqual([{ code, text: expect.stringMatching(text) }]);
  });
});
