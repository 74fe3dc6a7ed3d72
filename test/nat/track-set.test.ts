import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { pathAddress } from '../../src/base/path-address.ts';
import { bury, type PathTrack, prove, startChallenge } from '../../src/nat/path-track.ts';
import { TrackSet } from '../../src/nat/track-set.ts';

const NOW = millis(10_000);

/** A direct path in use that has fallen silent, and a relay that was lost with it and answers again. */
function afterMove(): { readonly tracks: TrackSet; readonly direct: PathTrack; readonly relay: PathTrack } {
  const tracks = new TrackSet();
  const direct = tracks.take({ kind: 'direct', address: pathAddress('192.0.2.1:1') }, 'direct', undefined, NOW);
  const relay = tracks.take(
    { kind: 'relay', address: pathAddress('192.0.2.9:9'), channel: 1 },
    'relay',
    undefined,
    NOW,
  );
  for (const track of [direct, relay]) prove(track, NOW);
  bury(relay, NOW);
  prove(relay, NOW);
  return { tracks, direct, relay };
}

describe('the routes of a peer', () => {
  it('hold a path down that died, as long as another one is there', () => {
    const { tracks, direct, relay } = afterMove();
    expect(tracks.best(NOW, direct)).toBeUndefined();
    expect(tracks.best(millis(NOW + 2_000), direct)).toBe(relay);
  });

  it('offer it at once where the path in use is silent and nothing else answers', () => {
    const { tracks, direct, relay } = afterMove();
    expect(tracks.refuge(NOW, direct)).toBe(relay);
  });

  it('offer no path that is being asked whether it is there', () => {
    const { tracks, direct, relay } = afterMove();
    startChallenge(relay, new Uint8Array(8), NOW);
    expect(tracks.refuge(NOW, direct)).toBeUndefined();
  });
});
