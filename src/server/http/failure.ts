import type { AdminFailure } from '../../api/admin/operations.ts';
import { GscipError } from '../../base/errors.ts';

/** What becomes of an error: a status and a body that says no more than the client may know. */
export interface Failed {
  readonly status: number;
  readonly body: AdminFailure;
  /** a fault of ours, to be written to the log */
  readonly isFault: boolean;
}

/** Codes with a status of their own. */
const STATUS: Readonly<Record<string, number>> = {
  'bad-request': 400,
  usage: 400,
  'no-api-key': 401,
  'bad-api-key': 401,
  'not-allowed': 403,
  'unknown-route': 404,
  'too-many-failures': 429,
};
/** A body that is no JSON, too long, of another type: fastify's own refusals. */
const REFUSED_REQUEST = /^FST_ERR_(CTP|VALIDATION|BAD|ROUTE|MAX|PARAM|ASYNC_CONSTRAINT)/;

export function failureOf(error: unknown): Failed {
  if (error instanceof GscipError) return failed(statusOf(error.code), error);
  if (isRefusedRequest(error))
    return failed(
      error.statusCode,
      new GscipError(
        'bad-request',
        error.message.replace(/^'.*' is/s, 'the path is'),
        'The form of every request is in /api/1/openapi.json.',
      ),
    );
  const text = 'the server could not answer: a fault of GSCIP itself';
  return { ...failed(500, new GscipError('internal', text, 'Look into its log, and report it.')), isFault: true };
}

function failed(status: number, { code, message, remedy }: GscipError): Failed {
  return { status, body: { error: { code, text: message, remedy } }, isFault: false };
}

/** What the state of the network does not allow is a conflict; what is not there is not found. */
function statusOf(code: string): number {
  const known = STATUS[code];
  if (known !== undefined) return known;
  if (code.startsWith('unknown-')) return 404;
  return /^(database|store)-/.test(code) ? 503 : 409;
}

function isRefusedRequest(error: unknown): error is Error & { readonly statusCode: number } {
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return false;
  const { code, statusCode } = error;
  return REFUSED_REQUEST.test(String(code)) && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
}
