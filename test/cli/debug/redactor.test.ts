import { describe, expect, it } from 'vitest';
import { Redactor } from '../../../src/cli/debug/redactor.ts';

const HOMES = ['', 'home'].join('/');

/** A redactor that knows two nodes and a group. */
function redactor(names = true): Redactor {
  const made = new Redactor({ names });
  made.learn('node', 'laptop');
  made.learn('node', 'Build.Host');
  made.learn('group', 'office');
  return made;
}

describe('the redactor of a debug bundle', () => {
  it.each([
    ['peer laptop is gone', 'peer node-1 is gone'],
    ['LAPTOP, office-laptop, laptops', 'node-1, office-laptop, laptops'],
    ['build.host builds', 'node-1 builds'],
    ['laptop.office.gscip', 'node-1.group-1.gscip'],
    ['10.0.0.1 and 10.0.0.2 and 10.0.0.1.', 'private4-1 and private4-2 and private4-1.'],
    ['10.0.0.0/8 100.64.0.3:47247', 'private4-1/8 private4-2:47247'],
    ['8.8.8.8 [2001:db8::1]:47247 fd00::7/64 fe80::1%eth0', 'public4-1 [public6-1]:47247 private6-1/64 link6-1%eth0'],
    ['cannot reach 2001:db8::1: no route', 'cannot reach public6-1: no route'],
    ['bad:1:10.0.0.1', 'bad:1:private4-1'],
    ['127.0.0.1 ::1 0.0.0.0:47247 :: 224.0.0.1 ff02::1', '127.0.0.1 ::1 0.0.0.0:47247 :: 224.0.0.1 ff02::1'],
    ['at 11:21:07.123, version 0.1.0, 24.5.1', 'at 11:21:07.123, version 0.1.0, 24.5.1'],
    ['link/ether 52:54:00:ab:cd:ef enx525400abcdef', 'link/ether mac-1 enxmac-2'],
    ['id 00112233445566778899aabbccddeeff', 'id id-1'],
    [`${HOMES}/alice/gscip and /var/lib/gscip`, `${HOMES}/user-1/gscip and /var/lib/gscip`],
  ])('makes of %j: %j', (text, expected) => {
    expect(redactor().text(text)).toBe(expected);
  });

  const SECRETS = [
    `gsj1.${'aB3_'.repeat(20)}@10.0.0.1:47247`,
    `gsr1.${'aB3-'.repeat(10)}`,
    'gsk1-7K3QD-0M5XW-8ZP2R-V4JTN-C6B1H-YG9SF',
    'ab'.repeat(32),
    Buffer.from('a key of thirty-two bytes length!').toString('base64'),
    '-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----',
  ];
  it.each(SECRETS)('takes a secret out of a text, also without pseudonyms: %s', (secret) => {
    for (const names of [true, false]) {
      const text = redactor(names).text(`x ${secret} y`);
      expect(text).toBe('x <removed> y');
    }
  });

  it('takes a password out of an address, and secrets out of fields of that name', () => {
    expect(redactor(false).text('postgres://gscip:hunter2@db/x')).toBe('postgres://<removed>@db/x');
    expect(redactor(false).value({ token: 'short', port: 5 })).toEqual({ token: '<removed>', port: 5 });
  });

  it('leaves names and addresses where that is asked for', () => {
    expect(redactor(false).text('laptop at 10.0.0.1, 2001:db8::1')).toBe('laptop at 10.0.0.1, 2001:db8::1');
  });

  it('leaves fields their names, and learns names by their fields', () => {
    const made = new Redactor({ names: true });
    const answer = {
      node: { name: 'state' },
      groups: [{ name: 'peers' }],
      peers: [{ name: 'b', state: 'b' }],
      tun: { name: 'gscip0' },
    };
    made.learnFrom(answer);
    expect(made.value(answer)).toEqual({
      node: { name: 'node-1' },
      groups: [{ name: 'group-1' }],
      peers: [{ name: 'node-2', state: 'node-2' }],
      tun: { name: 'gscip0' },
    });
    expect(made.report()).toEqual([
      { kind: 'node', different: 2, example: 'node-1' },
      { kind: 'group', different: 1, example: 'group-1' },
    ]);
  });

  it('never gives a pseudonym that it takes for a name', () => {
    const made = redactor();
    made.learn('node', 'node-1');
    expect(made.text('laptop node-1 laptop')).toBe('node-1 node-2 node-1');
  });
});
