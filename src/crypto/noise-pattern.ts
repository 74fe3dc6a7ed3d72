/** What a handshake message does, one after the other (Noise 5.3, 9.2). */
export type NoiseToken = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk';
export type NoiseRole = 'initiator' | 'responder';

/** One line of a pattern: who sends, and what. */
export interface NoiseLine {
  readonly sender: NoiseRole;
  readonly tokens: readonly NoiseToken[];
}

/** A handshake as the Noise engine takes it. */
export interface NoisePattern {
  /** The whole protocol name, which is what is hashed. */
  readonly name: string;
  /** Public keys known before the first message. */
  readonly preMessages: readonly NoiseLine[];
  readonly messages: readonly NoiseLine[];
  /** With a psk token anywhere, each `e` is mixed into the key as well (Noise 9.2). */
  readonly usesPsk: boolean;
}

const TOKENS: readonly string[] = ['e', 's', 'ee', 'es', 'se', 'ss', 'psk'];

/**
 * Builds a pattern from its token strings, one message a line as in the Noise specification:
 * `-> e`, `<- e, ee, s, es`. Lines before a line `...` are pre-messages. Throws RangeError on anything else.
 */
export function noisePattern(name: string, text: string): NoisePattern {
  const lines = text.split('\n').map((line) => line.trim());
  const dots = lines.indexOf('...');
  const preMessages = lines.slice(0, Math.max(dots, 0)).filter(Boolean).map(parseLine);
  const messages = lines
    .slice(dots + 1)
    .filter(Boolean)
    .map(parseLine);
  return { name, preMessages, messages, usesPsk: messages.some((line) => line.tokens.includes('psk')) };
}

function parseLine(line: string): NoiseLine {
  const [arrow, rest = ''] = [line.slice(0, 2), line.slice(2)];
  if (arrow !== '->' && arrow !== '<-') throw new RangeError(`noise pattern: no arrow in "${line}"`);
  const tokens = rest.split(',').map((token) => token.trim());
  const known = tokens.filter(isToken);
  if (known.length !== tokens.length) throw new RangeError(`noise pattern: unknown token in "${line}"`);
  return { sender: arrow === '->' ? 'initiator' : 'responder', tokens: known };
}

function isToken(token: string): token is NoiseToken {
  return TOKENS.includes(token);
}
