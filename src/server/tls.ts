import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type UnixSeconds, unixSeconds } from '../base/brands.ts';
import { GscipError } from '../base/errors.ts';
import { writePrivately } from './authority/private-file.ts';
import { newTlsKey, selfSigned } from './tls-certificate.ts';

/** What a server shows to clients of TLS. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the public key (SPKI) in base64, as `curl --pinnedpubkey sha256//…` takes it */
  readonly pin: string;
  readonly ends: UnixSeconds;
}

/** The files that an administrator named, or undefined for a certificate of the server's own. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate of our own is replaced when less than a third of its year is left. */
const RENEW_BEFORE = 122 * 86_400;

/** What to show now. Called again from time to time, it gives files that were replaced, or a renewed certificate of the same key. */
export async function tlsIdentity(
  folder: string,
  files: TlsFiles | undefined,
  hosts: readonly string[],
  now: UnixSeconds,
): Promise<TlsIdentity> {
  if (files) return identityOf(readFile(files.cert), readFile(files.key), files);
  const own = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  if (!existsSync(own.key)) writePrivately(own.key, Buffer.from(newTlsKey()));
  const key = readFile(own.key);
  const kept = existsSync(own.cert) ? identityOf(readFile(own.cert), key, own) : undefined;
  if (kept && kept.ends - now > RENEW_BEFORE) return kept;
  const cert = await selfSigned(key, [...new Set([hostname(), 'localhost', '127.0.0.1', '::1', ...hosts])], now);
  writePrivately(own.cert, Buffer.from(cert));
  return identityOf(cert, key, own);
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GscipError(
      'bad-certificate',
      `${path} cannot be read`,
      'Check --tls-cert and --tls-key, and who may read the files.',
      cause,
    );
  }
}

function identityOf(cert: string, key: string, files: TlsFiles): TlsIdentity {
  const certificate = parsed(files.cert, 'certificate', () => new X509Certificate(cert));
  const secret = parsed(files.key, 'private key', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(secret))
    throw new GscipError(
      'bad-certificate',
      `${files.key} is not the key of the certificate ${files.cert}`,
      'Name the two files that belong together.',
    );
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  const pin = createHash('sha256').update(spki).digest('base64');
  return { cert, key, pin, ends: unixSeconds(certificate.validToDate.getTime() / 1000) };
}

function parsed<T>(path: string, kind: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new GscipError(
      'bad-certificate',
      `${path} holds no ${kind} in PEM`,
      'Name files in PEM, the key without a password.',
      cause,
    );
  }
}
