import { describe, expect, it } from 'vitest';
import { downText } from '../../src/cli/down.ts';
import { whatStays } from '../../src/node/lock/lock.ts';

const said = (state: Parameters<typeof whatStays>[0], folder = '/var/lib/gscip') => downText(whatStays(state, folder));

describe('what gscip down says', () => {
  it('of a closed node: that it stays locked, and how to open it', () => {
    expect(said('closed')).toContain('stays locked: nothing passes');
    expect(said('closed')).toMatch(/sudo gscip lock open$/m);
  });

  it('names the folder of a node that is not the default one, as a shell takes it', () => {
    expect(said('closed', '/srv/a b')).toMatch(/sudo gscip lock open --state '\/srv\/a b'$/m);
    expect(said('closed', '/srv/a b')).toMatch(/sudo gscip up --state '\/srv\/a b'$/m);
  });

  it('of a closed node whose lock is open: that clear text passes', () => {
    expect(said('open')).toContain('clear text passes');
    expect(said('open')).not.toContain('stays locked');
  });

  it.each(['guard', 'none'] as const)('of an open node (%s) nothing of a lock', (state) => {
    expect(said(state)).toBe('the agent has stopped; interface, addresses and routes are gone');
  });
});
