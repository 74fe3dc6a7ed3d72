import type { SettingChange } from './settings.ts';

/** Requests over the agent's Unix socket: one JSON object per line in, one (or, for a watch, many) per line out. */
export type ControlRequest =
  | { readonly verb: 'status' }
  | { readonly verb: 'pit-list'; readonly limit: number }
  | { readonly verb: 'pit-watch'; readonly open: boolean }
  | { readonly verb: 'pit-flush'; readonly sas: boolean }
  | { readonly verb: 'explain'; readonly flow: FlowQuestion }
  | { readonly verb: 'ping'; readonly target: string; readonly count: number; readonly timeoutMs: number }
  | { readonly verb: 'wait'; readonly peer: string | undefined; readonly timeoutMs: number }
  | { readonly verb: 'netcheck' }
  | { readonly verb: 'metrics' }
  | { readonly verb: 'key-reload' }
  | { readonly verb: 'trace' }
  | { readonly verb: 'whois'; readonly address: string }
  | { readonly verb: 'settings'; readonly name: string | undefined }
  | { readonly verb: 'set'; readonly changes: readonly SettingChange[] }
  | { readonly verb: 'reload' }
  | { readonly verb: 'log' }
  | { readonly verb: 'capture'; readonly peer: string; readonly seconds: number; readonly bytes: number }
  | { readonly verb: 'logout' }
  | { readonly verb: 'down' };

/** A flow as a person asks for it. */
export interface FlowQuestion {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly port: number;
}

/** The answer to a request that failed; `code` is stable. */
export interface ControlFailure {
  readonly schema: 1;
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string };
}

/** Longest request line, in bytes. */
export const MAX_REQUEST = 65_536;

const DEFAULTS = { limit: 1_000, count: 4, timeoutMs: 10_000 } as const;

type Fields = Readonly<Record<string, unknown>>;

/** Parses one line of the socket. Returns a fault name for anything that is not exactly a request. */
export function parseControlRequest(line: string): ControlRequest | 'json' | 'verb' | 'field' {
  const fields = parseObject(line);
  if (!fields) return 'json';
  switch (fields['verb']) {
    case 'status':
    case 'netcheck':
    case 'metrics':
    case 'key-reload':
    case 'trace':
    case 'reload':
    case 'log':
    case 'logout':
    case 'down':
      return { verb: fields['verb'] };
    case 'pit-list':
      return bounded(fields['limit'], DEFAULTS.limit, 1_000_000, (limit) => ({ verb: 'pit-list', limit }));
    case 'pit-watch':
      return parseWatch(fields);
    case 'pit-flush':
      return parseFlush(fields);
    case 'explain':
      return parseExplain(fields);
    case 'ping':
      return parsePing(fields);
    case 'wait':
      return parseWait(fields);
    case 'capture':
      return parseCapture(fields);
    case 'whois':
      return isName(fields['address']) ? { verb: 'whois', address: fields['address'] } : 'field';
    case 'settings':
      return parseSettings(fields);
    case 'set':
      return parseSet(fields);
    default:
      return 'verb';
  }
}

function parseObject(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function bounded<T>(value: unknown, fallback: number, max: number, make: (n: number) => T): T | 'field' {
  const number = value === undefined ? fallback : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > max) return 'field';
  return make(number);
}

function parseSettings({ name }: Fields): ControlRequest | 'field' {
  return name === undefined || isName(name) ? { verb: 'settings', name } : 'field';
}

function parseCapture({ peer, seconds, bytes }: Fields): ControlRequest | 'field' {
  if (!isName(peer)) return 'field';
  return bounded(seconds, 30, 3_600, (time) =>
    bounded(bytes, 64 << 20, 2 ** 30, (size) => ({ verb: 'capture' as const, peer, seconds: time, bytes: size })),
  );
}

const MAX_CHANGES = 64;
const MAX_VALUE = 1_024;

function parseSet({ changes }: Fields): ControlRequest | 'field' {
  if (!Array.isArray(changes) || changes.length === 0 || changes.length > MAX_CHANGES) return 'field';
  const parsed = changes.map(parseChange);
  return parsed.every((each) => each !== undefined) ? { verb: 'set', changes: parsed } : 'field';
}

function parseChange(written: unknown): SettingChange | undefined {
  if (typeof written !== 'object' || written === null) return undefined;
  const { name, how, value }: Fields = { ...written };
  if (!isName(name) || typeof value !== 'string' || value.length > MAX_VALUE) return undefined;
  return how === '=' || how === '+=' || how === '-=' ? { name, how, value } : undefined;
}

function parseFlush({ sas = false }: Fields): ControlRequest | 'field' {
  return typeof sas === 'boolean' ? { verb: 'pit-flush', sas } : 'field';
}

/** `open`: with the flows that there are already. */
function parseWatch({ open = false }: Fields): ControlRequest | 'field' {
  return typeof open === 'boolean' ? { verb: 'pit-watch', open } : 'field';
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 255;
}

function parseExplain(fields: Fields): ControlRequest | 'field' {
  const flow = fields['flow'];
  if (typeof flow !== 'object' || flow === null) return 'field';
  const { source, destination, protocol, port }: Fields = { ...flow };
  if (!isName(source) || !isName(destination)) return 'field';
  return bounded(protocol, 6, 255, (protocolNumber) =>
    bounded(port, 0, 65_535, (portNumber) => ({
      verb: 'explain' as const,
      flow: { source, destination, protocol: protocolNumber, port: portNumber },
    })),
  );
}

function parsePing(fields: Fields): ControlRequest | 'field' {
  const target = fields['target'];
  if (!isName(target)) return 'field';
  return bounded(fields['count'], DEFAULTS.count, 1_000, (count) =>
    bounded(fields['timeoutMs'], 2_000, 60_000, (timeoutMs) => ({ verb: 'ping' as const, target, count, timeoutMs })),
  );
}

function parseWait(fields: Fields): ControlRequest | 'field' {
  const peer = fields['peer'];
  if (peer !== undefined && !isName(peer)) return 'field';
  return bounded(fields['timeoutMs'], DEFAULTS.timeoutMs, 3_600_000, (timeoutMs) => ({
    verb: 'wait' as const,
    peer,
    timeoutMs,
  }));
}
