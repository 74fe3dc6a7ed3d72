import { parseAddress } from '../../base/ip-address.ts';

/** What a replaced text was: the beginning of its pseudonym. */
export type NameKind = 'node' | 'group' | 'network' | 'host' | 'user';

/** How many different ones of a kind were replaced; `example` is what stands in their place. */
export interface Redacted {
  readonly kind: string;
  readonly different: number;
  readonly example: string;
}

/** Of whom the fields of answers and log lines speak; `name` is a node's except in a list of groups. */
const FIELD_KINDS: ReadonlyMap<string, NameKind> = new Map([
  ...(['name', 'node', 'peer', 'member', 'sourceNode', 'destinationNode', 'start', 'end', 'asked'] as const).map(
    (field) => [field, 'node'] as const,
  ),
  ...(['group', 'groups'] as const).map((field) => [field, 'group'] as const),
  ['network', 'network'],
  ['user', 'user'],
  ['host', 'host'],
]);
/** Fields whose texts are secrets, should one ever be there. */
const SECRET_FIELD = /secret|token|password|seed|psk|private/i;
const REMOVED = '<removed>';

/** Tokens, codes, keys and passwords by their shape: removed whatever is asked for. */
const SECRETS = [
  '-----BEGIN [^-]+-----(?:.|\n)*?(?:-----END [^-]+-----|$)',
  String.raw`\bgs[a-z]\d\.[A-Za-z0-9_-]+(?:@[^\s"']+)?`,
  String.raw`\bgsk\d-[0-9A-Za-z-]+`,
  String.raw`(?<=://)[^/\s:@]+:[^/\s@]+(?=@)`,
  String.raw`\b[0-9A-Fa-f]{40,}\b`,
  String.raw`(?<![A-Za-z0-9+/_-])(?=[A-Za-z0-9+/_-]*\d)(?=[A-Za-z0-9+/_-]*[a-z])(?=[A-Za-z0-9+/_-]*[A-Z])[A-Za-z0-9+/_-]{32,}={0,2}`,
];
const PLACES = [
  String.raw`(?<mac>\b(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\b|(?<=\b(?:enx|wlx))[0-9a-f]{12}\b)`,
  '(?<six>(?<![0-9A-Za-z:.])[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)',
  String.raw`(?<four>(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d))`,
  String.raw`(?<id>\b[0-9A-Fa-f]{32}\b)`,
  String.raw`(?<=/(?:home|Users)/)(?<home>[^/\s"']+)`,
];

/**
 * Takes out of texts what says who and where somebody is. One original has one pseudonym in all of them, so that they can still be
 * read together. Secrets go in any case; `names: false` leaves everything else.
 */
export class Redactor {
  readonly #isFull: boolean;
  readonly #names = new Map<string, NameKind>();
  readonly #pseudonyms = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  #pattern: RegExp | undefined;

  constructor({ names }: { readonly names: boolean }) {
    this.#isFull = names;
  }

  /** This text is a name, wherever it stands. */
  learn(kind: NameKind, name: string): void {
    const key = name.trim().toLowerCase();
    if (key === '' || this.#names.has(key) || !Number.isNaN(Number(key))) return;
    this.#names.set(key, kind);
    this.#pattern = undefined;
  }

  /** Learns the names in an answer or a log line, by their fields; an interface is nobody's name. */
  learnFrom(value: unknown, field = '', around = ''): void {
    if (typeof value === 'string') {
      const kind = around === 'groups' && field === 'name' ? 'group' : FIELD_KINDS.get(field);
      if (kind !== undefined && !isAddress(value)) this.learn(kind, value);
    } else if (Array.isArray(value)) for (const each of value) this.learnFrom(each, field, field);
    else if (typeof value === 'object' && value !== null)
      for (const [name, each] of Object.entries(value)) if (name !== 'tun') this.learnFrom(each, name, around);
  }

  text(text: string): string {
    this.#pattern ??= this.#compile();
    return text.replace(this.#pattern, (...match) => this.#replacement(match));
  }

  /** The same for every text in a value; keys stay what they are, but for addresses and ids. */
  value(value: unknown, field = ''): unknown {
    if (typeof value === 'string') {
      if (!SECRET_FIELD.test(field)) return this.text(value);
      return this.#removed();
    }
    if (Array.isArray(value)) return value.map((each) => this.value(each, field));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [isAddress(name) ? this.text(name) : name, this.value(each, name)]),
    );
  }

  /** What was taken out so far, by kind. */
  report(): Redacted[] {
    return [...this.#counts].map(([kind, different]) => ({
      kind,
      different,
      example: kind === 'secret' ? REMOVED : `${kind}-1`,
    }));
  }

  #compile(): RegExp {
    const secrets = `(?<secret>${SECRETS.join('|')})`;
    if (!this.#isFull) return new RegExp(secrets, 'g');
    const known = [...this.#names.keys()].sort((a, b) => b.length - a.length).map(literal);
    const names = known.length === 0 ? [] : [`(?<![A-Za-z0-9_-])(?<name>${known.join('|')})(?![A-Za-z0-9_-])`];
    return new RegExp([PLACES[0], PLACES[1], PLACES[2], PLACES[3], secrets, PLACES[4], ...names].join('|'), 'g');
  }

  #replacement(match: readonly unknown[]): string {
    const groups = match.at(-1);
    const whole = String(match[0]);
    if (typeof groups !== 'object' || groups === null) return whole;
    const [kind] = Object.entries(groups).find(([, text]) => text !== undefined) ?? ['secret'];
    switch (kind) {
      case 'secret':
        return this.#removed();
      case 'name':
        return this.#pseudonym(this.#names.get(whole.toLowerCase()) ?? 'host', whole);
      case 'home':
        return this.#pseudonym('user', whole);
      case 'six':
      case 'four':
        return this.#address(whole);
      default:
        return this.#pseudonym(kind, whole);
    }
  }

  /** A colon or stop behind an address belongs to the sentence. */
  #address(text: string): string {
    const end = /[:.]?$/.exec(text)?.[0] ?? '';
    for (const tail of ['', end]) {
      const written = text.slice(0, text.length - tail.length);
      const bytes = parseAddress(written);
      if (bytes) return `${isNobodys(bytes) ? written : this.#pseudonym(scopeOf(bytes), written)}${tail}`;
    }
    // a time, say; or something with a port in between, whose parts may be names and addresses
    return text.includes(':')
      ? text
          .split(':')
          .map((part) => this.text(part))
          .join(':')
      : text;
  }

  #pseudonym(kind: string, original: string): string {
    const key = original.toLowerCase();
    const known = this.#pseudonyms.get(key);
    if (known !== undefined) return known;
    const number = (this.#counts.get(kind) ?? 0) + 1;
    const made = `${kind}-${number}`;
    this.#counts.set(kind, number);
    this.#pseudonyms.set(key, made);
    return made;
  }

  #removed(): string {
    this.#counts.set('secret', (this.#counts.get('secret') ?? 0) + 1);
    return REMOVED;
  }
}

/** Without regard to case, which the rest of the pattern has. */
function literal(name: string): string {
  return [...name].map((letter) => caseless(letter)).join('');
}

function caseless(letter: string): string {
  const [lower, upper] = [letter.toLowerCase(), letter.toUpperCase()];
  return lower === upper ? letter.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&') : `[${lower}${upper}]`;
}

function isAddress(text: string): boolean {
  return parseAddress(text.replace(/^\[|\](:\d+)?$|\/\d+$/g, '')) !== null || /^\d+\.\d+\.\d+\.\d+[:/]\d+$/.test(text);
}

/** Addresses that are the same on every machine: loopback, multicast, broadcast, none, and the whole of something. */
function isNobodys(bytes: Uint8Array): boolean {
  if (bytes.length === 4) return bytes[0] === 127 || bytes[0] >= 224 || bytes[0] === 0;
  return bytes[0] === 0xff || bytes.subarray(0, 15).every((byte) => byte === 0);
}

/** Where an address can be meant, which helps whoever reads and tells nothing of whose it is. */
function scopeOf(bytes: Uint8Array): string {
  const family = bytes.length === 4 ? 4 : 6;
  const [first, second] = bytes;
  if (family === 4) {
    const isPrivate = first === 10 || (first === 172 && second >> 4 === 1) || (first === 192 && second === 168);
    if (isPrivate || (first === 100 && second >> 6 === 1)) return 'private4';
    return first === 169 && second === 254 ? 'link4' : 'public4';
  }
  if (first >> 1 === 0x7e) return 'private6';
  return first === 0xfe && second >> 6 === 2 ? 'link6' : 'public6';
}
