import 'reflect-metadata'; // @peculiar/x509 asks for it before it is loaded
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { UnixSeconds } from '../base/brands.ts';
import { toHex } from '../base/bytes.ts';
import { parseAddress } from '../base/ip-address.ts';

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
/** Browsers refuse certificates that live longer than 398 days. */
const LIFE = 365 * 86_400;
/** Clocks of clients may be behind. */
const EARLIER = 86_400;

/** A new private key for TLS, in PEM. */
export function newTlsKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: CURVE.namedCurve });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A self-signed certificate, in PEM, for the key: it lives a year, and speaks for the host names and addresses. */
export async function selfSigned(keyPem: string, hosts: readonly string[], now: UnixSeconds): Promise<string> {
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: 'CN=gscip server',
      notBefore: new Date((now - EARLIER) * 1000),
      notAfter: new Date((now + LIFE) * 1000),
      signingAlgorithm: SIGNATURE,
      keys: await webKeys(createPrivateKey(keyPem)),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(hosts.map(generalName)),
      ],
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}

async function webKeys(key: KeyObject): Promise<webcrypto.CryptoKeyPair> {
  const { subtle } = webcrypto;
  const secret = key.export({ type: 'pkcs8', format: 'der' });
  const open = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    privateKey: await subtle.importKey('pkcs8', secret, CURVE, false, ['sign']),
    publicKey: await subtle.importKey('spki', open, CURVE, true, ['verify']),
  };
}

function generalName(host: string): JsonGeneralName {
  return { type: parseAddress(host) ? 'ip' : 'dns', value: host };
}

/** Positive, and of full length. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return toHex(bytes);
}
