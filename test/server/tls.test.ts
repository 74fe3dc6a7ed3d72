import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { unixSeconds } from '../../src/base/brands.ts';
import { tlsIdentity } from '../../src/server/tls.ts';
import { newTlsKey, selfSigned } from '../../src/server/tls-certificate.ts';

const DAY = 86_400;
const NOW = unixSeconds(1_800_000_000);
const inDays = (days: number) => unixSeconds(NOW + days * DAY);

const top = mkdtempSync(join(tmpdir(), 'gscip-tls-'));
afterAll(() => rmSync(top, { recursive: true }));
const newFolder = () => mkdtempSync(join(top, 'state-'));

function fileWith(text: string): string {
  const path = join(newFolder(), 'file.pem');
  writeFileSync(path, text);
  return path;
}

describe("a server's own certificate", () => {
  it('is made at the first start, in files that only the owner may read, and kept', async () => {
    const folder = newFolder();
    const first = await tlsIdentity(folder, undefined, ['vpn.example.net'], NOW);
    expect(await tlsIdentity(folder, undefined, [], inDays(30))).toEqual(first);
    expect(['tls.key', 'tls.crt'].map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(readFileSync(join(folder, 'tls.key'), 'utf8')).toBe(first.key);
  });

  it('speaks for this host, the loopback addresses and what the server was told', async () => {
    const { cert } = await tlsIdentity(newFolder(), undefined, ['vpn.example.net', '192.0.2.7', '2001:db8::7'], NOW);
    const certificate = new X509Certificate(cert);
    for (const name of ['localhost', 'vpn.example.net']) expect(certificate.checkHost(name)).toBe(name);
    for (const address of ['127.0.0.1', '::1', '192.0.2.7', '2001:db8::7'])
      expect(certificate.checkIP(address)).toBe(address);
    expect(certificate.ca).toBe(false);
  });

  it('is replaced when a third of its year is left, and the pin stays', async () => {
    const folder = newFolder();
    const first = await tlsIdentity(folder, undefined, [], NOW);
    const kept = await tlsIdentity(folder, undefined, [], inDays(242));
    const renewed = await tlsIdentity(folder, undefined, [], inDays(244));
    expect(kept.cert).toBe(first.cert);
    expect(renewed.cert).not.toBe(first.cert);
    expect(renewed.ends).toBe(inDays(244 + 365));
    expect(renewed.pin).toBe(first.pin);
  });
});

describe("an administrator's certificate", () => {
  it('is read again from its files', async () => {
    const key = newTlsKey();
    const files = { cert: fileWith(await selfSigned(key, ['a'], NOW)), key: fileWith(key) };
    const first = await tlsIdentity(newFolder(), files, [], NOW);
    const replaced = await selfSigned(key, ['a'], inDays(1));
    writeFileSync(files.cert, replaced);
    expect((await tlsIdentity(newFolder(), files, [], NOW)).cert).toBe(replaced);
    expect(first.cert).not.toBe(replaced);
  });

  it('is refused when it cannot be read, is no PEM, or the key belongs to another', async () => {
    const key = newTlsKey();
    const cert = await selfSigned(key, ['a'], NOW);
    const rows = [
      { cert: join(top, 'none'), key: fileWith(key), says: /none cannot be read/ },
      { cert: fileWith('hello'), key: fileWith(key), says: /holds no certificate/ },
      { cert: fileWith(cert), key: fileWith(cert), says: /holds no private key/ },
      { cert: fileWith(cert), key: fileWith(newTlsKey()), says: /is not the key of/ },
    ];
    for (const { says, ...files } of rows)
      await expect(tlsIdentity(newFolder(), files, [], NOW)).rejects.toMatchObject({
        code: 'bad-certificate',
        message: expect.stringMatching(says),
      });
  });
});
