import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';

/** Where the machine's own table of names is. */
export const HOSTS = '/etc/hosts';

/** Longest hosts file that is touched, in bytes: lists against advertisements have some hundred thousand lines. */
const LONGEST = 32 << 20;

/** One character per byte; undefined where there is no such file. Throws where it cannot be read, or is too long. */
export function readHosts(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return undefined;
  if (found.size > LONGEST) throw new Error(`${path} has ${found.size} bytes`);
  return readFileSync(path, 'latin1');
}

/**
 * Replaces the file as a whole, with its owner and mode; where it is a mount of its own, or the folder cannot be written,
 * only what changed in it, from the first byte on. `text` undefined takes the file away. Throws what the system says.
 */
export function writeHosts(path: string, text: string | undefined): void {
  const before = readHosts(path);
  if (before === text) return;
  if (text === undefined) return rmSync(path, { force: true });
  const place = before === undefined ? path : realpathSync(path);
  try {
    replace(place, text, statSync(place, { throwIfNoEntry: false }));
  } catch (error) {
    if (before === undefined) throw error;
    // where only the file can be written, as in a container, or by the service
    patch(place, before, text);
  }
}

function replace(path: string, text: string, like: Stats | undefined): void {
  const fresh = `${path}.gscip-new`;
  rmSync(fresh, { force: true });
  try {
    const fd = openSync(fresh, 'wx', 0o644);
    try {
      if (like) fchownSync(fd, like.uid, like.gid);
      fchmodSync(fd, like ? like.mode & 0o7777 : 0o644);
      writeWhole(fd, text, 0);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** Lines of others stand before our block and stay as they are, whenever this is interrupted. */
function patch(path: string, before: string, text: string): void {
  let same = 0;
  while (same < before.length && same < text.length && before[same] === text[same]) same++;
  const fd = openSync(path, 'r+');
  try {
    if (fstatSync(fd).size !== before.length) throw new Error(`${path} is being changed by somebody else`);
    writeWhole(fd, text, same);
    ftruncateSync(fd, text.length);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeWhole(fd: number, text: string, from: number): void {
  const bytes = Buffer.from(text, 'latin1');
  for (let at = from; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
}
