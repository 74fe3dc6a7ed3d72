import { existsSync, readFileSync } from 'node:fs';
import { GscipError } from '../../base/errors.ts';
import { readSecretLine } from '../secret-line.ts';

/** What every join token begins with (protocol.md 11). */
const TOKEN = /^gsj\d+\./;

/** The token behind `--join TOKEN|FILE|-`; a token itself is recognised by its first letters. */
export async function joinToken(written: string): Promise<string> {
  if (TOKEN.test(written)) return written.trim();
  const text = written === '-' ? await readSecretLine('Join token: ') : readToken(written);
  const token = text.trim();
  if (TOKEN.test(token)) return token;
  const where = written === '-' ? 'what was entered' : written;
  throw new GscipError(
    'bad-token',
    `${where} holds no join token`,
    'a token begins with "gsj1."; make one with: gscip admin token create --user NAME --groups GROUP',
  );
}

function readToken(path: string): string {
  if (!existsSync(path))
    throw new GscipError(
      'no-token',
      `"${path}" is neither a join token nor a file`,
      'a token begins with "gsj1."; check that it was copied whole, or the path behind --join',
    );
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GscipError('no-token', `${path} cannot be read`, 'check who may read it', cause);
  }
}
