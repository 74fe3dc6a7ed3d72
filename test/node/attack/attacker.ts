import { DATAGRAM } from '../../../src/base/datagram-kinds.ts';
import { type Pick, picker } from '../../dprp/random-network.ts';
import { changed, type DomainSecrets, forged, type Passing } from './forgery.ts';

/** What the attacker puts on the wire, `after` so many milliseconds. */
export interface Sending extends Passing {
  readonly after: number;
  /** where it seems to come from: its sender, an address of the attacker's from which answers find the sender, or nobody's */
  readonly source: 'own' | 'moved' | 'strange';
}

export const DEEDS = ['drop', 'delay', 'duplicate', 'change', 'replay', 'forge', 'move'] as const;
export type Deed = (typeof DEEDS)[number];

/** How the attacker treats the wire for a while: chances in percent, for some kinds of datagram and one direction or both. */
interface Mood {
  readonly until: number;
  readonly chances: Readonly<Record<Deed, number>>;
  /** first bytes; empty for all */
  readonly kinds: readonly number[];
  /** undefined for both directions */
  readonly towards: string | undefined;
  readonly latest: number;
}

const CHANCES = [0, 0, 0, 0, 5, 20, 50, 100];
const LATEST = [5, 60, 400, 2_500];
const KINDS = [
  DATAGRAM.dde,
  DATAGRAM.rgi,
  DATAGRAM.mpit,
  DATAGRAM.cdn,
  DATAGRAM.data,
  DATAGRAM.frame,
  DATAGRAM.elementQuery,
];
const SWALLOWS = { drop: 100, delay: 0, duplicate: 0, change: 0, replay: 20, forge: 100, move: 0 };
/** Datagrams of his own in a second, at most. */
const BUDGET = 1_000;
/** Datagrams that it remembers, of all times and pairs. */
const MEMORY = 400;

/**
 * Somebody on the wire between members, who does as a seed says: drops, delays and so reorders, duplicates, changes, replays,
 * forges, and lets datagrams come from other addresses. Holds no key but the domain's, where it is given that.
 */
export class Attacker {
  /** how often each was done */
  readonly deeds: Record<Deed, number> = { drop: 0, delay: 0, duplicate: 0, change: 0, replay: 0, forge: 0, move: 0 };
  readonly #pick: Pick;
  readonly #domain: DomainSecrets | undefined;
  readonly #past: Passing[];
  #mood: Mood | undefined;
  /** datagrams of his own in the second that began then */
  #since = 0;
  #spent = 0;

  /** `past`: what it heard before; it adds to it. */
  constructor(seed: number, domain?: DomainSecrets, past: Passing[] = []) {
    this.#past = past;
    this.#pick = picker(seed * 7 + 1);
    this.#domain = domain;
  }

  /** It only listens: what passes now may come again later. */
  hear(passing: Passing): void {
    const at = this.#past.length < MEMORY ? this.#past.length : this.#pick(MEMORY);
    this.#past[at] = { ...passing, bytes: passing.bytes.slice() };
  }

  /** What arrives in place of this datagram. */
  handle(passing: Passing, now: number): Sending[] {
    const mood = this.#moodAt(now, passing.to);
    this.hear(passing);
    const isMeant = mood.kinds.length === 0 || mood.kinds.includes(innerKind(passing.bytes));
    if (!isMeant || (mood.towards !== undefined && mood.towards !== passing.to))
      return [{ ...passing, after: 0, source: 'own' }];
    return [...this.#onward(passing, mood), ...this.#more(passing, mood, now)];
  }

  /** What it sends unasked; to be called now and then. */
  idle(now: number): Sending[] {
    if (this.#past.length === 0) return [];
    const about = this.#past[this.#pick(this.#past.length)];
    return this.#more(about, this.#moodAt(now, about.to), now);
  }

  #onward(passing: Passing, mood: Mood): Sending[] {
    if (this.#does('drop', mood)) return [];
    const bytes = this.#does('change', mood) ? changed(this.#pick, passing.bytes) : passing.bytes;
    const after = this.#does('delay', mood) ? 1 + this.#pick(mood.latest) : 0;
    const source = this.#does('move', mood) ? (['moved', 'strange'] as const)[this.#pick(2)] : 'own';
    const sending: Sending = { ...passing, bytes, after, source };
    return this.#does('duplicate', mood) ? [sending, { ...sending, after: this.#pick(mood.latest) }] : [sending];
  }

  #more(about: Passing, mood: Mood, now: number): Sending[] {
    // what a GEN passes on he meets again on the next link: without an end he would answer himself for ever
    if (now - this.#since >= 1_000) [this.#since, this.#spent] = [now, 0];
    if (this.#spent >= BUDGET) return [];
    const more: Passing[] = [];
    if (this.#does('replay', mood)) more.push(...this.#replayed(about));
    if (this.#does('forge', mood)) more.push(...forged(this.#pick, about, this.#past, this.#domain));
    this.#spent += more.length;
    const source: Sending['source'] = this.#pick(5) === 0 ? 'strange' : 'own';
    return more.map((each) => ({ ...each, after: this.#pick(3), source }));
  }

  /** Up to three of any time and pair: as they went, to this datagram's receiver, or back to where they came from. */
  #replayed({ from, to }: Passing): Passing[] {
    return Array.from({ length: 1 + this.#pick(3) }, () => {
      const old = this.#past[this.#pick(this.#past.length)];
      const { bytes } = old;
      switch (this.#pick(3)) {
        case 0:
          return old;
        case 1:
          return { from, to, bytes };
        default:
          return { from: old.to, to: old.from, bytes };
      }
    });
  }

  #does(deed: Deed, { chances }: Mood): boolean {
    if (this.#pick(100) >= chances[deed]) return false;
    this.deeds[deed]++;
    return true;
  }

  #moodAt(now: number, to: string): Mood {
    if (this.#mood && now < this.#mood.until) return this.#mood;
    const pick = this.#pick;
    const chance = () => CHANCES[pick(CHANCES.length)];
    const chances = {
      drop: chance(),
      delay: chance(),
      duplicate: chance(),
      change: chance(),
      replay: chance(),
      forge: chance(),
    };
    // every fourth time it swallows one kind of message, and answers in the place of whom it was for
    const swallowed = pick(4) === 0 ? KINDS[pick(KINDS.length)] : undefined;
    const kinds = pick(2) === 0 ? [] : KINDS.filter(() => pick(3) === 0);
    this.#mood = {
      until: now + 200 + pick(pick(8) === 0 ? 25_000 : 3_000),
      chances: swallowed === undefined ? { ...chances, move: pick(3) === 0 ? chance() : 0 } : SWALLOWS,
      kinds: swallowed === undefined ? kinds : [swallowed],
      towards: pick(3) === 0 ? to : undefined,
      latest: LATEST[pick(LATEST.length)],
    };
    return this.#mood;
  }
}

/** Of a frame the kind of what it holds, mostly: an attacker sees both. */
function innerKind(bytes: Uint8Array): number {
  return bytes[0] === DATAGRAM.frame && bytes.length > 8 && bytes[8] !== DATAGRAM.data ? bytes[8] : bytes[0];
}
