import { describe, expect, it } from 'vitest';
import { GscipError } from '../../src/base/errors.ts';
import { formatAddress } from '../../src/base/ip-address.ts';
import { pathAddress, relayPath } from '../../src/base/path-address.ts';
import { whoisText } from '../../src/cli/whois.ts';
import { whoisAnswer } from '../../src/node/whois.ts';
import { World } from './world.ts';

/** a and b in office, a and c in lab, b and c behind one router, gate with 10.1.0.0/16 behind it. */
function network() {
  const world = new World('whois');
  for (const group of ['office', 'lab']) world.authority.group(group);
  world.authority.add('a', ['office', 'lab']);
  world.authority.add('b', ['office']);
  world.authority.add('c', ['lab']);
  world.authority.add('gate', ['office'], ['10.1.0.0/16'], 'cl');
  const a = world.node('a', '192.0.2.1:47247');
  const { paths, directory } = a.engine.node;
  const hint = (name: string, path: ReturnType<typeof pathAddress>) => {
    const member = directory.find(name);
    if (member) paths.hint(member.id, path);
  };
  hint('b', pathAddress('198.51.100.7:1000'));
  hint('c', pathAddress('198.51.100.7:1001'));
  hint('gate', relayPath(pathAddress('203.0.113.9:47247'), 5));
  const ask = (text: string) => whoisAnswer(a.engine, text, world.now);
  return { a, ask, addressOf: (name: string) => directory.find(name)?.addresses[0] ?? '' };
}

describe('whois', () => {
  it('names the member with an overlay address, by either family or by name', () => {
    const { a, ask, addressOf } = network();
    const own = formatAddress(a.address(6));
    for (const asked of [addressOf('b'), 'b', `${addressOf('b')}:22`])
      expect(ask(asked)).toMatchObject({
        kind: 'node',
        members: [{ name: 'b', type: 'ges', mode: 'op', groups: ['office'] }],
      });
    expect(ask(own)).toMatchObject({
      asked: own,
      kind: 'node',
      members: [{ name: 'a', groups: ['office', 'lab'], path: null }],
    });
    expect(ask('c').members[0]?.groups).toEqual(['lab']);
  });

  it('names the GEN that a machine is behind', () => {
    const answer = network().ask('10.1.2.3');
    expect(answer).toMatchObject({ kind: 'behind', members: [{ name: 'gate', mode: 'cl', routes: ['10.1.0.0/16'] }] });
    expect(whoisText(answer)).toContain('10.1.2.3 is gate (in a network behind it)');
  });

  it('names whose datagrams come from an address outside: by the port one, without it all behind that router', () => {
    const { ask } = network();
    const names = (text: string) => ask(text).members.map(({ name }) => name);
    expect(ask('198.51.100.7:1001')).toMatchObject({ kind: 'outer', members: [{ name: 'c' }] });
    expect(names('198.51.100.7')).toEqual(['b', 'c']);
  });

  it.each(['203.0.113.9:47247', '198.51.100.7:9', '8.8.8.8', 'nobody', '[::1]:1'])('knows nobody at %s', (asked) => {
    const { ask } = network();
    expect(() => ask(asked)).toThrow(GscipError);
    expect(() => ask(asked)).toThrow(expect.objectContaining({ code: 'unknown-address' }));
  });
});
