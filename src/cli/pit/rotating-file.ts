import { closeSync, fstatSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { GscipError } from '../../base/errors.ts';

/** Only root reads who talked with whom. */
const MODE = 0o600;

/** A file of lines that is put aside as FILE.1, FILE.2 … when it is full; the oldest goes. */
export class RotatingFile {
  readonly #path: string;
  readonly #most: number;
  readonly #keep: number;
  /** undefined when it is closed, also by a failure on the way to the next one */
  #file: number | undefined;
  #size: number;

  /** Goes on with what is there. `most` in bytes; `keep` files beside the one that is written. */
  constructor(path: string, most: number, keep: number) {
    this.#path = path;
    this.#most = most;
    this.#keep = keep;
    const file = this.#attempt(() => openSync(path, 'a', MODE));
    this.#file = file;
    this.#size = this.#attempt(() => fstatSync(file).size);
  }

  /** Writes one line whole: into this file, or as the first one of the next. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    this.#attempt(() => {
      if (this.#size > 0 && this.#size + bytes.length > this.#most) this.#rotate();
      const file = this.#file ?? this.#next();
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    });
    this.#size += bytes.length;
  }

  close(): void {
    this.#attempt(() => this.#finish());
  }

  #rotate(): void {
    this.#finish();
    rmSync(`${this.#path}.${this.#keep}`, { force: true });
    for (let number = this.#keep - 1; number > 0; number--)
      moveIfThere(`${this.#path}.${number}`, `${this.#path}.${number + 1}`);
    if (this.#keep > 0) renameSync(this.#path, `${this.#path}.1`);
    else rmSync(this.#path);
  }

  #finish(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    fsyncSync(file);
    closeSync(file);
  }

  #next(): number {
    const file = openSync(this.#path, 'a', MODE);
    this.#file = file;
    this.#size = 0;
    return file;
  }

  #attempt<T>(step: () => T): T {
    try {
      return step();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new GscipError(
        'export-failed',
        `cannot write ${this.#path}: ${why}`,
        'check the folder and the space on its disk, or name another file with --out',
        cause,
      );
    }
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
