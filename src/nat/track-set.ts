import { type Millis, millis } from '../base/brands.ts';
import { equalConstantTime } from '../base/bytes.ts';
import type { PathClass } from './candidate-order.ts';
import { type Route, routeName } from './path-route.ts';
import { isBetterClass, isUsable, newTrack, type PathTrack } from './path-track.ts';
import { STALE_MS } from './tuning.ts';

/** Routes of one peer that are remembered. */
const TRACKS_MAX = 16;

/** The routes of one peer, by name. */
export class TrackSet {
  readonly #tracks = new Map<string, PathTrack>();

  all(): PathTrack[] {
    return [...this.#tracks.values()];
  }

  find(route: Route): PathTrack | undefined {
    return this.#tracks.get(routeName(route));
  }

  /** Makes the route known; where there are too many, the oldest one but `keep` is forgotten. */
  take(route: Route, pathClass: PathClass, keep: PathTrack | undefined, now: Millis): PathTrack {
    const known = this.find(route);
    if (known) return known;
    const made = newTrack(route, pathClass, now);
    if (this.#tracks.size >= TRACKS_MAX) {
      const oldest = this.all().find((track) => track !== keep);
      if (oldest) this.forget(oldest);
    }
    this.#tracks.set(made.name, made);
    return made;
  }

  /** Without an SA nothing kept the mappings alive: where nothing came for long, no path is taken for one any more. */
  stillFresh(current: PathTrack | undefined, now: Millis): PathTrack | undefined {
    if (!current || now - (current.heardAt ?? current.aliveSince) <= STALE_MS) return current;
    this.#tracks.clear();
    return undefined;
  }

  forget(track: PathTrack): void {
    this.#tracks.delete(track.name);
  }

  /** Older relays of this peer: one is enough. */
  forgetRelaysBut(kept: readonly (PathTrack | undefined)[]): void {
    for (const track of this.all()) if (track.class === 'relay' && !kept.includes(track)) this.forget(track);
  }

  /** What was learnt of addresses on the network that this node has left. */
  forgetNetwork(current: PathTrack | undefined): void {
    for (const track of this.all()) {
      track.heldUntil = millis(0);
      track.deaths = 0;
      if (track !== current && track.route.kind === 'direct') this.forget(track);
    }
  }

  challengedBy(token: Uint8Array): PathTrack | undefined {
    return this.all().find(({ challenge }) => challenge !== undefined && equalConstantTime(challenge.token, token));
  }

  /** The best proved route that answers, without the one named. */
  best(now: Millis, except?: PathTrack): PathTrack | undefined {
    const usable = this.all().filter(
      (track) => track !== except && isUsable(track, now) && (track.challenge?.sent ?? 0) < 2,
    );
    return usable.sort(byMerit)[0];
  }

  /** Where to go when the path in use is silent: one that died lately but answers now is better than none. */
  refuge(now: Millis, silent: PathTrack): PathTrack | undefined {
    const answering = this.all().filter((track) => track !== silent && track.state === 'proved' && !track.challenge);
    return this.best(now, silent) ?? answering.sort(byMerit)[0];
  }

  /** For handshakes, before there is an SA to prove anything with. */
  bestAnswered(): PathTrack | undefined {
    return this.all()
      .filter(({ state }) => state === 'answered' || state === 'proved')
      .sort(byMerit)[0];
  }
}

function byMerit(a: PathTrack, b: PathTrack): number {
  if (a.class !== b.class) return isBetterClass(a, b) ? -1 : 1;
  return (a.rtt ?? Number.POSITIVE_INFINITY) - (b.rtt ?? Number.POSITIVE_INFINITY) || 0;
}
