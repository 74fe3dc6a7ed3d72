import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env['GSCIP_VECTORS'];

/** The published vector file of that name, or undefined where GSCIP_VECTORS does not point to one. */
export function publishedVectors<T>(file: string): T | undefined {
  if (folder === undefined || !existsSync(join(folder, file))) return undefined;
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
}

/** The published files that the tests of this folder read. */
export const PUBLISHED = [
  'noise_cacophony.json',
  'noise_snow.json',
  'wycheproof_x25519.json',
  'wycheproof_ed25519.json',
  'wycheproof_hkdf_sha256.json',
  'wycheproof_hmac_sha256.json',
  'wycheproof_chacha20_poly1305.json',
  'wycheproof_xchacha20_poly1305.json',
] as const;
