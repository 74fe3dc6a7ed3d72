import { execFile } from 'node:child_process';
import { GscipError } from '../base/errors.ts';

/** Runs iproute2's `ip` and returns what it printed; its complaint becomes the error's cause. */
export function ipCommand(args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('ip', [...args], { timeout: 10_000 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      if (error.code === 'ENOENT')
        return reject(
          new GscipError('no-iproute2', 'the program "ip" is not installed', 'install the package iproute2'),
        );
      reject(
        new GscipError(
          'ip-failed',
          `"ip ${args.join(' ')}" failed: ${stderr.trim() || error.message}`,
          'see "ip addr" and "ip route" for what is in the way',
        ),
      );
    });
    if (input !== undefined) child.stdin?.end(input);
  });
}

/** The same with `-j`: parsed, or an empty list where nothing was printed. */
export async function ipJson(args: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const text = await ipCommand(['-j', ...args]);
  const value: unknown = text.trim() === '' ? [] : JSON.parse(text);
  return Array.isArray(value) ? value : [];
}
