import { execFile } from 'node:child_process';
import { GscipError } from '../base/errors.ts';
import { usedAddon } from '../native/addon.ts';

/** Ruleset of a busy machine (thousands of Docker's rules) as JSON, in bytes at most. */
const MOST_OUTPUT = 64 * 1024 * 1024;

/** Carries out a script of nftables as one transaction: all of it or nothing. */
export async function runNft(script: string): Promise<void> {
  await nft(['-f', '-'], script);
}

/** The objects that `nft -j list …` prints; an empty list where there is no such table. */
export async function nftJson(what: readonly string[]): Promise<readonly unknown[]> {
  const value: unknown = JSON.parse(await nft(['-j', 'list', ...what]));
  if (typeof value !== 'object' || value === null || !('nftables' in value)) return [];
  return Array.isArray(value.nftables) ? value.nftables : [];
}

/** Another number after each change of any rules in this network namespace; undefined where the kernel cannot be asked. */
export function nftGeneration(): number | undefined {
  const addon = usedAddon();
  const answer = typeof addon === 'string' ? -1 : addon.nftGeneration();
  return answer < 0 ? undefined : answer;
}

/** Takes a table away, whether it is there or not, in one transaction. */
export function withoutTable(table: string): string {
  return `table ${table} {}\ndelete table ${table}\n`;
}

function nft(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: 10_000, maxBuffer: MOST_OUTPUT };
    const child = execFile('nft', [...args], options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (error.code === 'ENOENT')
        return reject(new GscipError('no-nft', 'the program "nft" is not installed', 'install the package nftables'));
      reject(
        new GscipError(
          'nft-failed',
          `"nft ${args.join(' ')}" failed: ${stderr.trim() || error.message}`,
          'see "nft list ruleset" and "dmesg"; the kernel needs nf_tables with its fib expression',
        ),
      );
    });
    child.stdin?.on('error', () => undefined); // that it ended early is told by its exit
    child.stdin?.end(input);
  });
}
