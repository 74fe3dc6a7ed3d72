import { writeSync } from 'node:fs';

/** Lines are written together when the loop has nothing more urgent: a log file must not hold a handshake up. */
export class LineWriter {
  readonly #fd: number;
  readonly #also: ((lines: string) => void) | undefined;
  #waiting = '';

  /** `also` gets the same lines, several at once, without the last one's end. */
  constructor(fd: number, also?: (lines: string) => void) {
    this.#fd = fd;
    this.#also = also;
  }

  readonly write = (line: string): void => {
    if (this.#waiting === '') setImmediate(() => this.flush());
    this.#waiting += line;
  };

  /** Writes what waits; also to be called before the process ends. A log that cannot be written is lost. */
  flush(): void {
    const text = this.#waiting;
    this.#waiting = '';
    if (text === '') return;
    attempt(() => writeSync(this.#fd, text));
    attempt(() => this.#also?.(text.trimEnd()));
  }
}

function attempt(write: () => void): void {
  try {
    write();
  } catch {
    // a full disk or a closed pipe: the node goes on
  }
}
