const BLOCK = 512;

/** One file of an archive. */
export interface TarFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** An archive of plain files, as every tar reads it (POSIX ustar): for its owner only. `mtime` in seconds. */
export function tarArchive(files: readonly TarFile[], mtime: number): Uint8Array {
  const parts = files.flatMap(({ name, bytes }) => [
    header(name, bytes.length, mtime),
    bytes,
    new Uint8Array((BLOCK - (bytes.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...parts, new Uint8Array(2 * BLOCK)]);
}

/** Offsets: name 0, mode 100, owner 108 and 116, size 124, time 136, checksum 148, kind 156, magic 257. */
function header(name: string, size: number, mtime: number): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > 100) throw new RangeError(`name too long for an archive: ${name}`);
  block.write(name, 0);
  const octal = (at: number, digits: number, value: number) =>
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  octal(100, 7, 0o600);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, size);
  octal(136, 11, Math.floor(mtime));
  block.write(' '.repeat(8), 148);
  block.write('0', 156);
  block.write('ustar\u000000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
