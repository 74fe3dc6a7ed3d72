import { fileURLToPath } from 'node:url';
import type { LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { OverlayNode } from '../../src/cli/lab/overlay.ts';
import { pinnedNode } from '../../src/cli/lab/pinned-node.ts';
import { until } from '../../src/cli/lab/until.ts';

const TOOL = fileURLToPath(new URL('./keystrokes-tool.ts', import.meta.url));

/** A TCP session between two nodes in which both ends type all the time. */
export class Typing {
  /** the listening end first */
  readonly ends: readonly [LabProcess, LabProcess];

  private constructor(ends: readonly [LabProcess, LabProcess]) {
    this.ends = ends;
  }

  /** Returns when either has heard the other for a while. */
  static async start(from: OverlayNode, to: OverlayNode, port = 7300): Promise<Typing> {
    const address = await to.address();
    const listener = to.namespace.start([pinnedNode(), TOOL, 'listen', address, `${port}`], { seconds: 3_600 });
    await until('the listener', () => listener.stdout().includes('ready'));
    const words = [pinnedNode(), TOOL, 'connect', address, `${port}`];
    const ends = [listener, from.namespace.start(words, { seconds: 3_600 })] as const;
    await until('keystrokes both ways', () => ends.every((end) => heard(end).length > 20), { seconds: 20 });
    return new Typing(ends);
  }

  /** When each end heard the other, in milliseconds of the wall clock. */
  heard(): readonly [number[], number[]] {
    const [listener, typist] = this.ends;
    return [heard(listener), heard(typist)];
  }

  /** Until both ends heard the other again after this moment of the wall clock. */
  async goesOn(since: number, seconds = 20): Promise<void> {
    const back = () => this.heard().every((times) => times.some((time) => time > since));
    await until(() => `keystrokes both ways; ${this.trouble()}`, back, { seconds });
  }

  /** The longest time for which one of the ends heard nothing, of that which began or ended between two moments. */
  longestGap(from: number, until: number): number {
    return Math.max(...this.heard().map((times) => longestGap(times, from, until)));
  }

  /** What either end had to complain of: a connection that was reset, say. */
  trouble(): string {
    return this.ends.map((end) => end.stderr()).join('');
  }

  /** Both ends are there still, with their first connection. */
  get isWhole(): boolean {
    return this.trouble() === '' && this.ends.every(({ running }) => running);
  }

  async stop(): Promise<void> {
    await Promise.all(this.ends.map((end) => end.stop()));
  }
}

/** Between two numbers that follow each other, of those gaps that lie in the window in part. */
export function longestGap(times: readonly number[], from: number, until: number): number {
  let longest = 0;
  for (let at = 1; at < times.length; at++) {
    const [before, after] = [times[at - 1] ?? 0, times[at] ?? 0];
    if (after > from && before < until) longest = Math.max(longest, after - before);
  }
  return longest;
}

function heard(end: LabProcess): number[] {
  const lines = end.stdout().split('\n');
  return lines.filter((line) => /^\d+$/.test(line)).map(Number);
}
