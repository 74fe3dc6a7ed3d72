import { writeSync } from 'node:fs';

/** Lines are written together when the loop has nothing more urgent: a log file must not hold a handshake up. */
export class LineWriter {
  readonly #fd: number;
  #waiting = '';

  constructor(fd: number) {
    this.#fd = fd;
  }

  readonly write = (line: string): void => {
    if (this.#waiting === '') setImmediate(() => this.flush());
    this.#waiting += line;
  };

  /** Writes what waits; also to be called before the process ends. A log that cannot be written is lost. */
  flush(): void {
    const text = this.#waiting;
    this.#waiting = '';
    try {
      if (text !== '') writeSync(this.#fd, text);
    } catch {
      // a full disk or a closed pipe: the node goes on
    }
  }
}
