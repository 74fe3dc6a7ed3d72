import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { GscipError } from '../../base/errors.ts';

const NEW_LINE = 10;

/** A line of a backup, and the SHA-256 of all bytes before it. */
export interface HashedLine {
  readonly text: string;
  before(): Uint8Array;
}

/** The lines of a file; what does not end in a new line is no line. */
export async function* backupLines(path: string): AsyncGenerator<HashedLine> {
  const hash = createHash('sha256');
  for await (const bytes of linesOf(path)) {
    yield { text: bytes.toString('utf8', 0, bytes.length - 1), before: () => hash.copy().digest() };
    hash.update(bytes);
  }
}

async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(path)) {
      let from = 0;
      const bytes = Buffer.concat([rest, chunk]);
      for (let end = bytes.indexOf(NEW_LINE); end >= 0; end = bytes.indexOf(NEW_LINE, from)) {
        yield bytes.subarray(from, end + 1);
        from = end + 1;
      }
      rest = bytes.subarray(from);
    }
  } catch (cause) {
    if (cause instanceof GscipError) throw cause;
    throw new GscipError(
      'no-backup',
      `${path} cannot be read`,
      'Check the name and the permissions of the file.',
      cause,
    );
  }
}
