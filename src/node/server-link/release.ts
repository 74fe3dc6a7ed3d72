import { readFileSync } from 'node:fs';

/** The version of this program, as servers show it to people. */
export function packageRelease(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : '';
  return `gscip ${typeof version === 'string' ? version : ''}`.trim();
}
