import { describe, expect, it } from 'vitest';
import { concat, fromHex, isZero } from '../../src/base/bytes.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { PROVIDERS } from './providers.ts';
import { PUBLISHED, publishedVectors } from './vectors.ts';

type Row = Readonly<Record<string, string>> & { readonly tcId: number; readonly size?: number };
interface File {
  readonly testGroups: readonly {
    readonly tagSize?: number;
    readonly publicKey?: { readonly pk: string };
    readonly tests: readonly Row[];
  }[];
}
type Group = File['testGroups'][number];

/** Whether the provider gives what the row says; a row marked invalid must be refused. */
type Check = (provider: CryptoProvider, row: Row, group: Group) => boolean;

const bytes = (row: Row, key: string) => fromHex(row[key] ?? '');

const aead =
  (open: 'chachaOpen' | 'xchachaOpen', seal: 'chachaSeal' | 'xchachaSeal', nonceLength: number): Check =>
  (provider, row) => {
    const [key, iv, aad, plaintext] = ['key', 'iv', 'aad', 'msg'].map((name) => bytes(row, name));
    const sealed = concat(bytes(row, 'ct'), bytes(row, 'tag'));
    if (iv.length !== nonceLength)
      return row['result'] === 'invalid' && throwsRange(() => provider[open](key, iv, aad, sealed));
    const opened = provider[open](key, iv, aad, sealed);
    if (row['result'] === 'invalid') return opened === null;
    return opened !== null && equal(opened, plaintext) && equal(provider[seal](key, iv, aad, plaintext), sealed);
  };

const CHECKS: readonly (readonly [file: (typeof PUBLISHED)[number], rows: number, check: Check])[] = [
  [
    'wycheproof_x25519.json',
    518,
    (provider, row) => {
      const shared = provider.x25519(bytes(row, 'private'), bytes(row, 'public'));
      // A5: an all-zero result, which the file calls acceptable, is refused
      return isZero(bytes(row, 'shared')) ? shared === null : shared !== null && equal(shared, bytes(row, 'shared'));
    },
  ],
  [
    'wycheproof_ed25519.json',
    151,
    (provider, row, group) =>
      provider.ed25519Verify(fromHex(group.publicKey?.pk ?? ''), bytes(row, 'msg'), bytes(row, 'sig')) ===
      (row['result'] === 'valid'),
  ],
  [
    'wycheproof_hkdf_sha256.json',
    86,
    (provider, row) => {
      const prk = provider.hkdfExtract(bytes(row, 'salt'), bytes(row, 'ikm'));
      const expand = () => provider.hkdfExpand(prk, bytes(row, 'info'), row.size ?? 0);
      return row['result'] === 'invalid' ? throwsRange(expand) : equal(expand(), bytes(row, 'okm'));
    },
  ],
  [
    'wycheproof_hmac_sha256.json',
    174,
    (provider, row, group) => {
      const tag = provider.hmac(bytes(row, 'key'), bytes(row, 'msg')).subarray(0, (group.tagSize ?? 0) / 8);
      return equal(tag, bytes(row, 'tag')) === (row['result'] === 'valid');
    },
  ],
  ['wycheproof_chacha20_poly1305.json', 325, aead('chachaOpen', 'chachaSeal', 12)],
  ['wycheproof_xchacha20_poly1305.json', 315, aead('xchachaOpen', 'xchachaSeal', 24)],
];

describe.each(PROVIDERS)('Wycheproof with %s', (_, provider) => {
  for (const [name, count, check] of CHECKS) {
    const file = publishedVectors<File>(name);
    it.runIf(file)(`${name}: all ${count} rows agree`, () => {
      const rows = (file?.testGroups ?? []).flatMap((group) => group.tests.map((row) => ({ group, row })));
      const wrong = rows.filter(({ group, row }) => !check(provider, row, group)).map(({ row }) => row.tcId);
      expect([rows.length, wrong]).toEqual([count, []]);
    });
  }
});

describe('the published vectors', () => {
  it('are named when they are not there', () => {
    const missing = PUBLISHED.filter((file) => publishedVectors(file) === undefined);
    if (missing.length > 0) {
      process.stdout.write(
        `published vectors: ${missing.length} files not run, since GSCIP_VECTORS does not hold them\n`,
      );
    }
    expect(PUBLISHED.length).toBe(8);
  });
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function throwsRange(attempt: () => unknown): boolean {
  try {
    attempt();
    return false;
  } catch (error) {
    return error instanceof RangeError;
  }
}
