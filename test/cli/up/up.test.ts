import { describe, expect, it } from 'vitest';
import { flagSettings } from '../../../src/cli/up/up-options.ts';
import { run } from '../cli-run.ts';

describe('gscip up', () => {
  it.each([
    [['--new', 'home', '--join', 'gsj1.x']],
    [['--new', 'home', '--bundle', 'x']],
    [['--join', 'gsj1.x', '--bundle', 'x']],
  ])('with %s is usage: a node belongs to one network', async (words) => {
    expect(await run(['up', ...words])).toMatchObject({ status: 2, stderr: expect.stringContaining('exclude') });
  });

  it.each([
    [['--pool', '10.0.0.0/16'], /--new/],
    [['--server', 'a:b'], /no address of a server/],
    [['--server-listen', 'x'], /no address to listen on/],
  ])('with %s is usage', async (words, text) => {
    expect(await run(['up', ...words])).toMatchObject({ status: 2, stderr: expect.stringMatching(text) });
  });

  it('keeps neither the token nor the order to begin a network among its settings', () => {
    expect(flagSettings({ join: 'gsj1.x', new: 'home', config: 'f', name: 'a', alwaysOn: true })).toEqual({
      name: 'a',
      'always-on': true,
    });
  });
});
