/**
 * An error of the shell that a user can act on: what happened, why, and what to do.
 * `code` is stable and may be relied on by programs; the message never holds a secret.
 */
export class GscipError extends Error {
  readonly code: string;
  readonly remedy: string;

  constructor(code: string, message: string, remedy = '', cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'GscipError';
    this.code = code;
    this.remedy = remedy;
  }
}
