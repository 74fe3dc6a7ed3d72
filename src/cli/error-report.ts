import { GscipError } from '../base/errors.ts';

/** The exit code that a failed command ends with: 2 for wrong usage, 3 when no agent runs, else 1. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof GscipError)) return 1;
  switch (error.code) {
    case 'usage':
      return 2;
    case 'not-running':
      return 3;
    default:
      return 1;
  }
}

/** Prints what happened, why, and what to do; with `--json` also one object on stdout. Only a fault of ours shows a stack. */
export function reportError(error: unknown, json: boolean): void {
  const { code, message, remedy } = describe(error);
  if (json) console.log(JSON.stringify({ schema: 1, error: { code, message, remedy } }));
  console.error(`gscip: ${message}`);
  if (remedy !== '') console.error(`       ${remedy.replaceAll('\n', '\n       ')}`);
}

interface Description {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

function describe(error: unknown): Description {
  if (error instanceof GscipError) return { code: error.code, message: withCause(error), remedy: error.remedy };
  if (isSystemError(error)) return { code: error.code, message: error.message, remedy: '' };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    code: 'internal',
    message: `internal error: ${text}`,
    remedy: 'This is a fault of GSCIP itself: please report it with the lines above.',
  };
}

function withCause(error: GscipError): string {
  const cause = error.cause;
  if (!(cause instanceof Error) || error.message.includes(cause.message)) return error.message;
  return `${error.message}: ${cause.message}`;
}

function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}
