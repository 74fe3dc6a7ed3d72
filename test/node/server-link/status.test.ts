import { describe, expect, it } from 'vitest';
import { keyVersion, unixSeconds } from '../../../src/base/brands.ts';
import { encodeCaPart } from '../../../src/crypto/credential.ts';
import { nodeProvider } from '../../../src/crypto/node-provider.ts';
import type { GroupView } from '../../../src/dprp/negotiation-deps.ts';
import { type ServerFacts, serverHealth, serverStatus } from '../../../src/node/server-link/server-status.ts';
import { edKey, NOW, seedOf } from '../../crypto/fixtures.ts';

const DAY = 86_400;
const HOUR = 3_600;

/** A certificate of 60 days. */
const caPart = encodeCaPart(
  nodeProvider,
  {
    ...{ type: 1, mode: 0, edPk: edKey('node').publicKey, vip6: undefined, vip4: Uint8Array.of(100, 64, 0, 1) },
    ...{
      notBefore: NOW,
      notAfter: unixSeconds(NOW + 60 * DAY),
      serial: new Uint8Array(8),
      routes: [],
      moreRoutes: false,
    },
  },
  seedOf('ca'),
);

function group(notAfter: number): Pick<GroupView, 'versions'> {
  const nothing = new Uint8Array(32);
  const keys = { kTag: nothing, kStale: nothing, kPsk: nothing, rosterHead: nothing };
  const version = { ...keys, r: 0, v: keyVersion(1), rosterSeq: 0, activateAt: NOW, retired: undefined } as const;
  return {
    versions: [{ ...version, state: 'current', notAfter: unixSeconds(notAfter) }],
  };
}

const WELL: ServerFacts = {
  link: {
    ...{ address: 'server.test:1', connected: true, lastContact: unixSeconds(NOW + DAY - 5) },
    ...{ standing: 'active', clockAhead: 0.4, trouble: undefined },
  },
  ...{
    atRest: 'systemd-creds',
    enrolment: { caPart, caPartAt: unixSeconds(NOW + DAY - 7) },
    keysAt: NOW,
    endpointsAt: unixSeconds(0),
    groups: [],
    leaseClock: NOW,
    clockBehind: 0,
    refused: undefined,
    keptRefused: undefined,
  },
};
const link = (given: Partial<ServerFacts['link']>) => ({ link: { ...WELL.link, ...given } });
const at = (seconds: number) => unixSeconds(NOW + seconds);

describe('what is shown of a server', () => {
  it('has the age of every piece that a restart would go on with', () => {
    expect(serverStatus({ ...WELL, groups: [group(NOW + 3 * DAY)] }, at(DAY))).toEqual({
      url: 'wss://server.test:1',
      lastContactSeconds: 5,
      connected: true,
      standing: 'active',
      atRest: 'systemd-creds',
      leaseSeconds: 2 * DAY,
      ages: { certificateSeconds: 7, keysSeconds: DAY, rostersSeconds: DAY, endpointsSeconds: null },
    });
  });

  it.each<[string, Partial<ServerFacts>, number, readonly string[], RegExp]>([
    ['nothing when all is well', {}, DAY, [], /^$/],
    [
      'why the server is not reached',
      link({ connected: false, trouble: { code: 'server-not-reached', text: 'refused' } }),
      DAY,
      ['server-not-reached'],
      /^server.test:1: refused/,
    ],
    [
      'nothing of a trouble that is over',
      link({ trouble: { code: 'server-not-reached', text: 'refused' } }),
      DAY,
      [],
      /^$/,
    ],
    ['that somebody has to approve', link({ standing: 'pending' }), DAY, ['approval-pending'], /approve/],
    [
      'that the node was removed',
      link({ standing: 'removed', connected: false, trouble: { code: 'x', text: 'x' } }),
      DAY,
      ['removed'],
      /new join token/,
    ],
    ['that the certificate has ended', link({ standing: 'expired' }), 61 * DAY, ['certificate-ended'], /has ended/],
    ['nothing of a certificate that is to be renewed soon', {}, 39 * DAY, [], /^$/],
    ['20 days before the end of one that was not renewed', {}, 41 * DAY, ['certificate-ends'], /in 19 days/],
    ['a week before', {}, 54 * DAY, ['certificate-ends'], /in 6 days/],
    ['a day before', {}, 59 * DAY + HOUR, ['certificate-ends'], /in 23 hours/],
    ['nothing of a lease with half a day left', { groups: [group(NOW + DAY + 12 * HOUR)] }, DAY, [], /^$/],
    ['the end of the lease', { groups: [group(NOW + DAY + 3 * HOUR)] }, DAY, ['lease-ends'], /in 3 hours/],
    ['that the lease has ended', { groups: [group(NOW)] }, DAY, ['lease-ends'], /too long/],
    ['nothing of keys without a lease', { groups: [group(0xffff_ffff)] }, DAY, [], /^$/],
    ['a clock that goes before', link({ clockAhead: 3_600 }), DAY, ['clock-differs'], /3600 seconds ahead of/],
    [
      'a clock that is behind the last run, while the server is dead',
      { clockBehind: 2_190 * DAY },
      DAY,
      ['clock-differs'],
      /2190 days behind the time at which the node last ran.*set the clock/,
    ],
    ['nothing of one that is some seconds behind it', { clockBehind: 50 }, DAY, [], /^$/],
    [
      'a clock by which the kept certificate has ended',
      { keptRefused: 'cache-certificate-expired' },
      900 * DAY,
      ['certificate-ended'],
      /clock it is 20\d\d-.*set it and start the node again; else the server/,
    ],
    ['nothing of other things that were kept', { keptRefused: 'cache-node-key' }, DAY, [], /^$/],
    ['a clock that goes after', link({ clockAhead: -61 }), DAY, ['clock-differs'], /61 seconds behind/],
    [
      'a clock that went ahead of every lease',
      { groups: [group(NOW + 3 * DAY)], leaseClock: at(400 * DAY) },
      0,
      ['lease-clock-ahead'],
      /every lease has ended.*start the node again/,
    ],
    [
      'nothing of one that is ahead of no lease',
      { groups: [group(NOW + 3 * DAY)], leaseClock: at(2 * DAY) },
      0,
      [],
      /^$/,
    ],
    ['why keys were not taken', { refused: 'bundle-roster-hole' }, DAY, ['update-refused'], /bundle-roster-hole/],
  ])('tells %s', (_what, given, seconds, codes, text) => {
    const lines = serverHealth({ ...WELL, ...given }, at(seconds));
    expect(lines.map(({ code }) => code)).toEqual(codes);
    expect(lines[0]?.text ?? '').toMatch(text);
  });
});
