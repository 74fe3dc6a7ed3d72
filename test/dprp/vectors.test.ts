import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { toHex } from '../../src/base/bytes.ts';
import { SUITE } from '../../src/base/primitives.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { GROUP_A, groupView, type NodeOptions, pair, retired, version } from './negotiation-world.ts';
import { referenceRun } from './reference-transcript.ts';

/*
 * Whole runs from fixed randomness, frozen: a change of one byte of a packet, hash or key fails here and needs a decision
 * (protocol.md 17.4). GSCIP_WRITE_VECTORS=1 writes the file anew.
 */

const FILE = fileURLToPath(new URL('../vectors/dprp.json', import.meta.url));

interface Vector {
  readonly name: string;
  readonly packets: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, string>>;
}

const CASES: readonly [string, NodeOptions | object, boolean][] = [
  ['plain: AES-256-GCM, one lane', { suites: [SUITE.aes256gcm] }, false],
  ['two lanes', { lanes: 2 }, false],
  ['ChaCha20-Poly1305', { suites: [SUITE.chacha20poly1305] }, false],
  ['rekey under retain=flow', {}, true],
];

describe('frozen runs', () => {
  const runs = CASES.map(([name, options, rekey]) => run(name, options, rekey, nodeProvider));
  if (process.env['GSCIP_WRITE_VECTORS'] === '1') writeFileSync(FILE, `${JSON.stringify(runs, null, 1)}\n`);
  const frozen: readonly Vector[] = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : [];

  it.each(
    runs.map((vector, i) => [vector.name, vector, i] as const),
  )('%s: every byte as frozen', (_name, vector, i) => {
    expect(vector).toEqual(frozen[i]);
  });

  it('the reference provider gives the same bytes', () => {
    const [name, options, rekey] = CASES[3];
    expect(run(name, options, rekey, nobleProvider)).toEqual(frozen[3]);
  });

  it('the frozen file holds these runs and no other', () => {
    expect(frozen.map(({ name }) => name)).toEqual(CASES.map(([name]) => name));
  });
});

/** Runs two nodes, then reads the packets by the reference and compares its keys with those that were installed. */
function run(name: string, options: object, rekey: boolean, provider: CryptoProvider): Vector {
  const ephemerals: { publicKey: Uint8Array; secretKey: Uint8Array }[] = [];
  const recording: CryptoProvider = {
    ...provider,
    x25519KeyPair: (seed) => {
      const made = provider.x25519KeyPair(seed);
      ephemerals.push({ publicKey: made.publicKey.slice(), secretKey: made.secretKey.slice() });
      return made;
    },
  };
  const { a, b, world, cid } = pair({ ...options, provider: recording }, { ...options, provider: recording });
  if (rekey) {
    for (const node of [a, b]) node.groups = [{ ...node.groups[0], retainFlow: true }];
    world.start(a, b, cid);
    world.run();
    const versions = [version(GROUP_A, 6), retired(GROUP_A, 5, 0)];
    for (const node of [a, b]) node.groups = [groupView(GROUP_A, [a, b], versions, { retainFlow: true })];
    world.now = millis(120_000);
    world.start(a, b, cid, 'rekey', a.of('install-receive')[0].sa.local);
  } else world.start(a, b, cid);
  world.run();
  const [dde, rgi, mpit, cdn] = world.log.slice(-4).map(({ bytes }) => bytes);
  const [sa, other] = [a.of('install-receive').at(-1), b.of('install-receive').at(-1)];
  if (!sa || !other) throw new Error('no SA');
  const secretOf = (key: Uint8Array) =>
    ephemerals.find(({ publicKey }) => toHex(publicKey) === toHex(key))?.secretKey ?? new Uint8Array(0);
  const kPsk = version(GROUP_A, 5).kPsk ?? new Uint8Array(0);
  const secrets = {
    'e_I secret': secretOf(dde.slice(12, 44)),
    'e_R secret': secretOf(rgi.slice(16, 48)),
    's_I secret': a.identity.xSecret,
    's_R secret': b.identity.xSecret,
    K_psk: kPsk,
  };
  const values = referenceRun({
    dde,
    rgi,
    mpit,
    cdn,
    ephemeralI: secrets['e_I secret'],
    ephemeralR: secrets['e_R secret'],
    staticI: a.identity.xSecret,
    staticR: b.identity.xSecret,
    kPsk,
    groupId: GROUP_A,
    r: 0,
    v: 5,
    nodeI: a.id,
    nodeR: b.id,
    suite: sa.sa.suite,
    lanes: sa.sa.lanes,
  });
  for (const [j, lane] of sa.lanes.entries()) {
    expect(toHex(lane.key)).toBe(values[`k_${j}(data r2i key)`]);
    expect(toHex(lane.iv)).toBe(values[`k_${j}(data r2i iv)`]);
    expect(toHex(other.lanes[j].key)).toBe(values[`k_${j}(data i2r key)`]);
    expect(toHex(other.lanes[j].iv)).toBe(values[`k_${j}(data i2r iv)`]);
  }
  expect(toHex(sa.sa.exporter)).toBe(values['k(exporter)']);
  if (rekey) {
    const old = a.of('install-receive')[0].sa.exporter;
    const proof = toHex(nobleProvider.hmac(old, Buffer.from(values['h at rekey proof'], 'hex')));
    expect(values['MPIT payload'].endsWith(proof)).toBe(true);
  }
  const hex = (from: Record<string, Uint8Array>) =>
    Object.fromEntries(Object.entries(from).map(([key, bytes]) => [key, toHex(bytes)]));
  return { name, packets: hex({ dde, rgi, mpit, cdn }), secrets: hex(secrets), values };
}
