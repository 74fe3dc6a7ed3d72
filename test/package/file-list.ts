import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What changes on every machine whatever is installed: the package manager's own records, and logs. */
const OF_THE_SYSTEM = [
  /^\/var\/lib\/dpkg\/(status|status-old|available|lock.*|triggers\/.*|info\/format)$/,
  /^\/var\/log\/.*/,
  /^\/var\/cache\/(apt|ldconfig|debconf)\/.*/,
  /^\/(run|tmp|var\/tmp|proc|sys|dev)\/.*/,
  // of systemd: its seed of random numbers, its clock, and the key with which it seals anything for anybody
  /^\/var\/lib\/systemd\/(random-seed|timesync\/clock|credential\.secret)$/,
];

/** Every file of a file system with its owner, mode and content, as lines. */
export function fileList(root: string): readonly string[] {
  return below(root, '/').sort();
}

function below(root: string, folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (OF_THE_SYSTEM.some((pattern) => pattern.test(path))) return [];
    const facts = lstatSync(join(root, path));
    const line = `${path} ${facts.mode.toString(8)} ${facts.uid}:${facts.gid}`;
    if (facts.isDirectory()) return [line, ...below(root, path)];
    if (facts.isSymbolicLink()) return [`${line} -> ${readlinkSync(join(root, path))}`];
    return facts.isFile() ? [`${line} ${checksum(join(root, path))}`] : [line];
  });
}

function checksum(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
