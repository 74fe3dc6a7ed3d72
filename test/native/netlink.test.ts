import { describe, expect, it } from 'vitest';
import { PROJECT, pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { runNow } from '../../src/cli/lab/run-now.ts';
import { NETWORK_CHANGE } from '../../src/native/addon.ts';
import { needAddon } from './need-addon.ts';

const addon = needAddon();
const { links, addresses, routes, lost } = NETWORK_CHANGE;

/** In a network of its own: drains, runs each command, and prints the bits that each of them made readable. */
const WATCH = `const addon = require(process.argv[1]); const { execFileSync } = require('node:child_process');
  const fd = addon.netlinkOpen();
  const bits = (words) => { execFileSync('sh', ['-c', 'ip ' + words]); return addon.netlinkDrain(fd); };
  console.log(JSON.stringify(JSON.parse(process.argv[2]).map(bits))); addon.close(fd);`;

function bitsOf(...commands: readonly string[]): number[] {
  const words = ['--net', pinnedNode(), '-e', WATCH, `${PROJECT}build/gscip.node`, JSON.stringify(commands)];
  return JSON.parse(runNow('unshare', words));
}

describe('the netlink socket', () => {
  it('tells links, addresses and ways out apart, and passes over other routes', () => {
    const bits = bitsOf(
      'link add e0 type veth peer name e1',
      'addr add 192.0.2.1/24 dev e0',
      'link set e1 up',
      'link set e0 up',
      'route add default via 192.0.2.9',
      'route add 198.51.100.0/24 via 192.0.2.9',
      'route add 128.0.0.0/1 via 192.0.2.9',
      'route del default',
      'addr del 192.0.2.1/24 dev e0',
      'link del e0',
    );
    const [added, address, , up, way, longer, half, gone, addressGone, linkGone] = bits;
    expect(added).toBe(links);
    expect(address).toBe(addresses);
    expect(up & links).toBe(links);
    // the kernel may say late that a link carries
    expect([way, longer, half, gone].map((bits) => bits & ~links)).toEqual([routes, 0, routes, routes]);
    expect(addressGone & addresses).toBe(addresses);
    expect(linkGone & links).toBe(links);
  });

  it('says that some were lost when more came than its buffer holds', () => {
    const flood = `-batch - <<END\n${'link set lo mtu 1400\nlink set lo mtu 1500\n'.repeat(400)}END`;
    expect(bitsOf(flood)).toEqual([links | lost]);
  });

  it('reads only what it opened', () => {
    expect(addon.netlinkDrain(0)).toBeLessThan(0);
    const fd = addon.netlinkOpen();
    if (typeof fd === 'string') throw new Error(fd);
    expect(addon.netlinkDrain(fd)).toBe(0);
    addon.close(fd);
    expect(addon.netlinkDrain(fd)).toBeLessThan(0);
  });
});
